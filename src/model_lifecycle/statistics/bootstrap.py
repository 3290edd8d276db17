"""Bootstrap over whole blocks of time, for statistics that the jackknife cannot follow."""

from collections.abc import Callable

import numpy as np

from model_lifecycle.statistics._blocked import block_sizes, evaluated, require_blocks, student_quantile
from model_lifecycle.statistics._checks import at_least, same_length
from model_lifecycle.statistics.intervals import Interval


def block_bootstrap(
    statistic: Callable[..., float],
    block: np.ndarray,
    *arrays: np.ndarray,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Interval of any statistic by drawing whole blocks with replacement.

    The spread of the resampled statistic gives the standard error, widened for the few blocks, and Student's t the
    quantile: the percentiles themselves cover far too little with four or five blocks. Equal draws are evaluated
    once, and five blocks have only 126 different draws, so a thousand resamples cost at most so many calls.

    Parameters
    ----------
    statistic : callable
        Called with the arrays of the drawn rows; returns a float.
    block : ndarray of shape (n_rows,)
        Block of each row (`block_ids`); at least 2 blocks.
    *arrays : ndarray of shape (n_rows, ...)
        What the statistic reads, row by row.
    resamples : int
        Number of draws, at least 2.
    seed : int
        Of the draws; the same seed gives the same interval.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    Interval
        ``s ± t * sqrt(G / (G - 1)) * sd(s*)`` with G blocks and t of ``sum(n)^2 / sum(n^2) - 1`` degrees of freedom.

    Raises
    ------
    StatisticError
        If the lengths differ, there are fewer than 2 blocks or resamples, `level` is not in (0, 1), or the
        statistic is not defined (raises `StatisticError`, or is not finite) on some draw.

    References
    ----------
    Davison and Hinkley (1997), Bootstrap Methods and their Application, ch. 3.8 and 8.2; Cameron, Gelbach and
    Miller (2008), Review of Economics and Statistics 90, 414-427.

    Examples
    --------
    >>> weeks = np.repeat([0, 1, 2, 3], 2)
    >>> values = np.array([1.0, 3.0, 2.0, 4.0, 3.0, 5.0, 4.0, 6.0])
    >>> found = block_bootstrap(np.median, weeks, values, resamples=200, seed=1)
    >>> found.estimate, found.lower < 3.5 < found.upper, found.n_blocks
    (3.5, True, 4)
    """
    at_least(resamples, 2, "block_bootstrap, resamples")
    named = {f"array {i}": values for i, values in enumerate(arrays)}
    same_length("block_bootstrap", block=block, **named)
    position, sizes = block_sizes(block, "block_bootstrap")
    require_blocks(sizes, "block_bootstrap")
    n_blocks = int(sizes.size)
    estimate = evaluated(statistic, arrays, "block_bootstrap, all rows")
    rows = np.split(np.argsort(position, kind="stable"), np.cumsum(sizes)[:-1])
    drawn = np.sort(np.random.default_rng(seed).integers(n_blocks, size=(resamples, n_blocks)), axis=1)
    draws, times_drawn = np.unique(drawn, axis=0, return_counts=True)
    values = np.empty(len(draws))
    for i, draw in enumerate(draws):
        chosen = np.concatenate([rows[number] for number in draw])
        where = f"block_bootstrap, blocks {draw.tolist()}"
        values[i] = evaluated(statistic, tuple(array[chosen] for array in arrays), where)
    deviations = values - np.average(values, weights=times_drawn)
    variance = np.sum(times_drawn * deviations**2) / (resamples - 1) * n_blocks / (n_blocks - 1)
    half = student_quantile(sizes, level) * float(np.sqrt(variance))
    return Interval(estimate, estimate - half, estimate + half, level, n_blocks)
