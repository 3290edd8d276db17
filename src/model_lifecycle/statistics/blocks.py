"""Contiguous spans of time as the unit of all intervals: rows of a day depend on one another."""

from datetime import timedelta

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import require

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def block_ids(times: np.ndarray, width: timedelta) -> np.ndarray:
    """Assign each row the number of the contiguous block of time it falls into.

    The span from the first row to the last is cut into blocks of equal length, as many as come nearest to `width`: one
    stub would spoil both the spread between blocks and its degrees of freedom. A month gives 30 days or 4 weeks.

    Parameters
    ----------
    times : ndarray of shape (n_rows,), datetime64
        In any order.
    width : timedelta
        Above zero.

    Returns
    -------
    ndarray of shape (n_rows,), int64
        From 0 (the earliest block) upwards; the number of a span without rows is left out. All 0 when the whole
        span is shorter than a block and a half.

    Raises
    ------
    StatisticError
        If there is no row, a time is missing, `times` are not datetimes, or `width` is not above zero.

    References
    ----------
    Carlstein (1986), Annals of Statistics 14, 1171-1179.

    Examples
    --------
    >>> days = np.datetime64("2024-06-01") + np.arange(30)
    >>> np.bincount(block_ids(days, WEEK)).tolist()
    [8, 7, 7, 8]
    """
    array = np.asarray(times)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind != "M":
        raise StatisticError(
            f"block_ids, times: found {array.dtype} of shape {array.shape}; expected datetime64, one dimension and "
            "at least one time"
        )
    require(np.isnat(array), "block_ids, times", "missing", "a time in every row")
    if width <= timedelta(0):
        raise StatisticError(f"block_ids, width: found {width}; expected a duration above zero")
    moments = array.astype("datetime64[us]").astype(np.int64)
    elapsed = moments - moments.min()
    span = int(elapsed.max())
    n_blocks = max(1, round(span / (width / timedelta(microseconds=1))))
    numbers: np.ndarray = elapsed // (span // n_blocks + 1)
    return numbers
