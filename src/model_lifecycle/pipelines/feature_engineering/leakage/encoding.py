"""Columns that hold the mean outcome of a category, fitted on rows from after the decision."""

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.leakage import Finding

_EXACT = 0.999  # R² of the column on the encoding; rounding to two decimals costs less
_FEWEST_GROUPS = 5  # a line through fewer means fits anything
_CLEARLY = 10.0  # times that all rows explain it better than the training rows do
_ROUNDING = 1e-9
_SAMPLE = 50_000  # rows on which a column is compared with an encoding of all of them
_FIRST_ROWS, _LIKELY = 2_000, 0.9  # by which nearly all columns are seen to be none
_SMOOTHING = (0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0)


def target_encodings(columns: Columns, target: np.ndarray, is_train: np.ndarray) -> list[Finding]:
    """Return numeric columns that are the mean outcome of a category over more than the training rows.

    Smoothed means and means that leave the row itself out count as well; a value may be missing, as of a category
    with a single row.

    Parameters
    ----------
    columns : columns
        Inputs of all decisions there are, n rows.
    target : ndarray of float64, shape (n,)
        NaN where there is no outcome.
    is_train : ndarray of bool, shape (n,)
        Decided and labelled before the test window.
    """
    known = np.isfinite(target)
    groups = {name: pd.factorize(values)[0] for name, values in columns.items() if _is_category(values)}
    numeric = {
        name: values.astype(np.float64)
        for name, values in columns.items()
        if values.dtype.kind == "f" and np.isfinite(values[known]).sum() * 2 > known.sum()
    }
    found = []
    for category, codes in groups.items():
        if codes.max(initial=-1) + 1 < _FEWEST_GROUPS:
            continue
        honest = _encodings(codes, target, known & is_train, leave_one_out=False)
        everything = _encodings(codes, target, known, leave_one_out=True)
        for name, values in numeric.items():
            rows = np.flatnonzero(known & (codes >= 0) & np.isfinite(values))
            rows = rows[:: max(len(rows) // _SAMPLE, 1)]
            first = rows[:: max(len(rows) // _FIRST_ROWS, 1)]
            if len(first) and np.ptp(values[first]) and _explained(values, everything, first) < _LIKELY:
                continue
            allowed, share = _explained(values, honest, rows), _explained(values, everything, rows)
            if share >= _EXACT and (1.0 - allowed) > _CLEARLY * (1.0 - share) + _ROUNDING:
                message = f"{name} is the mean outcome of {category} over all rows, those after the training included"
                found.append(Finding(check="target encoding over all rows", columns=[name], message=message))
    return found


def _is_category(values: np.ndarray) -> bool:
    return values.dtype == object or values.dtype.kind in "ib"


def _encodings(codes: np.ndarray, target: np.ndarray, rows: np.ndarray, *, leave_one_out: bool) -> list[np.ndarray]:
    size = int(codes.max(initial=-1)) + 2
    place = np.where(codes >= 0, codes, size - 1)
    values = np.where(rows, target, 0.0)
    total, count = np.bincount(place, values, size)[place], np.bincount(place, rows, size)[place]
    overall = float(target[rows].mean()) if rows.any() else 0.0
    found = [np.where(count + k > 0, (total + k * overall) / np.maximum(count + k, 1e-9), overall) for k in _SMOOTHING]
    if leave_one_out:
        others = count - rows
        found.append(np.where(others > 0, (total - values) / np.maximum(others, 1), overall))
    return found


def _explained(values: np.ndarray, encodings: list[np.ndarray], rows: np.ndarray) -> float:
    """Return the largest share of the column's variance on some rows that one of the encodings explains as a line."""
    if not len(rows):
        return 0.0
    centred = values[rows] - values[rows].mean()
    best = 0.0
    for encoding in encodings:
        other = encoding[rows] - encoding[rows].mean()
        size = float((centred @ centred) * (other @ other))
        best = max(best, float(centred @ other) ** 2 / size if size > 0 else 0.0)
    return best
