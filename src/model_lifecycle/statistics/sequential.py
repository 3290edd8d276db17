"""A bound that may be looked at again and again while data come in."""

from dataclasses import dataclass

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import same_length, vector


@dataclass(frozen=True, slots=True)
class WatchedDifference:
    """The difference of two means, with the bound that it stays below however often it was looked at.

    Attributes
    ----------
    difference, upper : float
        Mean of the first less mean of the second, and its bound, in the unit of the values.
    clusters : tuple of (int, int)
        Of the first and of the second.
    """

    difference: float
    upper: float
    clusters: tuple[int, int]


def watched_difference(
    first: np.ndarray,
    first_cluster: np.ndarray,
    second: np.ndarray,
    second_cluster: np.ndarray,
    error: float,
    tuned: int,
) -> WatchedDifference:
    """Bound a difference of means from above, at all times of a growing sample at once.

    Parameters
    ----------
    first, second : ndarray of shape (n_rows,), (m_rows,)
        Finite.
    first_cluster, second_cluster : ndarray of shape (n_rows,), (m_rows,)
        What was assigned by lot: rows of one cluster may depend on one another, clusters do not.
    error : float
        The probability, in (0, 0.5), that the bound is ever below the true difference.
    tuned : int
        The number of clusters of the smaller side at which the bound is tightest.

    Returns
    -------
    WatchedDifference
        ``difference + sqrt(2 (v + r) log(1 + sqrt((v + r) / r) / (2 error))) / v`` where ``v`` is one over the
        variance of the difference (of means by clusters, as a ratio) and ``r`` the mixture's parameter for ``tuned``.
        Asymptotic: the variance is estimated.

    Raises
    ------
    StatisticError
        If a side has fewer than 2 clusters or lengths differ, if no value differs from the mean, or `error` or `tuned`
        is out of range.

    References
    ----------
    Howard, Ramdas, McAuliffe and Sekhon (2021), Annals of Statistics 49, 1055-1080, proposition 6 and section 3.5;
    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Annals of Statistics 52, 2613-2640.

    Examples
    --------
    >>> worse, better = np.tile([0.0, 2.0], 200), np.tile([4.0, 6.0], 200)
    >>> found = watched_difference(worse, np.arange(400), better, np.arange(400), error=0.01, tuned=100)
    >>> found.difference, round(found.upper, 3), found.clusters
    (-4.0, -3.755, (400, 400))
    """
    if not 0 < error < 0.5 or tuned < 2:
        raise StatisticError(f"watched_difference: found error {error}, tuned {tuned}; expected (0, 0.5), at least 2")
    one = _clustered_mean(first, first_cluster, "first")
    two = _clustered_mean(second, second_cluster, "second")
    variance = one.variance + two.variance
    if not variance > 0:
        raise StatisticError("watched_difference: found no value that differs from its mean; expected some that do")
    known = 1 / variance
    at = known * tuned / min(one.clusters, two.clusters)
    spread = at / (2 * np.log(1 / error) + np.log(1 + 2 * np.log(1 / error)))
    radius = np.sqrt(2 * (known + spread) * np.log1p(np.sqrt((known + spread) / spread) / (2 * error))) / known
    difference = one.mean - two.mean
    return WatchedDifference(difference, float(difference + radius), (one.clusters, two.clusters))


@dataclass(frozen=True, slots=True)
class _Mean:
    mean: float
    variance: float
    clusters: int


def _clustered_mean(values: np.ndarray, cluster: np.ndarray, side: str) -> _Mean:
    """Return the mean of all rows and its variance as a ratio of sums over clusters."""
    rows = vector(values, f"watched_difference, {side}")
    same_length("watched_difference", values=rows, cluster=cluster)
    _, place = np.unique(cluster, return_inverse=True)
    clusters = int(place.max()) + 1
    if clusters < 2:
        raise StatisticError(f"watched_difference, {side}: found 1 cluster; expected at least 2")
    mean = float(rows.mean())
    left = np.bincount(place, weights=rows - mean)
    return _Mean(mean, float(np.sum(left**2) / len(rows) ** 2 * clusters / (clusters - 1)), clusters)
