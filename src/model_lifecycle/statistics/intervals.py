"""Confidence intervals that respect the dependence of rows within a block of time.

All of them leave out one block at a time (the delete-one-block jackknife) and use Student's t, because a month has
only four or five weeks: a normal quantile or a percentile bootstrap over so few blocks is far too short.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model_lifecycle.statistics._blocked import block_sizes, evaluated, require_blocks, student_quantile
from model_lifecycle.statistics._checks import same_length, vector


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its confidence interval.

    Attributes
    ----------
    estimate, lower, upper : float
        The figure on all rows and the two ends, in the figure's unit.
    level : float
        Nominal coverage, such as 0.95.
    n_blocks : int
        Blocks of time the interval rests on, at least 2.
    """

    estimate: float
    lower: float
    upper: float
    level: float
    n_blocks: int


def clustered_mean_interval(values: np.ndarray, block: np.ndarray, level: float = 0.95) -> Interval:
    """Interval of a mean whose rows depend on one another within blocks.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Finite, such as the loss of each row.
    block : ndarray of shape (n_rows,)
        Block of each row (`block_ids`); at least 2 blocks.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    Interval
        ``m ± t * sqrt((G - 1) / G * sum((m_(-b) - m) ** 2))`` with ``m_(-b)`` the mean without block b, G blocks, and
        t of ``sum(n)^2 / sum(n^2) - 1`` degrees of freedom (1 at the least). With blocks of equal size this is the
        ordinary t interval of the block means.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, there are fewer than 2 blocks, or `level` is not in (0, 1).

    Notes
    -----
    Measured on 28 to 61 days whose day effects are autoregressive with coefficient 0.56, blocks of a week: a nominal
    95% covers 92 to 94% (blocks of a day: 70 to 78%), since neighbouring weeks are not quite independent.

    References
    ----------
    Bell and McCaffrey (2002), Survey Methodology 28, 169-181; Ibragimov and Mueller (2010), Journal of Business and
    Economic Statistics 28, 453-468.

    Examples
    --------
    >>> weeks = np.repeat([0, 1, 2, 3], 2)
    >>> found = clustered_mean_interval(np.array([1.0, 3.0, 2.0, 4.0, 3.0, 5.0, 4.0, 6.0]), weeks)
    >>> found.estimate, round(found.lower, 3), round(found.upper, 3), found.n_blocks
    (3.5, 1.446, 5.554, 4)
    """
    numbers = vector(values, "clustered_mean_interval, values")
    same_length("clustered_mean_interval", values=numbers, block=block)
    position, sizes = block_sizes(block, "clustered_mean_interval")
    require_blocks(sizes, "clustered_mean_interval")
    estimate = float(np.mean(numbers))
    excess = np.bincount(position, numbers - estimate)
    without = estimate - excess / (sizes.sum() - sizes)
    return _around(estimate, without, sizes, level)


def paired_difference_interval(a: np.ndarray, b: np.ndarray, block: np.ndarray, level: float = 0.95) -> Interval:
    """Interval of the mean of ``a - b`` on the same rows, such as two models' losses.

    Pairing removes what both share (a hard day is hard for both), so it is far narrower than the two intervals apart.

    Parameters
    ----------
    a, b : ndarray of shape (n_rows,)
        Finite; row i of both is the same decision.
    block : ndarray of shape (n_rows,)
        Block of each row (`block_ids`); at least 2 blocks.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    Interval
        Of ``mean(a - b)``; wholly below 0 means that `a` is the smaller.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, there are fewer than 2 blocks, or `level` is not in (0, 1).

    References
    ----------
    Diebold and Mariano (1995), Journal of Business and Economic Statistics 13, 253-263.

    Examples
    --------
    >>> challenger, champion = np.array([0.3, 0.5, 0.2, 0.4]), np.array([0.4, 0.6, 0.4, 0.5])
    >>> found = paired_difference_interval(challenger, champion, np.array([0, 1, 2, 3]))
    >>> round(found.estimate, 4), round(found.lower, 4), round(found.upper, 4)
    (-0.125, -0.2046, -0.0454)
    """
    left = vector(a, "paired_difference_interval, a")
    right = vector(b, "paired_difference_interval, b")
    same_length("paired_difference_interval", a=left, b=right, block=block)
    return clustered_mean_interval(left - right, block, level)


def jackknife_interval(
    statistic: Callable[..., float], block: np.ndarray, *arrays: np.ndarray, level: float = 0.95
) -> Interval:
    """Interval of any smooth statistic (AUC, average precision, slope), leaving out one block at a time.

    Costs one call a block, so it is the fast choice and a deterministic one. Not for a quantile or a best threshold,
    which jump when a block is left out: `block_bootstrap`.

    Parameters
    ----------
    statistic : callable
        Called with the arrays, all rows or those of all blocks but one; returns a float.
    block : ndarray of shape (n_rows,)
        Block of each row (`block_ids`); at least 2 blocks.
    *arrays : ndarray of shape (n_rows, ...)
        What the statistic reads, row by row.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    Interval
        ``s ± t * sqrt((G - 1) / G * sum((s_(-b) - s) ** 2))``, t of ``sum(n)^2 / sum(n^2) - 1`` degrees of freedom.
        The ends may lie outside the statistic's own range when blocks are few.

    Raises
    ------
    StatisticError
        If the lengths differ, there are fewer than 2 blocks, `level` is not in (0, 1), or the statistic is not
        defined (raises `StatisticError`, or is not finite) on all rows or without some block.

    References
    ----------
    Kuensch (1989), Annals of Statistics 17, 1217-1241; Efron and Tibshirani (1993), An Introduction to the
    Bootstrap, ch. 11.

    Examples
    --------
    >>> from model_lifecycle.statistics.discrimination import roc_auc
    >>> target, score = np.array([0, 1, 0, 1, 1, 0]), np.array([0.1, 0.8, 0.5, 0.4, 0.9, 0.3])
    >>> found = jackknife_interval(roc_auc, np.array([0, 0, 1, 1, 2, 2]), target, score)
    >>> round(found.estimate, 4), found.n_blocks
    (0.8889, 3)
    """
    named = {f"array {i}": values for i, values in enumerate(arrays)}
    same_length("jackknife_interval", block=block, **named)
    position, sizes = block_sizes(block, "jackknife_interval")
    require_blocks(sizes, "jackknife_interval")
    estimate = evaluated(statistic, arrays, "jackknife_interval, all rows")
    without = np.empty(sizes.size)
    for left_out, size in enumerate(sizes):
        kept = position != left_out
        where = f"jackknife_interval, without block {left_out} ({size:,} of {position.size:,} rows)"
        without[left_out] = evaluated(statistic, tuple(values[kept] for values in arrays), where)
    return _around(estimate, without, sizes, level)


def _around(estimate: float, without: np.ndarray, sizes: np.ndarray, level: float) -> Interval:
    variance = (sizes.size - 1) / sizes.size * np.sum((without - estimate) ** 2)
    half = student_quantile(sizes, level) * float(np.sqrt(variance))
    return Interval(estimate, estimate - half, estimate + half, level, int(sizes.size))
