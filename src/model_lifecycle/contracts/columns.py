"""The shape in which data travels between the parts: named numpy columns of one length."""

from collections.abc import Mapping

import numpy as np

Columns = Mapping[str, np.ndarray]
"""Named columns of equal length: float64, int64, bool, datetime64[us] in UTC, or object (``str | None``)."""


def row_count(columns: Columns) -> int:
    """Return the common length of the columns, 0 when there are none.

    Raises
    ------
    ValueError
        If two columns differ in length.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of different lengths: {lengths}")
    return next(iter(lengths.values()), 0)


def take(columns: Columns, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the chosen rows (a boolean mask or positions) of every column."""
    return {name: values[rows] for name, values in columns.items()}
