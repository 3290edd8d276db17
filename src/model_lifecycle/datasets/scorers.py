"""Fitted models by name, each in a folder of its own, none of them a pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from model_lifecycle.datasets.atomic import write_atomically
from model_lifecycle.scoring import Scorer

_INDEX = "index.json"


class ScorersDataset(AbstractDataset[Mapping[str, Scorer], dict[str, Scorer]]):
    """Saves `Scorer` objects as files; the index is written last and names what belongs together.

    Parameters
    ----------
    folder : str
        Holds one folder a scorer and ``index.json``.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(self, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(folder)
        self.metadata = metadata

    def load(self) -> dict[str, Scorer]:
        """Restore every scorer of the index."""
        index: dict[str, list[str]] = json.loads((self._folder / _INDEX).read_bytes())
        return {
            name: Scorer.from_files({file: (self._folder / name / file).read_bytes() for file in files})
            for name, files in index.items()
        }

    def save(self, data: Mapping[str, Scorer]) -> None:
        """Write all files, then the index."""
        index: dict[str, list[str]] = {}
        for name, scorer in data.items():
            files = scorer.to_files()
            index[name] = sorted(files)
            for file, content in files.items():
                write_atomically(self._folder / name / file, content)
        write_atomically(self._folder / _INDEX, json.dumps(index, indent=2).encode())

    def _exists(self) -> bool:
        return (self._folder / _INDEX).exists()

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self._folder)}
