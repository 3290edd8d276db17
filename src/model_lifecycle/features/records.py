"""Records, as people and programs send them, become columns; every wrong field is named."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from model_lifecycle.contracts.table import LARGEST_INTEGER, ColumnContract, ColumnType, TableContract
from model_lifecycle.errors import ContractError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# With its offset, a time may lie a day before year 1 or after year 9999, where nothing can write it down.
_EDGES = datetime.min, datetime.max  # noqa: DTZ901 - their zone comes with the next line
FIRST_MICROSECOND, LAST_MICROSECOND = ((edge.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND for edge in _EDGES)
# Of one record: whoever sends a hundred thousand names is told enough by these, and memory grows with each.
_UNKNOWN_TOLD = 100
_SHOWN = 80  # characters of a wrong value that are quoted back
_EXPECTED = {
    "category": "text",
    "integer": "a whole number",
    "number": "a finite number",
    "boolean": "true or false",
    "time": "an ISO 8601 time with an offset, such as 2013-06-01T08:15:00Z",
}


@dataclass(frozen=True, slots=True)
class RecordProblem:
    """One wrong field of one record."""

    row: int
    field: str
    found: str
    expected: str


class RecordsRefused(ContractError):
    """Some records break the input contract; nothing was scored."""

    def __init__(self, problems: Sequence[RecordProblem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        super().__init__(
            f"record {first.row}, field {first.field!r}: found {first.found}, expected {first.expected}{more}"
        )


def parse_records(contract: TableContract, records: Sequence[Mapping[str, object]]) -> dict[str, np.ndarray]:
    """Turn records into columns by their contract.

    Parameters
    ----------
    contract : TableContract
        Names, types and ranges. A column that may be missing may be left out or be null.
    records : sequence of mapping
        JSON values; times as ISO 8601 text with an offset, or aware datetimes.

    Returns
    -------
    dict of ndarray
        One column a contract column: object (``str | None``), float64 (NaN = missing), bool or datetime64[us].

    Raises
    ------
    RecordsRefused
        Naming every wrong field of every record: unknown, absent, of the wrong type, or out of range.
    """
    problems: list[RecordProblem] = []
    known = contract.columns.keys()
    values = _of_whole_records(tuple(known), records)
    if values is None:
        names = f"one of {sorted(known)}"
        for row, record in enumerate(records):
            if not known >= record.keys():
                unknown = islice((name for name in record if name not in known), _UNKNOWN_TOLD)
                problems += [RecordProblem(row, _quoted_name(name), "an unknown field", names) for name in unknown]
        values = [[record.get(name) for record in records] for name in known]
    columns = {
        name: _parse_column(name, column, raw, records, problems)
        for (name, column), raw in zip(contract.columns.items(), values, strict=True)
    }
    if problems:
        raise RecordsRefused(sorted(problems, key=lambda problem: problem.row))
    return columns


def _of_whole_records(
    names: tuple[str, ...], records: Sequence[Mapping[str, object]]
) -> Sequence[Sequence[object]] | None:
    """Return the values of each name, the quickest way; None where a record has not all of them, or another."""
    if len(names) < 2 or not records or any(len(record) != len(names) for record in records):
        return None
    try:
        return list(zip(*map(itemgetter(*names), records), strict=True))
    except KeyError:
        return None


def _parse_column(
    name: str,
    column: ColumnContract,
    raws: Sequence[Any],
    records: Sequence[Mapping[str, object]],
    problems: list[RecordProblem],
) -> np.ndarray:
    parse, dtype, empty = _PARSERS[column.type]
    quick = _QUICK.get(column.type)
    if quick is not None:
        all_right = quick(column, raws)
        if all_right is not None:
            return all_right
    values: np.ndarray = np.full(len(records), empty, dtype=dtype)
    expected = expectation(column)
    for row, raw in enumerate(raws):
        if raw is None:
            if not column.maximum_missing or column.type == "boolean":
                found = "null" if name in records[row] else "nothing"
                problems.append(RecordProblem(row, name, found, expected))
            continue
        value = parse(raw)
        if value is None or not _in_range(column, value):
            found = "a private value" if column.private else _quoted(raw)
            problems.append(RecordProblem(row, name, found, expected))
        else:
            values[row] = value
    return values


def expectation(column: ColumnContract) -> str:
    """Say in words what a column takes.

    Examples
    --------
    >>> expectation(ColumnContract(type="number", minimum=0, unit="miles"))
    'a finite number >= 0 (miles)'
    """
    words = _EXPECTED[column.type]
    if column.type == "integer" and None in (column.minimum, column.maximum):
        words += f" within ±{LARGEST_INTEGER}"
    if column.minimum is not None:
        words += f" >= {column.minimum:g}"
    if column.maximum is not None:
        words += f"{' and' if column.minimum is not None else ''} <= {column.maximum:g}"
    if column.categories is not None:
        words = f"one of {list(column.categories)}"
    if column.unit:
        words += f" ({column.unit})"
    return words + (" or null" if column.maximum_missing and column.type != "boolean" else "")


def _in_range(column: ColumnContract, value: object) -> bool:
    if column.categories is not None:
        return value in column.categories
    if isinstance(value, float):
        low, high = column.bounds
        return low <= value <= high
    return True


def _text(raw: object) -> str | None:
    if not isinstance(raw, str):
        return None
    try:
        raw.encode()
    except UnicodeEncodeError:  # a lone surrogate can be neither stored nor compared
        return None
    return raw


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    try:
        value = float(raw)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def _integer(raw: object) -> float | None:
    value = _number(raw)
    return value if value is not None and value.is_integer() else None


def _boolean(raw: object) -> bool | None:
    return raw if isinstance(raw, bool) else None


def parse_time(raw: object) -> np.datetime64 | None:
    """Return an instant in UTC to the microsecond; None for anything but an aware time."""
    if isinstance(raw, str):
        try:
            raw = datetime.fromisoformat(raw)
        except ValueError:
            return None
    if not isinstance(raw, datetime) or raw.tzinfo is None:
        return None
    try:
        micros = (raw - _EPOCH) // _MICROSECOND
    except OverflowError:
        return None
    return np.datetime64(micros, "us") if FIRST_MICROSECOND <= micros <= LAST_MICROSECOND else None


def _quick_numbers(column: ColumnContract, raw: Sequence[Any]) -> np.ndarray | None:
    """Return a column of numbers that are all right, None where one may be wrong: then each is looked at."""
    kinds = set(map(type, raw))
    if not kinds <= _NUMBERS or (_NOTHING in kinds and not column.maximum_missing):
        return None
    present = [value for value in raw if value is not None] if _NOTHING in kinds else raw
    try:
        # A sum is finite only if each value is.
        if not present or not math.isfinite(sum(present)):
            return None if present else np.full(len(raw), np.nan)
        low, high = column.bounds
        if (
            min(present) < low
            or max(present) > high
            or (column.type == "integer" and not all(float(value).is_integer() for value in present))
        ):
            return None
        return np.array(raw, dtype=np.float64)
    except OverflowError:
        return None


def _quick_texts(column: ColumnContract, raw: Sequence[Any]) -> np.ndarray | None:
    """Return a column of texts that are all right, None where one may be wrong."""
    kinds = set(map(type, raw))
    if not kinds <= _TEXTS or (_NOTHING in kinds and not column.maximum_missing):
        return None
    present = [value for value in raw if value is not None] if _NOTHING in kinds else raw
    if column.categories is not None and not set(present) <= set(column.categories):
        return None
    try:
        "".join(present).encode()
    except UnicodeEncodeError:
        return None
    values = np.empty(len(raw), dtype=object)
    values[:] = raw
    return values


def _quick_times(_column: ColumnContract, raw: Sequence[Any]) -> np.ndarray | None:
    """Return a column of times that are all there and all right, None where one may not be."""
    if set(map(type, raw)) != {str}:
        return None
    try:
        # A time without its zone cannot be subtracted from one that has it.
        micros = {text: (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND for text in set(raw)}
    except (ValueError, TypeError, OverflowError):
        return None
    found = np.array([micros[text] for text in raw], dtype=np.int64)
    if found.min() < FIRST_MICROSECOND or found.max() > LAST_MICROSECOND:
        return None
    return found.view("datetime64[us]")


def _quoted(raw: object) -> str:
    try:
        text = ascii(raw)
    except (ValueError, RecursionError):  # a number of too many digits, or a nest too deep to write down
        text = f"an unwritable {type(raw).__name__}"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _quoted_name(name: object) -> str:
    return str(name).encode("ascii", "backslashreplace").decode()[:_SHOWN]


_PARSERS: dict[ColumnType, tuple[Callable[[object], object], DTypeLike, object]] = {
    "category": (_text, object, None),
    "integer": (_integer, np.float64, np.nan),
    "number": (_number, np.float64, np.nan),
    "boolean": (_boolean, bool, False),
    "time": (parse_time, "datetime64[us]", np.datetime64("NaT")),
}
_NOTHING = type(None)
_NUMBERS, _TEXTS = {int, float, _NOTHING}, {str, _NOTHING}
# A whole column at a time: for what is usual, several times as fast as a value at a time.
_QUICK: dict[ColumnType, Callable[[ColumnContract, Sequence[Any]], np.ndarray | None]] = {
    "category": _quick_texts,
    "integer": _quick_numbers,
    "number": _quick_numbers,
    "time": _quick_times,
}
