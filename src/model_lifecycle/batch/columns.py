"""Rows of a file become the columns that a release scores; wrong rows are told as the service tells them.

`parse_records` says what a right record is. It takes a Python object a value, so rows that are right beyond doubt are
taken column by column (`sure_columns`); rows that may be wrong go through it and get its words.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from model_lifecycle.contracts.table import ColumnContract, ColumnType, TableContract
from model_lifecycle.features.records import RecordProblem, RecordsRefused, parse_records

_FEW_ROWS = 2_048  # as Python objects at a time
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NUMBERS = ("integer", "number")
_WORDS = {"true": True, "false": False}
_INSTANT = pa.timestamp("us", "UTC")
_EARLIEST, _LATEST = np.datetime64("0001-01-02", "us"), np.datetime64("9999-12-30", "us")  # of Python, in any zone

Problems = tuple[RecordProblem, ...]


def checked_parts(
    contract: TableContract, batch: pa.RecordBatch, typed: bool
) -> Iterator[tuple[pa.RecordBatch, dict[str, np.ndarray] | Problems]]:
    """Check rows against the contract.

    Parameters
    ----------
    contract : TableContract
        What a row must look like; columns that it does not name are not looked at.
    batch : RecordBatch
        Rows.
    typed : bool
        Whether the file knows types; else all is text, and null where nothing stood.

    Yields
    ------
    RecordBatch, and dict of ndarray or tuple of RecordProblem
        Some rows, in their order, and their columns as `parse_records` gives them, or all that is wrong with them.
    """
    plain = _plain(contract, batch)
    columns = sure_columns(contract, plain, typed)
    if columns is not None:
        yield batch, columns
        return
    for start in range(0, batch.num_rows, _FEW_ROWS):
        part = plain.slice(start, _FEW_ROWS)
        columns = sure_columns(contract, part, typed)
        yield batch.slice(start, _FEW_ROWS), _by_record(contract, part, typed) if columns is None else columns


def sure_columns(contract: TableContract, batch: pa.RecordBatch, typed: bool) -> dict[str, np.ndarray] | None:
    """Return the columns if every row is right beyond doubt, else None: then `parse_records` has the word."""
    columns = {}
    for name, column in contract.columns.items():
        values = batch.column(name)
        if values.null_count and (not column.maximum_missing or column.type == "boolean"):
            return None
        if typed and column.type in _NUMBERS and not _is_number(values.type):
            return None
        try:
            found = _SURE[column.type](column, values)
        except (pa.ArrowException, UnicodeDecodeError):
            return None
        if found is None:
            return None
        columns[name] = found
    return columns


def _plain(contract: TableContract, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return what the contract names, without what a file adds to the types."""
    names = [name for name in contract.columns if name in batch.schema.names]
    return pa.RecordBatch.from_arrays([_plain_values(batch.column(name)) for name in names], names)


def _plain_values(values: pa.Array) -> pa.Array:
    """Return the values of dictionaries, and decimals as numbers."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.cast(pa.float64()) if pa.types.is_decimal(values.type) else values


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind))


def _sure_text(column: ColumnContract, values: pa.Array) -> np.ndarray | None:
    if not _is_text(values.type):
        return None
    if column.categories is not None:
        known = pc.is_in(values, value_set=pa.array(column.categories, values.type))
        if not pc.all(pc.or_(known, values.is_null())).as_py():
            return None
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=object)


def _sure_number(column: ColumnContract, values: pa.Array) -> np.ndarray | None:
    if pa.types.is_boolean(values.type) or pa.types.is_temporal(values.type):
        return None
    found = np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    there = found[np.asarray(values.is_valid())] if values.null_count else found
    low, high = column.bounds
    right = np.isfinite(there) & (there >= low) & (there <= high)
    return found if right.all() else None


def _sure_integer(column: ColumnContract, values: pa.Array) -> np.ndarray | None:
    found = _sure_number(column, values)
    whole = found is not None and (pa.types.is_integer(values.type) or _is_whole(found))
    return found if whole else None


def _is_whole(found: np.ndarray) -> bool:
    return bool(((found == np.floor(found)) | np.isnan(found)).all())


def _sure_boolean(column: ColumnContract, values: pa.Array) -> np.ndarray | None:  # noqa: ARG001 - as the others
    if not pa.types.is_boolean(values.type):
        return None
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=bool)


def _sure_time(column: ColumnContract, values: pa.Array) -> np.ndarray | None:  # noqa: ARG001 - as the others
    zoned = pa.types.is_timestamp(values.type) and values.type.tz is not None
    if not zoned and not _is_text(values.type):
        return None
    found = values.cast(_INSTANT).to_numpy(zero_copy_only=False).astype("datetime64[us]")
    there = found[~np.isnat(found)]
    return found if ((there >= _EARLIEST) & (there <= _LATEST)).all() else None


_SURE: Mapping[ColumnType, Any] = {
    "category": _sure_text,
    "integer": _sure_integer,
    "number": _sure_number,
    "boolean": _sure_boolean,
    "time": _sure_time,
}


def _by_record(
    contract: TableContract, batch: pa.RecordBatch, typed: bool
) -> dict[str, np.ndarray] | tuple[RecordProblem, ...]:
    columns = {}
    for name in batch.schema.names:
        values = python_values(batch.column(name))
        columns[name] = values if typed else [_from_text(value, contract.columns[name].type) for value in values]
    rows = zip(*columns.values(), strict=True) if columns else [()] * batch.num_rows
    try:
        return parse_records(contract, [dict(zip(columns, row, strict=True)) for row in rows])
    except RecordsRefused as refused:
        return refused.problems


def python_values(values: pa.Array) -> list[object]:
    """Return values as Python's own; one that Python cannot hold as something that no contract takes."""
    try:
        return list(values.to_pylist())
    except (pa.ArrowException, ValueError, OverflowError):  # text that is no UTF-8, a time beyond Python's
        return [_python_value(value) for value in values]


def _python_value(value: pa.Scalar) -> object:
    try:
        return value.as_py()
    except (pa.ArrowException, ValueError, OverflowError) as error:
        return _Unreadable(str(error))


class _Unreadable:
    """A value that Python cannot hold: no contract takes it, and it is quoted by what is wrong with it."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __repr__(self) -> str:
        return f"an unreadable value ({self._reason})"


def _from_text(value: object, kind: ColumnType) -> object:
    """Read a field of a file without types as its contract means it; what cannot be so read stays text."""
    if not isinstance(value, str):
        return value
    if kind == "boolean":
        return _WORDS.get(value.lower(), value)
    if kind in _NUMBERS and _NUMBER.fullmatch(value):
        return float(value)
    return value
