"""How much windows of one and the same reference differ: the effect below which a drift is everyday life.

The reference is cut into contiguous windows of a size; the effect of each against the rest shows what a stationary
window of that size does, dependence between its rows and days included.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc, fdtri, stdtrit

# With fewer independent windows nothing is known of how they differ.
FEWEST_WINDOWS = 8.0
SMALLEST_WINDOW = 50
_MOST_WINDOWS = 200  # of one size, spread over the reference; a share of 5% is then known to within 1.5 points
# Effects of fewer windows than so many tell nothing of a spread.
_FEWEST_MOVED = 3
# An effect has odd windows where n times the smallest p-value of its n windows is below this. The distribution is only
# about right: at a thousandth effects would be left out by luck, and those that stay would promise too much.
_ODD = 1e-8
_USUALS_SHARE = 0.75  # of the level, where some effects are odd or rare
_NOTHING = 0.01  # an effect that moves no decision: a hundredth of the rows
_ENOUGH = 5.0  # independent windows beyond the quantile, from which on it needs no help from a distribution
_NORMAL_95 = 1.6449
_SMALLEST_P = 1e-12  # keeps logarithms and quantiles finite


def sizes_for(rows: int) -> tuple[int, ...]:
    """Return the window sizes that a reference of so many rows can be cut into, each twice the one before.

    Examples
    --------
    >>> sizes_for(2000)
    (50, 100, 200)
    """
    found, size = [], SMALLEST_WINDOW
    while size * FEWEST_WINDOWS <= rows:
        found.append(size)
        size *= 2
    return tuple(found)


def window_starts(rows: int, size: int) -> np.ndarray:
    """Return the first rows of windows side by side, at most 200 of them, spread evenly over the reference."""
    whole = rows // size
    places = np.unique(np.linspace(0, whole - 1, min(whole, _MOST_WINDOWS)).astype(np.int64))
    return places * size


@dataclass(frozen=True, slots=True)
class Floors:
    """The floor of each effect, and how many independent windows they rest on."""

    floors: np.ndarray
    independent: float


def calibrated_floors(effects: np.ndarray, kinds: np.ndarray, level: float) -> Floors | None:
    """Return floors that a window like those of the reference stays below, with *all* its effects together.

    The square of an effect is about a scaled chi-squared, whose scale and degrees of freedom each effect takes from
    its own windows: rows that depend on one another raise the one and lower the other. Against a mean of as many
    independent windows as there are, that is an F distribution, which turns effects into comparable p-values. Each
    window is judged by the others; its smallest p-value is its score. The floors belong to the p-value that a further
    window's score stays above with probability ``1 - level``.

    An effect of which single windows are far beyond that distribution (a group of bookings, an outage once in half a
    year) would take the floors of all others with it. Such effects share a part of the level: each window is scored by
    how many times the largest of the other windows it is. So do those that moved in hardly any window (`_rare`).

    Parameters
    ----------
    effects : ndarray of shape (n_windows, n_effects)
        In [0, 1]: of contiguous windows, in their order, each against the rest of the reference.
    kinds : ndarray of shape (n_effects,)
        The statistic that each of them is of.
    level : float
        Share of stationary windows of which any effect may exceed its floor.

    Returns
    -------
    Floors or None
        None where there are fewer than 8 independent windows.

    References
    ----------
    Satterthwaite (1946), Biometrics Bulletin 2, 110-114 (matching a chi-squared); Westfall and Young (1993),
    Resampling-Based Multiple Testing, ch. 2 (smallest p-values); Vovk, Gammerman and Shafer (2005), Algorithmic
    Learning in a Random World, ch. 2 (a further member of a sequence).
    """
    rare = np.count_nonzero(effects, axis=0) < _FEWEST_MOVED
    chosen = effects[:, ~rare]
    worth = independent_windows(np.square(chosen))
    independent = float(len(effects) if rare.all() else np.quantile(worth, 0.25))
    if independent < FEWEST_WINDOWS:
        return None
    p_values = _left_out(np.square(chosen), worth)
    odd = p_values.min(axis=0, initial=1.0) * len(effects) < _ODD
    apart = int(effects[:, rare].any()) + int(odd.any())
    usual = (_USUALS_SHARE if apart else 1.0) * level
    share = (level - usual) / apart if apart else level
    found = np.empty(odd.size)
    if not odd.all():
        found[~odd] = _usual(chosen[:, ~odd], p_values[:, ~odd], worth[~odd], usual, independent)
    if odd.any():
        found[odd] = _odd(chosen[:, odd], worth[odd], share, independent)
    floors = np.empty(rare.size)
    floors[~rare] = found
    floors[rare] = _rare(effects[:, rare], kinds[rare], share, independent)
    return Floors(np.minimum(floors, 1.0), independent)


def _usual(
    effects: np.ndarray, p_values: np.ndarray, worth: np.ndarray, level: float, independent: float
) -> np.ndarray:
    """Return the floors of effects that the fitted distributions are about right for."""
    squares = np.square(effects)
    limit = _limit(p_values.min(axis=1), level, independent)
    mean, freedom = _moments(squares.mean(axis=0), squares.var(axis=0, ddof=1))
    return np.asarray(np.sqrt(mean * fdtri(freedom, worth * freedom, 1.0 - limit)))


def _odd(effects: np.ndarray, worth: np.ndarray, level: float, independent: float) -> np.ndarray:
    """Return the floors of effects with odd windows, each window scored by how far it exceeds all others."""
    effects = np.maximum(effects, _NOTHING)
    limit = _limit((_largest_of_others(effects, worth) / effects).min(axis=1), level, independent)
    return np.asarray(effects.max(axis=0) / min(limit, 1.0))


def _rare(effects: np.ndarray, kinds: np.ndarray, level: float, independent: float) -> np.ndarray:
    """Return the floors of effects that hardly ever moved: what one of them did, each of its kind can do.

    A further window exceeds the largest of n with probability ``1 / (n + 1)``, and c times as much with about ``c**-2``
    of that where large effects are spread like heavy-tailed ones.
    """
    names, places = np.unique(kinds, return_inverse=True)
    largest = np.full(names.size, _NOTHING)
    np.maximum.at(largest, places, effects.max(axis=0, initial=0.0))
    return np.asarray(largest[places] * max(np.sqrt(1.0 / ((independent + 1.0) * level)), 1.0))


def independent_windows(squares: np.ndarray) -> np.ndarray:
    """Return how many independent windows those of each effect are worth, by the autocorrelation of neighbours.

    Parameters
    ----------
    squares : ndarray of shape (n_windows, n_effects)

    Returns
    -------
    ndarray of shape (n_effects,), float64
        ``n (1 - r) / (1 + r)`` with r free of its bias in short series, at least 2.
    """
    count = len(squares)
    off = squares - squares.mean(axis=0)
    together = np.sum(off[1:] * off[:-1], axis=0) / np.maximum(np.sum(off**2, axis=0), np.finfo(np.float64).tiny)
    correlation = np.clip(together + (1.0 + 3.0 * together) / max(count, 1), 0.0, 0.9)
    return np.asarray(np.maximum(count * (1.0 - correlation) / (1.0 + correlation), 2.0))


def _moments(mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    freedom = 2.0 * mean**2 / np.maximum(variance, np.finfo(np.float64).tiny)
    return mean, np.clip(freedom, 0.3, 30.0)


def _left_out(squares: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """Return the p-value of each effect of each window, judged by the other windows but those that depend on it."""
    count = len(squares)
    first, last = _near(count, worth)
    left = count - (last - first)

    def mean_of_others(values: np.ndarray) -> np.ndarray:
        sums = np.vstack([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
        inside = np.take_along_axis(sums, last, axis=0) - np.take_along_axis(sums, first, axis=0)
        return np.asarray(np.maximum(values.sum(axis=0) - inside, 0.0) / left)

    mean = mean_of_others(squares)
    variance = np.maximum(mean_of_others(squares**2) - mean**2, 0.0) * left / (left - 1)
    centre, freedom = _moments(mean, variance)
    ratio = squares / np.maximum(centre, np.finfo(np.float64).tiny)
    return np.asarray(fdtrc(freedom, worth * left / count * freedom, ratio))


def _near(count: int, worth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return from where to where the windows that depend on each window reach, of shape (count, n_effects) each."""
    # To either side: none where windows hardly depend on one another, and never so many that too few are left.
    near = np.minimum(count / worth - 1.0, count / 4.0).astype(np.int64)
    place = np.arange(count)[:, np.newaxis]
    return np.maximum(place - near, 0), np.minimum(place + near + 1, count)


def _largest_of_others(effects: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """Return the largest effect of the other windows but those that depend on it, for each window of each effect."""
    first, last = _near(len(effects), worth)
    none = np.zeros_like(effects[:1])
    before = np.maximum.accumulate(np.vstack([none, effects]), axis=0)
    after = np.maximum.accumulate(np.vstack([none, effects[::-1]]), axis=0)[::-1]
    return np.asarray(np.maximum(np.take_along_axis(before, first, axis=0), np.take_along_axis(after, last, axis=0)))


def _limit(scores: np.ndarray, level: float, independent: float) -> float:
    """Return what the score of a further window stays above with probability ``1 - level``; small scores are unusual.

    Where at least five independent windows are expected beyond, that is the quantile of the scores, as far inside as a
    further one of so many asks for; where there are fewer, the smaller of it and of that of a Gumbel distribution,
    widened for the few windows it rests on.
    """
    logs = np.sort(np.log(np.maximum(scores, _SMALLEST_P)))
    place = max((level * (independent + 1.0) - 1.0) / independent, 0.0) * logs.size
    empirical = float(np.interp(place, np.arange(logs.size), logs))
    if level * independent >= _ENOUGH:
        return float(np.exp(max(empirical, np.log(_SMALLEST_P))))
    gumbel = -np.log(-np.log1p(-level))
    reach = (gumbel - np.euler_gamma) * np.sqrt(6.0) / np.pi
    few = float(stdtrit(independent - 1.0, 0.95)) / _NORMAL_95 * np.sqrt(1.0 + 1.0 / independent)
    assumed = float(logs.mean() - logs.std(ddof=1) * reach * few)
    return float(np.exp(max(min(assumed, empirical), np.log(_SMALLEST_P))))


def floor_at(sizes: Sequence[int], floors: Sequence[float], rows: int) -> float:
    """Return the floor of a window of so many rows, between those of the sizes that were calibrated.

    Below the smallest size it grows as the inverse root of the rows; above the largest it stays, which is on the safe
    side: larger windows differ less.

    Examples
    --------
    >>> [round(floor_at([50, 100], [0.2, 0.1], rows), 3) for rows in (71, 5000)]
    [0.141, 0.1]
    """
    if rows < sizes[0]:
        return min(floors[0] * float(np.sqrt(sizes[0] / max(rows, 1))), 1.0)
    tiny = 1e-12  # a column that never differs has a floor of zero
    logs = np.log(np.maximum(floors, tiny))
    found = float(np.exp(np.interp(np.log(rows), np.log(sizes), logs)))
    return found if found > 2 * tiny else 0.0
