"""Population stability index."""

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import paired_counts


def population_stability_index(expected: np.ndarray, actual: np.ndarray, smoothing: float = 1.0) -> float:
    """Compute the population stability index between two binned distributions.

    Parameters
    ----------
    expected, actual : ndarray of shape (n_bins,)
        Counts per bin; at least one positive count each.
    smoothing : float
        Rows added to each side in all, spread over the bins as the average of both sides' shares; above 0. So an
        empty bin costs a finite amount, equal shares stay equal, and a bin that is empty on both sides is ignored.

    Returns
    -------
    float
        ``sum((a - e) * ln(a / e))`` over the smoothed bin shares, in nats; 0 means equal, no upper bound. Sampling
        alone gives about ``(n_bins - 1) * (1 / n_expected + 1 / n_actual)``.

    Raises
    ------
    StatisticError
        If the lengths differ, a side is empty, a count is negative or not finite, or `smoothing` is not above 0.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, ch. 10; Yurdakul and Naranjo (2020), Journal of Risk Model Validation
    14 (its distribution).

    Examples
    --------
    >>> population_stability_index(np.array([50, 50]), np.array([50, 50]))
    0.0
    >>> round(population_stability_index(np.array([500, 500]), np.array([250, 750])), 3)
    0.274
    """
    if not 0.0 < smoothing < np.inf:
        raise StatisticError(f"population_stability_index, smoothing: found {smoothing}; expected a number above 0")
    before, after = paired_counts(expected, actual, "population_stability_index")
    e, a = before / before.sum(), after / after.sum()
    centre = (e + a) / 2.0
    occupied = centre > 0.0
    e, a = (
        (share + smoothing / rows * centre)[occupied] / (1.0 + smoothing / rows)
        for share, rows in ((e, before.sum()), (a, after.sum()))
    )
    return float(np.sum((a - e) * np.log(a / e)))
