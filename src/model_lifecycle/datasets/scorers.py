"""Fitted models as files, none of them a pickle: one scorer, or several by name."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from model_lifecycle.datasets.atomic import write_atomically
from model_lifecycle.scoring import Scorer

_INDEX = "index.json"


class ScorerDataset(AbstractDataset[Scorer, Scorer]):
    """Saves one `Scorer` as files; the index is written last and holds the SHA-256 of what belongs together.

    Parameters
    ----------
    folder : str
        Holds the files and ``index.json``.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(self, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(folder)
        self.metadata = metadata

    def load(self) -> Scorer:
        """Restore the scorer from the very bytes that were saved."""
        index: dict[str, str] = json.loads((self._folder / _INDEX).read_bytes())
        files = {name: (self._folder / name).read_bytes() for name in index}
        for name, digest in index.items():
            found = _digest(files[name])
            if found != digest:
                raise DatasetError(
                    f"{self._folder / name}: found SHA-256 {found}, expected {digest}; run the pipeline again"
                )
        return Scorer.from_files(files)

    def save(self, data: Scorer) -> None:
        """Write all files, then the index; until then there is none, so no load mixes old files with new."""
        files = data.to_files()
        (self._folder / _INDEX).unlink(missing_ok=True)
        for name, content in files.items():
            write_atomically(self._folder / name, content)
        index = {name: _digest(files[name]) for name in sorted(files)}
        write_atomically(self._folder / _INDEX, json.dumps(index, indent=2).encode())

    def _exists(self) -> bool:
        return (self._folder / _INDEX).exists()

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self._folder)}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class ScorersDataset(AbstractDataset[Mapping[str, Scorer], dict[str, Scorer]]):
    """Saves scorers by name, each in a folder of its own; the index is written last.

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
        names: list[str] = json.loads((self._folder / _INDEX).read_bytes())
        return {name: ScorerDataset(str(self._folder / name)).load() for name in names}

    def save(self, data: Mapping[str, Scorer]) -> None:
        """Write every scorer, then the index; until then there is none."""
        (self._folder / _INDEX).unlink(missing_ok=True)
        for name, scorer in data.items():
            ScorerDataset(str(self._folder / name)).save(scorer)
        write_atomically(self._folder / _INDEX, json.dumps(list(data), indent=2).encode())

    def _exists(self) -> bool:
        return (self._folder / _INDEX).exists()

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self._folder)}
