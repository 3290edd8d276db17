"""A table that grows: what is new is read from its source and joined to what was read before."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kedro.io import AbstractDataset

from model_lifecycle.datasets.atomic import write_atomically
from model_lifecycle.datasets.folder import FolderDataset
from model_lifecycle.datasets.source import Source
from model_lifecycle.errors import SourceError

_log = logging.getLogger(__name__)
_SINCE = "{since}"


class IncrementalDataset(Source):
    """A local copy of a source, brought up to date at each load.

    The mark, how far the source was read, is the largest value of the cursor column in the copy itself, so the two
    cannot disagree. The source is asked from the mark on, the mark included: rows that share it are read again and
    found by their key. The copy is replaced as a whole when the load is complete: an interrupted one changes nothing.

    Parameters
    ----------
    filepath : str
        The copy, as Parquet.
    source : dict
        A catalog entry. ``{since}`` in it is replaced by the mark: as the value itself where it stands alone (a bound
        parameter of SQL), as ISO text within other text (a query parameter).
    key : list of str
        Columns that name a row. A row whose key is there already replaces it.
    cursor : str
        Column that never goes back: a time of change, or a number.
    first : str, int or float
        The mark before the first load.
    overlap : str, optional
        How far before the mark to ask, such as ``1h``, for sources whose rows appear late.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(
        self,
        filepath: str,
        source: dict[str, Any],
        key: list[str],
        cursor: str,
        first: str | float,
        overlap: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path, self._source, self._key, self._cursor = Path(filepath), source, key, cursor
        self._first, self._overlap = first, None if overlap is None else pd.Timedelta(overlap)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Ask the source for what is new, join it, and return the whole table.

        Raises
        ------
        SourceError
            If the source lacks key or cursor, has other columns or types than before, or a new row has no key.
        """
        known = pd.read_parquet(self._path) if self._path.exists() else None
        since = self._mark(known)
        new = AbstractDataset.from_config(self._path.stem, _filled(self._source, since)).load()
        self._check(new, known)
        table = new if known is None else self._joined(known, new)
        if known is None or not table.equals(known):
            write_atomically(self._path, table.to_parquet(None))
        return table

    def _mark(self, known: pd.DataFrame | None) -> Any:
        if known is None or known.empty:
            return self._first
        newest = known[self._cursor].max()
        if isinstance(newest, pd.Timestamp):
            return (newest - self._overlap if self._overlap is not None else newest).to_pydatetime()
        return newest.item() if isinstance(newest, np.generic) else newest

    def _check(self, new: pd.DataFrame, known: pd.DataFrame | None) -> None:
        absent = sorted({*self._key, self._cursor} - set(new.columns))
        if absent:
            raise SourceError(
                f"{self._path.stem}: the source lacks {absent}; found {sorted(map(str, new.columns))[:20]}"
            )
        for column in (*self._key, self._cursor):
            if new[column].isna().any():
                raise SourceError(f"{self._path.stem}: {int(new[column].isna().sum()):,} new rows without {column!r}")
        if known is None or new.empty:
            return
        if set(new.columns) != set(known.columns):
            odd = sorted(map(str, set(new.columns) ^ set(known.columns)))
            raise SourceError(
                f"{self._path}: the source's columns have changed: {odd}; remove the copy to read it anew"
            )
        changed = [
            f"{column} from {known[column].dtype} to {new[column].dtype}"
            for column in known.columns
            if known[column].dtype.kind != new[column].dtype.kind and new[column].notna().any()
        ]
        if changed:
            raise SourceError(f"{self._path}: types have changed: {changed}; remove the copy to read it anew")

    def _joined(self, known: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
        """Return the known rows, with the changed ones in their new state, and then the new ones."""
        if new.empty:
            _log.info("%s: nothing new since %s", self._path.stem, known[self._cursor].max())
            return known
        new = new[known.columns].drop_duplicates(self._key, keep="last")
        keys_known, keys_new = (pd.MultiIndex.from_frame(table[self._key]) for table in (known, new))
        there = keys_new.isin(keys_known)
        place = pd.Series(np.arange(len(known)), index=keys_known)[keys_new[there]].to_numpy()
        before, after = known.iloc[place].reset_index(drop=True), new[there].reset_index(drop=True)
        same = ((before == after) | (before.isna() & after.isna())).all(axis=1).to_numpy()
        updated = known.copy()
        updated.iloc[place[~same]] = after[~same].to_numpy(dtype=object)
        joined = pd.concat([updated.astype(known.dtypes), new[~there]], ignore_index=True)
        _log.info(
            "%s: %d rows read, %d of them new, %d changed, %d known already",
            self._path.stem, len(new), int((~there).sum()), int((~same).sum()), int(same.sum()),
        )  # fmt: skip
        return joined

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "key": self._key, "cursor": self._cursor}


class IncrementalFolderDataset(Source):
    """A folder of files, of which only new and changed ones are read; the rows know their file.

    A file is known by its name, size and time of change, which stand in the copy itself. A file that is gone is told
    and its rows stay.

    Parameters
    ----------
    filepath : str
        The copy, as Parquet; its column ``source_file`` names each row's file.
    path, pattern, load_args
        Of `FolderDataset`.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(
        self,
        filepath: str,
        path: str,
        pattern: str,
        load_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path, self._folder = Path(filepath), FolderDataset(path, pattern, load_args)
        self._root = Path(path)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read what is new, and return the whole table without the columns that the copy needs for itself.

        Raises
        ------
        SourceError
            If a new file has other columns.
        """
        known = pd.read_parquet(self._path) if self._path.exists() else pd.DataFrame({"source_file": [], "_state": []})
        states: dict[str, str] = dict(known[["source_file", "_state"]].drop_duplicates().itertuples(index=False))
        files = {str(path.relative_to(self._root)): path for path in self._folder.files()}
        new = {name: path for name, path in files.items() if states.get(name) != _state(path)}
        gone = sorted(set(states) - set(files))
        if gone:
            _log.warning("%s: %d files are gone, such as %s; their rows stay", self._root, len(gone), gone[:3])
        tables = [known[~known["source_file"].isin(list(new))]] if len(known) else []
        for name, path in new.items():
            table = self._folder.read(path).assign(source_file=name, _state=_state(path))
            if tables and set(table.columns) != set(tables[0].columns):
                odd = sorted(map(str, set(table.columns) ^ set(tables[0].columns)))
                raise SourceError(f"{path}: other columns than before: {odd}; remove {self._path} to read all anew")
            tables.append(table)
        _log.info("%s: %d of %d files read", self._root, len(new), len(files))
        table = pd.concat(tables, ignore_index=True).sort_values("source_file", kind="stable", ignore_index=True)
        if new:
            write_atomically(self._path, table.to_parquet(None))
        return table.drop(columns=["source_file", "_state"])

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "path": str(self._root)}


def _state(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def _filled(entry: Any, since: Any) -> Any:
    """Put the mark into a catalog entry."""
    if isinstance(entry, dict):
        return {name: _filled(value, since) for name, value in entry.items()}
    if isinstance(entry, list):
        return [_filled(value, since) for value in entry]
    if entry == _SINCE:
        return since
    if isinstance(entry, str) and _SINCE in entry:
        return entry.replace(_SINCE, since.isoformat() if hasattr(since, "isoformat") else str(since))
    return entry
