"""Wasserstein distance of order 1 (the earth mover's distance)."""

import numpy as np

from model_lifecycle.statistics._checks import vector


def wasserstein_distance(reference: np.ndarray, current: np.ndarray) -> float:
    """How far the values of one sample have to be moved, on average, to become those of the other.

    Parameters
    ----------
    reference, current : ndarray of shape (n_rows,)
        Finite; they may differ in length.

    Returns
    -------
    float
        ``integral |F_reference(x) - F_current(x)| dx``, in the unit of the values; 0 means equal, no upper bound. A
        shift by a constant is a distance of just that.

    Raises
    ------
    StatisticError
        If a sample is empty or has a value that is not finite.

    References
    ----------
    Vallender (1974), Theory of Probability and Its Applications 18, 784-786.

    Examples
    --------
    >>> wasserstein_distance(np.array([0.0, 1.0, 3.0]), np.array([5.0, 6.0, 8.0]))
    5.0
    """
    before = np.sort(vector(reference, "wasserstein_distance, reference"))
    after = np.sort(vector(current, "wasserstein_distance, current"))
    points = np.sort(np.concatenate((before, after)))
    below_before = np.searchsorted(before, points[:-1], side="right") / before.size
    below_after = np.searchsorted(after, points[:-1], side="right") / after.size
    return float(np.sum(np.abs(below_before - below_after) * np.diff(points)))
