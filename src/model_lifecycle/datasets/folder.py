"""A folder of files of the same columns, read as one table."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from model_lifecycle.datasets.source import Source
from model_lifecycle.errors import SourceError

_log = logging.getLogger(__name__)


class FolderDataset(Source):
    """The files of a folder below one another, in the order of their names.

    Parameters
    ----------
    path : str
        The folder.
    pattern : str
        Which files, such as ``*.csv.gz`` or ``**/*.parquet``.
    load_args : dict, optional
        For `pandas.read_csv` or `pandas.read_parquet`, whichever the file's name asks for.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(
        self,
        path: str,
        pattern: str,
        load_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path, self._pattern, self._load_args = Path(path), pattern, load_args or {}
        self.metadata = metadata

    def files(self) -> list[Path]:
        """Return the files, by name.

        Raises
        ------
        SourceError
            If there is none.
        """
        found = sorted(path for path in self._path.glob(self._pattern) if path.is_file())
        if not found:
            raise SourceError(f"{self._path}: no file {self._pattern!r} there")
        return found

    def load(self) -> pd.DataFrame:
        """Read all files.

        Raises
        ------
        SourceError
            If there is no file, one cannot be read, or one has other columns than the first.
        """
        files = self.files()
        tables = [self.read(path) for path in files]
        for path, table in zip(files, tables, strict=True):
            if list(table.columns) != list(tables[0].columns):
                odd = sorted(map(str, set(table.columns) ^ set(tables[0].columns)))
                raise SourceError(f"{path}: other columns than {files[0].name}: {odd or 'in another order'}")
        _log.info("%s: %d files", self._path, len(files))
        return pd.concat(tables, ignore_index=True)

    def read(self, path: Path) -> pd.DataFrame:
        """Read one file.

        Raises
        ------
        SourceError
            If it cannot be read.
        """
        try:
            return (pd.read_parquet if ".parquet" in path.suffixes else pd.read_csv)(path, **self._load_args)
        except Exception as error:
            raise SourceError(f"{path}: cannot be read: {error}") from error

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path), "pattern": self._pattern}
