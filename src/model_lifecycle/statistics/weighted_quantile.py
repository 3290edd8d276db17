"""A quantile of rows that do not all count alike."""

import numpy as np


def weighted_quantile(values: np.ndarray, quantile: float, weight: np.ndarray | None) -> float:
    """Return the smallest value below or at which so much of the weight lies; without weights numpy's quantile.

    Parameters
    ----------
    values, weight : ndarray of float64, shape (n,)
        At least one; weights above 0.
    quantile : float
        In (0, 1).

    Examples
    --------
    >>> weighted_quantile(np.array([1.0, 2.0, 3.0]), 0.5, np.array([1.0, 1.0, 8.0]))
    3.0
    """
    if weight is None:
        return float(np.quantile(values, quantile))
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, quantile * reached[-1])])
