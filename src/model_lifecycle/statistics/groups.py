"""How far the mean of one group lies from that of another, on rows that depend on one another in time."""

from dataclasses import replace

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import require, same_length, vector
from model_lifecycle.statistics.intervals import Interval, clustered_mean_interval


def group_difference_interval(
    values: np.ndarray, first: np.ndarray, block: np.ndarray, level: float = 0.95
) -> Interval:
    """Interval of the mean of one group less that of another.

    Both groups live through the same blocks of time: what moves both of them cancels.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Finite, such as 1 where something was done, else 0.
    first : ndarray of bool, shape (n_rows,)
        The rows of the first group; all others are the second. Both have rows.
    block : ndarray of shape (n_rows,)
        Block of each row (`block_ids`); at least 2 blocks.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    Interval
        Of ``mean(first) - mean(second)``, that of the mean of what each row adds to it: the linearised difference of
        two ratio estimates.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, a group is empty, or `clustered_mean_interval` refuses.

    References
    ----------
    Woodruff (1971), Journal of the American Statistical Association 66, 411-414, for the linearisation.

    Examples
    --------
    >>> acted = np.array([1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    >>> of_first = np.array([True, True, False, True, False, True, True, False])
    >>> found = group_difference_interval(acted, of_first, np.repeat([0, 1, 2, 3], 2))
    >>> round(found.estimate, 3), found.n_blocks
    (0.8, 4)
    """
    numbers, _, contributions = _parts(values, first, block, "group_difference_interval")
    difference = float(numbers[first].mean() - numbers[~first].mean())
    return clustered_mean_interval(contributions + difference, block, level)


def group_ratio_interval(values: np.ndarray, first: np.ndarray, block: np.ndarray, level: float = 0.95) -> Interval:
    """Interval of the mean of one group over that of another, symmetric for its logarithm.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Finite and at least 0, such as 1 where something was done, else 0; each group has one above 0.
    first : ndarray of bool, shape (n_rows,)
        The rows of the first group; all others are the second. Both have rows.
    block : ndarray of shape (n_rows,)
        Block of each row (`block_ids`); at least 2 blocks.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    Interval
        Of ``mean(first) / mean(second)``, above 0.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is negative or not finite, a group is empty or has a mean of 0, or
        `clustered_mean_interval` refuses.

    References
    ----------
    Katz, Baptista, Azen and Pike (1978), Biometrics 34, 469-474, for the logarithm; Woodruff (1971) as above.

    Examples
    --------
    >>> acted = np.array([1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    >>> found = group_ratio_interval(acted, np.tile([True, False], 4), np.repeat([0, 1, 2, 3], 2))
    >>> round(found.estimate, 3), found.lower > 0
    (0.667, True)
    """
    where = "group_ratio_interval"
    numbers, means, contributions = _parts(values, first, block, where)
    require(numbers < 0.0, f"{where}, values", "below 0", "at least 0")
    one, other = float(numbers[first].mean()), float(numbers[~first].mean())
    if not (one > 0.0 and other > 0.0):
        raise StatisticError(f"{where}: found means of {one:g} and {other:g}; expected both above 0")
    found = clustered_mean_interval(contributions / means + np.log(one / other), block, level)
    lower, upper = float(np.exp(found.lower)), float(np.exp(found.upper))
    return replace(found, estimate=one / other, lower=lower, upper=upper)


def _parts(
    values: np.ndarray, first: np.ndarray, block: np.ndarray, where: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values, the mean of each row's group, and how far each row moves the difference of the means."""
    numbers = vector(values, f"{where}, values")
    same_length(where, values=numbers, first=first, block=block)
    rows, of_first = len(numbers), int(np.count_nonzero(first))
    if of_first in (0, rows):
        raise StatisticError(f"{where}: found {of_first:,} and {rows - of_first:,} rows; expected both groups")
    means = np.where(first, numbers[first].mean(), numbers[~first].mean())
    weight = np.where(first, rows / of_first, -rows / (rows - of_first))
    return numbers, means, weight * (numbers - means)
