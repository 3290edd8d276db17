"""Records one by one, in plain values: for a few several times as fast as columns, and silent on what is wrong."""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from model_lifecycle.contracts.table import ColumnContract, ColumnType, TableContract
from model_lifecycle.features.records import FIRST_MICROSECOND, LAST_MICROSECOND

Row = dict[str, Any]
"""A row: numbers in float64, times in microseconds since 1970, texts and truths; None where one is missing."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = sys.float_info.max


class PlainReader:
    """Reads records by their contract, those in which nothing is wrong.

    `parse_records` says what is wrong with the others; a property test holds the two against each other.

    Parameters
    ----------
    contract : TableContract
        Names, types and ranges.
    """

    def __init__(self, contract: TableContract) -> None:
        self._known = frozenset(contract.columns)
        self._fields = [
            (name, _READERS[column.type](column), bool(column.maximum_missing) and column.type != "boolean")
            for name, column in contract.columns.items()
        ]

    def read(self, records: Sequence[Mapping[str, object]]) -> list[Row] | None:
        """Return the rows, None where a value may be wrong."""
        try:
            return [self._row(record) for record in records]
        except (_Odd, ValueError, TypeError, OverflowError):
            return None

    def _row(self, record: Mapping[str, object]) -> Row:
        if not self._known >= record.keys():
            raise _Odd
        row: Row = {}
        get = record.get
        for name, read, optional in self._fields:
            value = get(name)
            if value is not None:
                row[name] = read(value)
            elif optional:
                row[name] = None
            else:
                raise _Odd
        return row


class _Odd(Exception):
    """Something that has to be looked at by `parse_records`."""


def _number(column: ColumnContract) -> Callable[[Any], float]:
    # The bounds leave out what is not finite.
    low, high = max(column.bounds[0], -_LARGEST), min(column.bounds[1], _LARGEST)
    integer = column.type == "integer"

    def read(value: Any) -> float:
        kind = type(value)
        if (kind is not float and kind is not int) or not low <= value <= high:
            raise _Odd
        found = float(value)
        if integer and not found.is_integer():
            raise _Odd
        return found

    return read


def _text(column: ColumnContract) -> Callable[[Any], str]:
    categories = None if column.categories is None else frozenset(column.categories)

    def read(value: Any) -> str:
        if type(value) is not str or (categories is not None and value not in categories):
            raise _Odd
        if not value.isascii():
            value.encode()  # a lone surrogate is refused, as a ValueError
        return value

    return read


def _boolean(_column: ColumnContract) -> Callable[[Any], bool]:
    def read(value: Any) -> bool:
        if type(value) is not bool:
            raise _Odd
        return value

    return read


def _time(_column: ColumnContract) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        # A time without its zone cannot be subtracted from one that has it; one with its offset may lie outside the
        # years that can be written down.
        since = datetime.fromisoformat(value) - _EPOCH
        micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        if not FIRST_MICROSECOND <= micros <= LAST_MICROSECOND:
            raise _Odd
        return micros

    return read


_READERS: dict[ColumnType, Callable[[ColumnContract], Callable[[Any], Any]]] = {
    "category": _text,
    "integer": _number,
    "number": _number,
    "boolean": _boolean,
    "time": _time,
}
