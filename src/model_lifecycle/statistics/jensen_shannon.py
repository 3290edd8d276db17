"""Jensen-Shannon distances."""

import numpy as np
from scipy.special import rel_entr

from model_lifecycle.errors import StatisticError


def jensen_shannon_distances(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Jensen-Shannon distances of many pairs of binned distributions at once; empty bins need no smoothing.

    Parameters
    ----------
    expected, actual : ndarray of shape (n_pairs, n_bins)
        Counts; at least one positive count a row.

    Returns
    -------
    ndarray of shape (n_pairs,), float64
        ``sqrt((KL(e, m) + KL(a, m)) / 2)`` over a row's bin shares with ``m = (e + a) / 2`` and logarithms to base 2,
        in [0, 1]: 0 means equal, 1 that no bin is shared. A metric, and the same in both directions.

    Raises
    ------
    StatisticError
        If the shapes differ or a side of a pair is empty.

    References
    ----------
    Endres and Schindelin (2003), IEEE Transactions on Information Theory 49, 1858-1860.

    Examples
    --------
    >>> jensen_shannon_distances(np.array([[10, 0], [5, 5], [50, 50]]), np.array([[0, 40], [1, 1], [25, 75]])).round(4)
    array([1.    , 0.    , 0.2209])
    """
    if expected.shape != actual.shape or not (expected.any(axis=1) & actual.any(axis=1)).all():
        raise StatisticError(
            f"jensen_shannon_distances: found shapes {expected.shape} and {actual.shape}; expected the same and a row "
            "on each side of every pair"
        )
    e, a = (counts / counts.sum(axis=1, keepdims=True) for counts in (expected, actual))
    middle = (e + a) / 2.0
    divergence = np.sum(rel_entr(e, middle) + rel_entr(a, middle), axis=1) / (2.0 * np.log(2.0))
    return np.asarray(np.sqrt(np.clip(divergence, 0.0, 1.0)))
