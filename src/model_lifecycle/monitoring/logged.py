"""The JSON of logged predictions as columns; what cannot be read is missing and counted, and breaks nothing else."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from model_lifecycle.contracts.columns import Columns


@dataclass(frozen=True, slots=True)
class LoggedColumns:
    """Columns of one JSON field, and in how many rows each value was of another type than declared."""

    columns: Columns
    unreadable: Mapping[str, int]


def logged_columns(documents: Sequence[object], numeric: Sequence[str], categorical: Sequence[str]) -> LoggedColumns:
    """Return the named values of every document.

    Parameters
    ----------
    documents : sequence of mapping or str
        One JSON object a row; what is none counts as an empty one.
    numeric : sequence of str
        Become float64; an absent or null value is NaN, and so is an unreadable one.
    categorical : sequence of str
        Become object (``str | None``); numbers and booleans become text.

    Returns
    -------
    LoggedColumns
        A name that no document holds is left out: it was not logged.
    """
    rows = [_document(document) for document in documents]
    logged = set(chain.from_iterable(rows))
    columns: dict[str, np.ndarray] = {}
    unreadable: dict[str, int] = {}
    for name in numeric:
        if name in logged:
            columns[name], unreadable[name] = _numbers([row.get(name) for row in rows])
    for name in categorical:
        if name in logged:
            columns[name], unreadable[name] = _text([row.get(name) for row in rows])
    return LoggedColumns(columns, unreadable)


def _document(document: object) -> Mapping[str, object]:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return {}
    return document if isinstance(document, Mapping) else {}


def _numbers(values: Sequence[object]) -> tuple[np.ndarray, int]:
    numbers, wrong = np.full(len(values), np.nan), 0
    for row, value in enumerate(values):
        if isinstance(value, int | float) and _finite(value):
            numbers[row] = value
        elif not _absent(value) and value != "":
            wrong += 1
    return numbers, wrong


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _text(values: Sequence[object]) -> tuple[np.ndarray, int]:
    text, wrong = np.empty(len(values), dtype=object), 0
    for row, value in enumerate(values):
        if isinstance(value, str):
            text[row] = value
        elif isinstance(value, bool | int):
            text[row] = str(value)
        elif not _absent(value):
            wrong += 1
    return text, wrong
