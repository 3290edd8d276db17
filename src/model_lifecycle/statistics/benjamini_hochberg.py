"""Benjamini-Hochberg correction for many tests at once."""

import numpy as np

from model_lifecycle.statistics._checks import probabilities


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Adjust p-values so that rejecting those at or below q keeps the false discovery rate at q.

    Parameters
    ----------
    p_values : ndarray of shape (n_tests,)
        In [0, 1], one a test.

    Returns
    -------
    ndarray of shape (n_tests,), float64
        ``min over j >= i of p_(j) * n / j`` for the i-th smallest, at most 1, in the order of the input.

    Raises
    ------
    StatisticError
        If there is no test, or a p-value is NaN or outside [0, 1].

    References
    ----------
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03])).round(3)
    array([0.03, 0.04, 0.04])
    """
    values = probabilities(p_values, "benjamini_hochberg, p_values")
    order = np.argsort(values, kind="stable")[::-1]
    scaled = values[order] * values.size / np.arange(values.size, 0, -1)
    adjusted = np.empty(values.size)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return adjusted
