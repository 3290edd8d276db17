"""Values from outside as a column of a declared type; a value of another type is refused with its place."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import pandas as pd

from model_lifecycle.errors import SourceError

ColumnKind = Literal["text", "integer", "number", "boolean", "time"]
_DTYPES = {"text": "str", "integer": "Int64", "number": "float64", "boolean": "boolean"}
_EXPECTED = {"time": "an ISO 8601 time with its offset", "integer": "a whole number", "boolean": "true or false"}
_SHOWN = 3


def typed_column(values: Sequence[object], kind: ColumnKind, where: str) -> pd.Series:
    """Return values as a column: None is missing; times are aware, in UTC.

    Parameters
    ----------
    values : sequence
        As JSON has them: text, numbers, booleans, None.
    kind : {"text", "integer", "number", "boolean", "time"}
        What they must be; a number may be text such as ``"1.5"`` nowhere.
    where : str
        Named in the error.

    Raises
    ------
    SourceError
        With the first wrong values and their places.
    """
    if kind not in _EXPECTED and kind not in _DTYPES:
        raise SourceError(f"{where}: type {kind!r}, expected one of {sorted({*_DTYPES, 'time'})}")
    read = [_read(value, kind) for value in values]
    wrong = [place for place, (value, found) in enumerate(zip(values, read, strict=True)) if found is _WRONG]
    if wrong:
        shown = ", ".join(f"{values[place]!r:.60} (record {place})" for place in wrong[:_SHOWN])
        raise SourceError(
            f"{where}: {len(wrong):,} of {len(values):,} values such as {shown}; expected {expected(kind)}"
        )
    if kind == "time":
        return pd.Series(pd.to_datetime(pd.Series(read, dtype=object), utc=True)).astype("datetime64[us, UTC]")
    column = pd.Series(read, dtype=_DTYPES[kind])
    if kind in ("integer", "boolean") and not column.isna().any():
        return column.astype("int64" if kind == "integer" else "bool")
    return column.astype("float64") if kind == "integer" else column


def expected(kind: ColumnKind) -> str:
    """Say in words what a type takes."""
    return _EXPECTED.get(kind, f"a {kind}" if kind == "number" else "text")


_WRONG = object()


def _read(value: object, kind: ColumnKind) -> object:
    if value is None:
        return None
    if kind == "time":
        return _time(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else _WRONG
    if kind == "text":
        return value if isinstance(value, str) else _WRONG
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _WRONG
    return value if kind == "number" or float(value).is_integer() else _WRONG


def _time(value: object) -> object:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return _WRONG
    return value if isinstance(value, datetime) and value.tzinfo is not None else _WRONG
