"""Change of a share, such as that of missing values."""

import numpy as np
from scipy.special import gammaln

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.chi_squared import chi_squared
from model_lifecycle.statistics.significance import Significance

_SMALLEST_EXPECTED = 5.0  # Cochran's rule, as in `chi_squared`; below it the table is counted


def share_change(reference: tuple[int, int], current: tuple[int, int]) -> Significance:
    """Test that a share is the same in two samples.

    Parameters
    ----------
    reference, current : tuple of int
        Rows that have the property, and all rows of the sample; at least one row each.

    Returns
    -------
    Significance
        Pearson's chi-squared of the table of both samples as statistic, its p-value (Fisher's exact one where a cell
        of fewer than 5 rows is expected), and as effect the absolute difference of the shares.

    Raises
    ------
    StatisticError
        If a sample is empty or more rows have the property than there are.

    References
    ----------
    Pearson (1900), Philosophical Magazine 50, 157-175; Fisher (1935), Journal of the Royal Statistical Society 98,
    39-82 (the exact test).

    Examples
    --------
    >>> found = share_change((10, 1000), (40, 1000))
    >>> round(found.effect, 3), round(found.statistic, 2), round(found.p_value, 7)
    (0.03, 18.46, 1.73e-05)
    """
    for name, (hits, rows) in (("reference", reference), ("current", current)):
        if rows < 1 or not 0 <= hits <= rows:
            raise StatisticError(f"share_change, {name}: found {hits:,} of {rows:,} rows; expected 0 to all of some")
    table = np.array([[hits, rows - hits] for hits, rows in (reference, current)], dtype=np.float64)
    under_equal_shares = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    effect = abs(reference[0] / reference[1] - current[0] / current[1])
    if not under_equal_shares.all():
        return Significance(0.0, 1.0, effect)
    statistic = float(np.sum((table - under_equal_shares) ** 2 / under_equal_shares))
    if under_equal_shares.min() < _SMALLEST_EXPECTED:
        return Significance(statistic, _exact_p_value(reference, current), effect)
    return Significance(statistic, chi_squared(table[0], table[1]).p_value, effect)


def _exact_p_value(reference: tuple[int, int], current: tuple[int, int]) -> float:
    """Add up the chances of all tables with these margins that are no likelier than the one found."""
    hits, rows = reference[0] + current[0], reference[1] + current[1]
    mine = np.arange(max(0, hits - reference[1]), min(hits, current[1]) + 1)
    chance = _log_choose(current[1], mine) + _log_choose(reference[1], hits - mine) - _log_choose(rows, np.array(hits))
    found = chance[mine == current[0]]
    return float(np.clip(np.exp(chance[chance <= found + 1e-7]).sum(), 0.0, 1.0))


def _log_choose(total: int, chosen: np.ndarray) -> np.ndarray:
    return np.asarray(gammaln(total + 1.0) - gammaln(chosen + 1.0) - gammaln(total - chosen + 1.0))
