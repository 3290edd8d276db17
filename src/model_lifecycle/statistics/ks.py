"""Two-sample Kolmogorov-Smirnov test."""

from math import comb

import numpy as np

from model_lifecycle.statistics._checks import paired_counts, vector
from model_lifecycle.statistics.significance import Significance

# Up to so many pairs of rows the p-value is counted: the limit distribution is wrong for two handfuls of rows (it gives
# 0 where the truth is 1 in 3), and right long before the count takes a millisecond.
_EXACT_PAIRS = 10_000
# From so many rows on a small p-value is computed by its expansion, to five digits: the exact sum has
# a term a row, half a second for a million rows.
_MANY_ROWS = 10_000.0
_SMALL = 2.2  # rows times squared distance from which both sides may be added up, p < 0.025 (Simard and L'Ecuyer)


def kolmogorov_smirnov(reference: np.ndarray, current: np.ndarray) -> Significance:
    """Kolmogorov-Smirnov test that two samples have one distribution.

    Parameters
    ----------
    reference : ndarray of shape (n_reference,)
        Finite.
    current : ndarray of shape (n_current,)
        Finite.

    Returns
    -------
    Significance
        ``D = max |F_reference(x) - F_current(x)|`` as statistic and as effect, and the two-sided p-value of D at
        ``n = n_reference * n_current / (n_reference + n_current)`` rows, exact up to 10,000 pairs of rows; too large
        (safe) when values are tied.

    Raises
    ------
    StatisticError
        If a sample is empty or has a value that is not finite.

    References
    ----------
    Smirnov (1948), Annals of Mathematical Statistics 19, 279-281; the p-value: Hodges (1958), Arkiv for Matematik 3,
    469-486 (exact), Simard and L'Ecuyer (2011), Journal of Statistical Software 39 (11); Darling (1960), Theory of
    Probability and Its Applications 5, 356-361 (the expansion for many rows).

    Examples
    --------
    >>> found = kolmogorov_smirnov(np.arange(0.0, 200.0), np.arange(20.0, 220.0))
    >>> found.statistic, round(found.p_value, 3)
    (0.1, 0.253)
    """
    before = np.sort(vector(reference, "kolmogorov_smirnov, reference"))
    after = np.sort(vector(current, "kolmogorov_smirnov, current"))
    points = np.concatenate((before, after))
    below_before = np.searchsorted(before, points, side="right") * after.size
    below_after = np.searchsorted(after, points, side="right") * before.size
    distance = int(np.max(np.abs(below_before - below_after))) / (before.size * after.size)
    return Significance(distance, _p_value(distance, before.size, after.size), distance)


def binned_kolmogorov_smirnov(expected: np.ndarray, actual: np.ndarray) -> Significance:
    """Kolmogorov-Smirnov test on counts in the same ordered bins.

    Parameters
    ----------
    expected, actual : ndarray of shape (n_bins,)
        Counts a bin, in the order of the values; at least one positive count each.

    Returns
    -------
    Significance
        As `kolmogorov_smirnov`, with the largest difference at the bins' edges: at most that of the rows themselves,
        so its p-value is on the safe side.

    Raises
    ------
    StatisticError
        If the lengths differ, a side is empty, or a count is negative or not finite.

    References
    ----------
    Noether (1963), Technometrics 5, 233-237: the test is conservative where values are tied.

    Examples
    --------
    >>> binned_kolmogorov_smirnov(np.array([50, 50]), np.array([25, 75])).effect
    0.25
    """
    before, after = paired_counts(expected, actual, "binned_kolmogorov_smirnov")
    distance = float(kolmogorov_smirnov_distances(before[np.newaxis], after[np.newaxis])[0])
    return Significance(distance, _p_value(distance, before.sum(), after.sum()), distance)


def kolmogorov_smirnov_distances(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Largest differences of the distribution functions of many pairs of binned samples at once.

    Parameters
    ----------
    expected, actual : ndarray of shape (n_pairs, n_bins)
        Counts.

    Returns
    -------
    ndarray of shape (n_pairs,), float64
        In [0, 1]; 0 where a side is empty.

    Raises
    ------
    StatisticError
        If the shapes differ.

    References
    ----------
    Noether (1963), Technometrics 5, 233-237.

    Examples
    --------
    >>> kolmogorov_smirnov_distances(np.array([[5, 5], [1, 0]]), np.array([[10, 0], [0, 0]]))
    array([0.5, 0. ])
    """
    below = [
        np.cumsum(counts, axis=1) / np.maximum(counts.sum(axis=1, keepdims=True), 1) for counts in (expected, actual)
    ]
    there = expected.any(axis=1) & actual.any(axis=1)
    return np.asarray(np.where(there, np.abs(below[0] - below[1]).max(axis=1), 0.0))


def _p_value(distance: float, n_reference: float, n_current: float) -> float:
    """Return P(D >= distance) under one continuous distribution, exactly for few rows."""
    if n_reference * n_current <= _EXACT_PAIRS:
        return _exact_p_value(distance, *sorted((int(n_reference), int(n_current))))
    rows = float(np.round(n_reference * n_current / (n_reference + n_current)))
    if rows >= _MANY_ROWS and rows * distance**2 >= _SMALL:
        z = (6.0 * rows * distance + 1.0) ** 2 / (18.0 * rows)
        return float(2.0 * np.exp(-z) * max(1.0 - (2.0 * z * z - 4.0 * z - 1.0) / (18.0 * rows), 0.0))
    from scipy.stats import kstwo  # takes as long to import as all else here, and only monitoring asks for it

    return float(np.clip(kstwo.sf(distance, max(rows, 1.0)), 0.0, 1.0))


def _exact_p_value(distance: float, n_small: int, n_large: int) -> float:
    """Count the orders of both samples, as paths on a lattice, whose distance stays below the one found."""
    limit = round(distance * n_small * n_large)
    column = np.arange(n_large + 1) * n_small
    paths = (column < limit).astype(np.float64)
    for row in range(1, n_small + 1):
        inside = np.abs(column - row * n_large) < limit
        paths = np.where(inside, np.cumsum(np.where(inside, paths, 0.0)), 0.0)
    return float(np.clip(1.0 - paths[-1] / comb(n_small + n_large, n_small), 0.0, 1.0))
