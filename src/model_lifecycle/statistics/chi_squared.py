"""Chi-squared test of homogeneity."""

import numpy as np
from scipy.special import chdtrc

from model_lifecycle.statistics._checks import paired_counts
from model_lifecycle.statistics.significance import Significance

_SMALLEST_EXPECTED = 5.0  # Cochran's rule: below it the statistic's distribution is not chi-squared


def chi_squared(expected: np.ndarray, actual: np.ndarray) -> Significance:
    """Chi-squared test that two samples have the same shares in all categories.

    Parameters
    ----------
    expected, actual : ndarray of shape (n_bins,)
        Counts per category or bin; at least one positive count each.

    Returns
    -------
    Significance
        ``sum((o - f) ** 2 / f)`` over the cells of the table of both samples, f the cell's count under equal shares;
        its p-value with one degree of freedom a category after the first; and as effect the total variation distance
        ``sum(|a - e|) / 2`` of the shares. Categories with a cell of f < 5 are put together for the
        test; when fewer than two are left it has nothing to say, statistic 0 and p-value 1.

    Raises
    ------
    StatisticError
        If the lengths differ, a side is empty, or a count is negative or not finite.

    References
    ----------
    Pearson (1900), Philosophical Magazine 50, 157-175; Cochran (1954), Biometrics 10, 417-451 (small counts).

    Examples
    --------
    >>> found = chi_squared(np.array([50, 50]), np.array([70, 30]))
    >>> round(found.statistic, 3), round(found.p_value, 4), round(found.effect, 6)
    (8.333, 0.0039, 0.2)
    """
    before, after = paired_counts(expected, actual, "chi_squared")
    effect = float(np.sum(np.abs(before / before.sum() - after / after.sum())) / 2.0)
    table = _without_rare(np.stack((before, after)))
    if table.shape[1] < 2:
        return Significance(0.0, 1.0, effect)
    under_equal_shares = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(np.sum((table - under_equal_shares) ** 2 / under_equal_shares))
    return Significance(statistic, float(chdtrc(table.shape[1] - 1, statistic)), effect)


def _without_rare(table: np.ndarray) -> np.ndarray:
    """Put rare categories together, and what is still rare then with the smallest of the others."""
    totals = table.sum(axis=0)
    smaller_side = table.sum(axis=1).min() / table.sum()
    rare = totals * smaller_side < _SMALLEST_EXPECTED
    if not rare.any():
        return table
    kept, rest = table[:, ~rare], table[:, rare].sum(axis=1)
    if rest.sum() * smaller_side >= _SMALLEST_EXPECTED:
        return np.column_stack((kept, rest))
    if kept.shape[1]:
        kept = kept.copy()
        kept[:, np.argmin(kept.sum(axis=0))] += rest
    return kept
