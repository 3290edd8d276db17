"""How much a run of blocks of time is worth when neighbours depend on one another."""

from collections.abc import Sequence

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._methods import autocorrelations


def serial_dependence(influence: np.ndarray) -> float:
    """Estimate the first-order autocorrelation of blocks of time, without the bias of a short series.

    Parameters
    ----------
    influence : ndarray of shape (n_blocks,)
        What each block adds to a figure, in the order of time, such as block means less their mean; finite, at least 2.

    Returns
    -------
    float
        ``r + (1 + 3 * r) / n`` with ``r`` the sample autocorrelation, between 0 and 0.95. A negative dependence counts
        as none; blocks that are all alike have none.

    Raises
    ------
    StatisticError
        If there are fewer than 2 blocks, or one is not finite.

    References
    ----------
    Kendall (1954), Biometrika 41, 403-404, for the bias ``-(1 + 3 * rho) / n`` of the sample autocorrelation.

    Examples
    --------
    >>> serial_dependence(np.array([1.0, -1.0, 1.0, -1.0]))
    0.0
    >>> round(serial_dependence(np.array([3.0, 1.0, 2.0, -1.0, 0.0, -2.0, -1.0, 1.0, -2.0, -1.0])), 3)
    0.3
    """
    if influence.size < 2:
        raise StatisticError(f"serial_dependence: found {influence.size} block; expected at least 2")
    if not np.isfinite(influence).all():
        wrong = int(np.count_nonzero(~np.isfinite(influence)))
        raise StatisticError(
            f"serial_dependence: {wrong:,} of {influence.size:,} blocks not finite; expected finite numbers"
        )
    return float(autocorrelations(influence[np.newaxis], 1.0)[0])


def pooled_dependence(runs: Sequence[tuple[int, float]]) -> float:
    """Return the autocorrelation that several runs of blocks show together, each counted by its length.

    A month leaves its own autocorrelation uncertain by 0.17; the months before it tell about the same process.

    Parameters
    ----------
    runs : sequence of (int, float)
        The blocks of each run and its autocorrelation (`serial_dependence`), 0 to 0.95.

    Returns
    -------
    float
        0 where there is no run.

    Raises
    ------
    StatisticError
        If an autocorrelation is not between 0 and 1.

    References
    ----------
    Anderson (1978), Repeated measurements on autoregressive processes, Journal of the American Statistical
    Association 73, 371-378.

    Examples
    --------
    >>> pooled_dependence([(60, 0.3), (30, 0.6)])
    0.4
    """
    for _, found in runs:
        if not 0.0 <= found <= 1.0:
            raise StatisticError(f"pooled_dependence, autocorrelation: found {found}; expected 0 to 1")
    blocks = sum(length for length, _ in runs)
    return sum(length * found for length, found in runs) / blocks if blocks else 0.0


def effective_blocks(n_blocks: float, autocorrelation: float) -> float:
    """Return how many independent blocks tell as much about a mean as these do.

    Parameters
    ----------
    n_blocks : float
        Blocks in a row, at least 1.
    autocorrelation : float
        Of first order, 0 to below 1.

    Returns
    -------
    float
        ``n * (1 - rho) / (1 + rho)``, and 2 at the least where there are as many.

    Raises
    ------
    StatisticError
        If `autocorrelation` is not between 0 and below 1.

    References
    ----------
    Bayley and Hammersley (1946), Supplement to the Journal of the Royal Statistical Society 8, 184-197.

    Examples
    --------
    >>> effective_blocks(30, 0.5)
    10.0
    """
    if not 0.0 <= autocorrelation < 1.0:
        raise StatisticError(f"effective_blocks, autocorrelation: found {autocorrelation}; expected 0 to below 1")
    return max(n_blocks * (1.0 - autocorrelation) / (1.0 + autocorrelation), min(n_blocks, 2.0))
