"""A folder of things that took long to compute, each found again by its key."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from model_lifecycle.datasets.atomic import write_atomically
from model_lifecycle.datasets.installed import installed_version


class MemoFolder:
    """A `backtest.memo.Memo` in a folder: one file a key, whole or not at all.

    Parameters
    ----------
    path : Path
        Made with the first file.
    version : str, optional
        Of all that the keys do not tell; by default of this package's source and of what is installed. What another
        version has left is never read.
    """

    def __init__(self, path: Path, version: str | None = None) -> None:
        self._path = path
        self._version = version
        self._used: set[str] = set()

    def read(self, key: str) -> dict[str, bytes] | None:
        """Return what was kept under a key, None where there is nothing sound."""
        place = self._place(key)
        try:
            with zipfile.ZipFile(place) as packed:
                return {name: packed.read(name) for name in packed.namelist()}
        except (FileNotFoundError, zipfile.BadZipFile):
            return None

    def write(self, key: str, files: Mapping[str, bytes]) -> None:
        """Keep files under a key."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for name, content in files.items():
                packed.writestr(name, content)
        write_atomically(self._place(key), buffer.getvalue())

    def forget_others(self) -> None:
        """Remove all that was neither read nor written since this was opened."""
        for file in self._path.glob("*.zip"):
            if file.name not in self._used:
                file.unlink(missing_ok=True)

    def _place(self, key: str) -> Path:
        version = installed_version() if self._version is None else self._version
        name = f"{hashlib.sha256(f'{key} {version}'.encode()).hexdigest()}.zip"
        self._used.add(name)
        return self._path / name


class MemoDataset(AbstractDataset[NoReturn, MemoFolder]):
    """Loads the memo, which a node itself reads and writes.

    Parameters
    ----------
    path : str
        The folder.
    version : str, optional
        As of `MemoFolder`.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(self, path: str, version: str | None = None, metadata: dict[str, Any] | None = None) -> None:
        self._path, self._version = Path(path), version
        self.metadata = metadata

    def load(self) -> MemoFolder:
        """Return the memo."""
        return MemoFolder(self._path, self._version)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - kedro's signature
        """Refuse."""
        raise DatasetError("a memo is written by the node that reads it, entry by entry, never saved")

    def _exists(self) -> bool:
        return True  # an empty one is one, too

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}
