"""A quantile of rows that do not all count alike."""

import numpy as np

from model_lifecycle.errors import StatisticError


def weighted_quantile(values: np.ndarray, quantile: float, weight: np.ndarray | None) -> float:
    """Return the smallest value at or below which so much of the weight lies; without weights numpy's quantile.

    Parameters
    ----------
    values, weight : ndarray of float64, shape (n,)
        At least one; weights above 0.
    quantile : float
        In (0, 1).

    Returns
    -------
    float
        ``min {v : sum of weights of values <= v >= quantile * sum of all weights}``.

    Raises
    ------
    StatisticError
        If there is no value, or the lengths differ.

    References
    ----------
    Hyndman and Fan (1996), The American Statistician 50, 361-365 (definition 1, weighted).

    Examples
    --------
    >>> weighted_quantile(np.array([1.0, 2.0, 3.0]), 0.5, np.array([1.0, 1.0, 8.0]))
    3.0
    """
    if not values.size or (weight is not None and weight.shape != values.shape):
        found = None if weight is None else weight.size
        raise StatisticError(f"weighted_quantile: {values.size} values and {found} weights, expected as many, some")
    if weight is None:
        return float(np.quantile(values, quantile))
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, quantile * reached[-1])])
