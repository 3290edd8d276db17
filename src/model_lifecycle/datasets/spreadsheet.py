"""A sheet that a person keeps: titles somewhere, mixed types, blank rows, totals; what may be tidied is declared."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from pydantic import Field, ValidationError

from model_lifecycle.contracts.base import Contract, TimeZone
from model_lifecycle.datasets.source import Source
from model_lifecycle.datasets.typed import ColumnKind, expected, typed_column
from model_lifecycle.errors import SourceError

_log = logging.getLogger(__name__)
_LOOKED_AT = 50  # rows in which the titles are looked for
_SHOWN = 8


class SheetColumn(Contract):
    """One column: its title in the sheet and what may be read as a value of its type."""

    type: ColumnKind
    title: str | None = Field(default=None, description="as it stands in the sheet; the column's name by default")
    missing: tuple[str, ...] = Field(default=(), description="texts that mean nothing, such as 'n/a' or '-'")
    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str | None = Field(default=None, max_length=1)
    true: tuple[str, ...] = ("true", "yes")
    false: tuple[str, ...] = ("false", "no")
    formats: tuple[str, ...] = Field(default=(), description="of times written as text, such as '%d.%m.%Y %H:%M'")
    time_zone: TimeZone = Field(default="UTC", description="of the times, which a sheet does not say")


class SpreadsheetDataset(Source):
    """A table out of a sheet of an Excel file.

    The titles are looked for in the first 50 rows, so that headings and notes above them do no harm; blank rows and
    undeclared columns are left out. Every cell that cannot be read by its column's declaration is named; nothing is
    guessed. Of a formula the value counts that Excel has stored; nothing is computed, and macros are not run.

    Parameters
    ----------
    filepath : str
        The file, ``.xlsx`` or ``.xlsm``.
    columns : dict
        Column to its `SheetColumn`.
    sheet : str, optional
        Its name; the only sheet by default.
    leave_out : dict of str to list of str, optional
        Rows to leave out, by the text in a column, such as ``{depot: [Total, Sum]}``; told in the log.
    metadata : dict, optional
        For kedro-viz.

    Raises
    ------
    SourceError
        If an option is refused.
    """

    def __init__(
        self,
        filepath: str,
        columns: dict[str, dict[str, Any]],
        sheet: str | None = None,
        leave_out: dict[str, list[str]] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path, self._sheet, self._leave_out = Path(filepath), sheet, leave_out or {}
        try:
            self._columns = {name: SheetColumn.model_validate(column) for name, column in columns.items()}
        except ValidationError as error:
            raise SourceError(f"columns of {filepath}: {error}") from error
        unknown = sorted(set(self._leave_out) - set(columns))
        if unknown or not columns:
            raise SourceError(f"leave_out of {filepath}: found {unknown}, expected some of {sorted(columns)}")
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the sheet.

        Raises
        ------
        SourceError
            If the file, the sheet or a title is not there, or cells cannot be read; the first are named.
        """
        name, rows = self._rows()
        header, places = self._titles(name, rows)
        kept, dropped = [], 0
        for number, row in enumerate(rows[header + 1 :], start=header + 2):
            cells = {column: _tidy(row[place]) if place < len(row) else None for column, place in places.items()}
            if all(cell is None for cell in cells.values()):
                continue
            if any(str(cells[column]).strip() in texts for column, texts in self._leave_out.items()):
                dropped += 1
                continue
            kept.append((number, cells))
        if dropped:
            _log.info("%s, sheet %r: %d rows left out by `leave_out`", self._path, name, dropped)
        found, wrong = {}, []
        for column, place in places.items():
            read = [_read(cells[column], self._columns[column]) for _, cells in kept]
            for (number, cells), value in zip(kept, read, strict=True):
                if value is _WRONG:
                    kind = expected(self._columns[column].type)
                    wrong.append(f"{name}!{_letter(place)}{number}: found {cells[column]!r:.60}, expected {kind}")
            found[column] = read
        if wrong:
            more = f"\n  … and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            raise SourceError(
                f"{self._path}: {len(wrong):,} cells cannot be read:\n  " + "\n  ".join(wrong[:_SHOWN]) + more
            )
        return pd.DataFrame(
            {
                column: typed_column(values, self._columns[column].type, f"{self._path}, column {column!r}")
                for column, values in found.items()
            }
        )

    def _rows(self) -> tuple[str, list[tuple[Any, ...]]]:
        from openpyxl import load_workbook

        try:
            book = load_workbook(self._path, read_only=True, data_only=True, keep_links=False)
        except Exception as error:
            raise SourceError(f"{self._path}: cannot be read as an Excel file: {error}") from error
        try:
            if self._sheet is None and len(book.sheetnames) != 1:
                raise SourceError(f"{self._path}: sheets {book.sheetnames}; expected one, or a name in `sheet`")
            name = self._sheet or book.sheetnames[0]
            if name not in book.sheetnames:
                raise SourceError(f"{self._path}: no sheet {name!r}; found {book.sheetnames}")
            return name, [tuple(row) for row in book[name].iter_rows(values_only=True)]
        finally:
            book.close()

    def _titles(self, name: str, rows: Sequence[tuple[Any, ...]]) -> tuple[int, dict[str, int]]:
        """Return the row of the titles, from 0, and the place of each column in it."""
        wanted = {column: _plain(declared.title or column) for column, declared in self._columns.items()}
        best: list[str] = []
        for number, row in enumerate(rows[:_LOOKED_AT]):
            titles = [_plain(cell) for cell in row]
            there = [column for column, title in wanted.items() if title in titles]
            if len(there) == len(wanted):
                twice = sorted(title for title in wanted.values() if titles.count(title) > 1)
                if twice:
                    raise SourceError(
                        f"{self._path}, sheet {name!r}, row {number + 1}: titles {twice} stand there twice"
                    )
                return number, {column: titles.index(title) for column, title in wanted.items()}
            best = max(best, there, key=len)
        absent = sorted(set(wanted) - set(best))
        raise SourceError(f"{self._path}, sheet {name!r}: no row with the titles of {absent} in the first {_LOOKED_AT}")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "sheet": self._sheet}


_WRONG = object()


def _plain(title: object) -> str:
    return " ".join(str(title).split()).casefold() if title is not None else ""


def _tidy(cell: object) -> object:
    if isinstance(cell, str):
        cell = cell.replace("\u00a0", " ").strip()
        return cell or None
    return cell


def _read(cell: object, column: SheetColumn) -> object:
    if cell is None or (isinstance(cell, str) and cell in column.missing):
        return None
    readers: Mapping[str, Any] = {"text": _text, "boolean": _boolean, "time": _time}
    return readers.get(column.type, _number)(cell, column)


def _text(cell: object, _: SheetColumn) -> object:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return _WRONG
    return str(int(cell)) if float(cell).is_integer() else str(cell)


def _number(cell: object, column: SheetColumn) -> object:
    if isinstance(cell, str):
        text = cell.replace(column.thousands, "") if column.thousands else cell
        try:
            cell = float(text.replace(" ", "").replace(column.decimal, ".")) if "_" not in text else _WRONG
        except ValueError:
            return _WRONG
    if isinstance(cell, bool) or not isinstance(cell, int | float) or cell - cell != 0:  # NaN and infinity
        return _WRONG
    if column.type == "integer":
        return int(cell) if float(cell).is_integer() else _WRONG
    return float(cell)


def _boolean(cell: object, column: SheetColumn) -> object:
    if isinstance(cell, bool):
        return cell
    text = str(cell).casefold()
    return True if text in column.true else False if text in column.false else _WRONG


def _time(cell: object, column: SheetColumn) -> object:
    zone = ZoneInfo(column.time_zone)
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=zone)
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day, tzinfo=zone)
    for pattern in column.formats if isinstance(cell, str) else ():
        try:
            found = datetime.strptime(str(cell), pattern)  # noqa: DTZ007 - the zone is the column's
        except ValueError:
            continue
        return found if found.tzinfo is not None else found.replace(tzinfo=zone)
    return _WRONG


def _letter(place: int) -> str:
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(place + 1))
