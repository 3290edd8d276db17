"""Wasserstein distance in units of the reference's spread."""

import numpy as np

from model_lifecycle.statistics._checks import vector


def normalised_wasserstein(reference: np.ndarray, current: np.ndarray) -> float:
    """First Wasserstein distance between two samples, in standard deviations of the reference.

    Parameters
    ----------
    reference : ndarray of shape (n_reference,)
        Finite.
    current : ndarray of shape (n_current,)
        Finite.

    Returns
    -------
    float
        ``integral |F_reference(x) - F_current(x)| dx / sd(reference)``, at least 0; a shift by one standard deviation
        gives 1. For a constant reference 0 when the current values are the same constant, infinity otherwise.

    Raises
    ------
    StatisticError
        If a sample is empty or has a value that is not finite.

    References
    ----------
    Villani (2009), Optimal Transport, ch. 6; Ramdas, Garcia Trillos and Cuturi (2017), Entropy 19, 47.

    Examples
    --------
    >>> normalised_wasserstein(np.array([0.0, 2.0]), np.array([1.0, 3.0]))
    1.0
    """
    before = np.sort(vector(reference, "normalised_wasserstein, reference"))
    after = np.sort(vector(current, "normalised_wasserstein, current"))
    points = np.sort(np.concatenate((before, after)))
    share_before = np.searchsorted(before, points[:-1], side="right") / before.size
    share_after = np.searchsorted(after, points[:-1], side="right") / after.size
    distance = float(np.sum(np.abs(share_before - share_after) * np.diff(points)))
    if distance == 0.0:
        return 0.0
    # the spread of equal values can be a rounding error above 0, so constancy is asked of the values themselves
    return distance / float(np.std(before)) if before[0] < before[-1] else float("inf")
