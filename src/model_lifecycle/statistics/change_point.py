"""Where the level of a series changed, and how likely so large a change is in a series that kept its level."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import vector
from model_lifecycle.statistics._methods import STRONGEST, autocorrelations
from model_lifecycle.statistics.coverage import autoregressions
from model_lifecycle.statistics.dependence import serial_dependence

FEWEST = 3  # values on either side of a change
_WORLDS = 2_000  # a share of 5% has a standard error of half a point
_GRID = 0.05
_LONGEST = 366
_SURE = 0.0005  # a change of level that chance makes more often is taken for dependence: none of the worlds may
_CAREFUL = 2.0  # Kendall's correction twice: once for the bias of the estimate, once for its noise


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The likeliest change of a series' level.

    Attributes
    ----------
    at : int
        The first value of the new level.
    before, after : float
        The means on its two sides.
    p_value : float
        Share of the simulated series without a change whose likeliest change is as large.
    dependence : float
        Autocorrelation of the simulated series.
    """

    at: int
    before: float
    after: float
    p_value: float
    dependence: float


def change_point(series: np.ndarray, dependence: float = 0.0) -> ChangePoint:
    """Find the likeliest change of level.

    Parameters
    ----------
    series : ndarray of shape (n,)
        Finite, in the order of time, such as the mean of each day; at least 6.
    dependence : float
        What is known of the first-order autocorrelation from elsewhere, 0 to 0.95. The larger of it and of what the
        series itself shows around its two levels counts.

    Returns
    -------
    ChangePoint
        At the split that maximises ``|m_1 - m_2| / (s * sqrt(1 / n_1 + 1 / n_2))``, s the spread around the two means,
        with at least 3 values on either side. The p-value respects that the split was chosen: it compares with the same
        maximum in 2,000 stationary Gaussian autoregressions of that length and dependence, from a fixed seed.

    Raises
    ------
    StatisticError
        If the series is too short, a value is not finite, or `dependence` is not between 0 and 0.95.

    References
    ----------
    Andrews (1993), Econometrica 61, 821-856, for the supremum over unknown change points; Kendall (1954), Biometrika
    41, 403-404, for the dependence.

    Examples
    --------
    >>> found = change_point(np.array([0.1, -0.1, 0.0, 0.1, -0.1, 1.1, 0.9, 1.0, 1.1, 0.9]))
    >>> found.at, found.p_value < 0.01
    (5, True)
    """
    values = vector(series, "change_point, series")
    if values.size < 2 * FEWEST:
        raise StatisticError(f"change_point, series: found {values.size} values; expected at least {2 * FEWEST}")
    if not 0.0 <= dependence <= STRONGEST:
        raise StatisticError(f"change_point, dependence: found {dependence}; expected 0 to {STRONGEST:g}")
    statistics = _statistics(values[np.newaxis])[0]
    at = int(np.argmax(statistics)) + FEWEST
    before, after = float(values[:at].mean()), float(values[at:].mean())
    rho = max(dependence, careful_dependence(_around(values, at, before, after)))
    usual = _maxima(min(values.size, _LONGEST), round(rho / _GRID))
    exceeded = int(np.count_nonzero(usual >= statistics.max() * (1.0 - 1e-9)))
    return ChangePoint(at, before, after, (exceeded + 1) / (usual.size + 1), rho)


def careful_dependence(influence: np.ndarray) -> float:
    """Return the autocorrelation of blocks of time, with a margin for how little a short series tells of it.

    Parameters
    ----------
    influence : ndarray of shape (n_blocks,)
        As in `dependence.serial_dependence`.

    Returns
    -------
    float
        ``r + 2 * (1 + 3 * r) / n``, between 0 and 0.95: Kendall's correction once for the bias, once for the noise.

    Raises
    ------
    StatisticError
        If there are fewer than 2 blocks.

    References
    ----------
    Kendall (1954), Biometrika 41, 403-404.

    Examples
    --------
    >>> round(careful_dependence(np.array([3.0, 1.0, 2.0, -1.0, 0.0, -2.0, -1.0, 1.0, -2.0, -1.0])), 3)
    0.446
    """
    if influence.size < 2:
        raise StatisticError(f"careful_dependence: found {influence.size} block; expected at least 2")
    return float(autocorrelations(influence[np.newaxis], _CAREFUL)[0])


def dependence_around_levels(influence: np.ndarray) -> float:
    """Estimate the autocorrelation of blocks of time whose level may have changed once.

    A change of level makes neighbours alike for a reason that no later block shares: counted as dependence, it would
    leave two steady months worth a handful of days, just when the world has changed and a verdict is needed.

    Parameters
    ----------
    influence : ndarray of shape (n_blocks,)
        As in `dependence.serial_dependence`.

    Returns
    -------
    float
        `serial_dependence` of the blocks less their level before and after the likeliest change, where a change so
        large has a probability of 0.05% at most in a series that kept its level (`change_point`); else of the blocks.

    Raises
    ------
    StatisticError
        As `serial_dependence`.

    References
    ----------
    Perron (1989), Econometrica 57, 1361-1401: a break of level passes for persistence.

    Examples
    --------
    >>> calm = np.array([3.0, 1.0, 2.0, -1.0, 0.0, -2.0, -1.0, 1.0, -2.0, -1.0])
    >>> shifted = np.concatenate([calm, calm + 50.0])
    >>> round(serial_dependence(shifted), 2), round(dependence_around_levels(shifted), 2)
    (0.95, 0.16)
    """
    if influence.size < 2 * FEWEST or not np.isfinite(influence).all():
        return serial_dependence(influence)
    found = change_point(influence)
    if found.p_value > _SURE:
        return serial_dependence(influence)
    return serial_dependence(_around(influence, found.at, found.before, found.after))


def _around(series: np.ndarray, at: int, before: float, after: float) -> np.ndarray:
    """Return the series less its two levels."""
    return np.asarray(series - np.where(np.arange(series.size) < at, before, after))


def _statistics(series: np.ndarray) -> np.ndarray:
    """Return the statistic of each split of each row, shape (n_series, n_splits)."""
    n = series.shape[1]
    first = np.arange(FEWEST, n - FEWEST + 1)
    sums, total = series.cumsum(axis=1)[:, first - 1], series.sum(axis=1, keepdims=True)
    gap = sums / first - (total - sums) / (n - first)
    between = gap**2 * first * (n - first) / n
    spread = np.sum((series - series.mean(axis=1, keepdims=True)) ** 2, axis=1, keepdims=True)
    within = np.maximum((spread - between) / (n - 2), np.finfo(np.float64).tiny)
    return np.asarray(np.sqrt(between / within))


@lru_cache(maxsize=256)
def _maxima(n: int, step: int) -> np.ndarray:
    """Return the largest statistic of each simulated series without a change."""
    dependence = min(step * _GRID, STRONGEST)
    return np.asarray(_statistics(autoregressions(_WORLDS, n, dependence, np.random.default_rng(n))).max(axis=1))
