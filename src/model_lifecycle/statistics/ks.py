"""Two-sample Kolmogorov-Smirnov test."""

from math import comb

import numpy as np

from model_lifecycle.statistics._checks import vector
from model_lifecycle.statistics.significance import Significance

# Up to so many pairs of rows the p-value is counted: the limit distribution is wrong for two handfuls of rows (it gives
# 0 where the truth is 1 in 3), and right long before the count takes a millisecond.
_EXACT_PAIRS = 10_000


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
    469-486 (exact), Simard and L'Ecuyer (2011), Journal of Statistical Software 39 (11).

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


def _p_value(distance: float, n_reference: float, n_current: float) -> float:
    """Return P(D >= distance) under one continuous distribution, exactly for few rows."""
    if n_reference * n_current <= _EXACT_PAIRS:
        return _exact_p_value(distance, *sorted((int(n_reference), int(n_current))))
    from scipy.stats import kstwo  # takes as long to import as all else here, and only monitoring asks for it

    rows = float(np.round(n_reference * n_current / (n_reference + n_current)))
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
