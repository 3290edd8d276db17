"""Many sums over the same blocks of time, tested at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import at_least, fraction

_STRONGEST = 0.9  # autocorrelation that is allowed for
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True, slots=True)
class Series:
    """Disjoint parts of the same rows, such as the slices of one feature.

    Attributes
    ----------
    values : ndarray of shape (n_parts, n_blocks)
        What each block of time, in order, adds to the sum of each part; 0 where it adds nothing.
    sides : {"both", "above"}
        Whether sums below 0 count too.
    """

    values: np.ndarray
    sides: Literal["both", "above"] = "both"


@dataclass(frozen=True, slots=True)
class SimultaneousTests:
    """One test of each part, in the order of the series.

    Attributes
    ----------
    sums : ndarray of shape (n_parts,)
    standard_errors : ndarray of shape (n_parts,)
        Of the sums, dependence between blocks included; 0 where nothing varies.
    p_values : ndarray of shape (n_parts,)
        Adjusted for all tests together, in (0, 1].
    n_effective : ndarray of shape (n_parts,)
        How many independent blocks they are worth.
    critical : float
        Standard errors beyond which a sum is told from 0 at the level: ``sums -+ critical * standard_errors`` hold all
        true sums at once.
    """

    sums: np.ndarray
    standard_errors: np.ndarray
    p_values: np.ndarray
    n_effective: np.ndarray
    critical: float


def simultaneous_tests(
    series: Sequence[Series], level: float, draws: int, rng: np.random.Generator
) -> SimultaneousTests:
    """Test which of many sums differ from 0, by the largest of them under random signs of the blocks.

    Parameters
    ----------
    series : sequence of Series
        At least one, all over the same blocks, at least 3.
    level : float
        Of all intervals together, in (0, 1).
    draws : int
        Random signs to draw, at least 19.
    rng : Generator
        The source of chance.

    Returns
    -------
    SimultaneousTests
        A p-value is the share of draws in which *any* part's statistic reaches that of this part. The statistic is
        Student's ``t = S / se`` with ``se^2 = G * sum((x - mean)^2) / (g - 1)`` over G blocks, worth
        ``g = G (1 - r) / (1 + r)`` independent ones: r the autocorrelation of the part's blocks or of all parts of its
        series together, the larger, without its bias (Kendall) and not below 0. When no sum differs from 0, the chance
        of any p-value below 5% is 5%, in theory where blocks are independent and symmetric, nearly where they depend on
        one another, since signs are then drawn for runs of blocks; however many parts there are and however much they
        overlap.

    Raises
    ------
    StatisticError
        If there is no series, the blocks differ or are fewer than 3, a value is not finite, `level` is not in (0, 1),
        or there are too few draws.

    References
    ----------
    Westfall and Young (1993), Resampling-Based Multiple Testing, ch. 2, for the largest statistic; Janssen (1997),
    Statistics and Probability Letters 36, 9-21, for statistics that are studentised in every draw; Kuensch (1989),
    Annals of Statistics 17, 1217-1241, for runs of blocks; Kendall (1954), Biometrika 41, 403-404, for the bias.

    Examples
    --------
    >>> days = np.random.default_rng(0).normal(size=(3, 30)) + np.array([[1.5], [0.0], [0.0]])
    >>> found = simultaneous_tests([Series(days)], 0.95, 999, np.random.default_rng(1))
    >>> (found.p_values < 0.05).tolist()
    [True, False, False]
    """
    where = "simultaneous_tests"
    n_blocks = _blocks(series, where)
    fraction(level, f"{where}, level")
    at_least(draws, 19, f"{where}, draws")
    signs = _signs(series, n_blocks, draws, rng)
    found = [_studentised(one, signs) for one in series]
    largest = np.sort(np.max([statistic.max(axis=0) for statistic, _, _ in found], axis=0))
    seen = np.concatenate([statistic[:, 0] for statistic, _, _ in found])
    reached = draws + 1 - np.searchsorted(largest, seen, side="left")
    beyond = int((1.0 - level) * (draws + 1) + 1e-9)  # draws that a statistic of the level is reached in
    return SimultaneousTests(
        np.concatenate([one.values.sum(axis=1) for one in series]),
        np.concatenate([errors for _, errors, _ in found]),
        reached / (draws + 1),
        np.concatenate([worth for _, _, worth in found]),
        float(largest[draws - beyond]),
    )


def _signs(series: Sequence[Series], n_blocks: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return a column of signs a draw, the first of which is what was seen.

    Neighbours share a sign where blocks of all series together depend on one another: in runs of twice as many as are
    worth one independent block, less one, which is a single block where none depends on another.
    """
    centred = np.concatenate([one.values - one.values.mean(axis=1, keepdims=True) for one in series])
    alike = np.sum(centred[:, 1:] * centred[:, :-1]) / max(np.sum(centred**2), _TINY)
    run = round(2.0 * float(_worth_one(alike, n_blocks)) - 1.0)
    signs = rng.choice([-1.0, 1.0], (-(-n_blocks // run), draws + 1))
    signs[:, 0] = 1.0
    return np.repeat(signs, run, axis=0)[:n_blocks]


def _worth_one(autocorrelation: np.ndarray, n_blocks: int) -> np.ndarray:
    """Return how many blocks of that sample autocorrelation are worth one independent block, 1 at the least."""
    corrected = np.clip(autocorrelation + (1.0 + 3.0 * autocorrelation) / n_blocks, 0.0, _STRONGEST)
    return np.asarray((1.0 + corrected) / (1.0 - corrected))


def _studentised(series: Series, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the statistics, a column a draw, and of what was seen the standard errors and the blocks it is worth."""
    values, n_blocks = series.values, series.values.shape[1]
    sums = values @ signs
    centre = sums**2 / n_blocks
    squares = np.maximum((values**2).sum(axis=1, keepdims=True) - centre, 0.0)
    neighbours = (values[:, 1:] * values[:, :-1]) @ (signs[1:] * signs[:-1]) - centre
    own = neighbours / np.maximum(squares, _TINY)
    shared = neighbours.sum(axis=0) / np.maximum(squares.sum(axis=0), _TINY)
    worth = np.maximum(n_blocks / _worth_one(np.maximum(own, shared), n_blocks), 2.0)
    errors = np.sqrt(squares * n_blocks / (worth - 1.0))
    varies = errors > 1e-9 * np.abs(values).sum(axis=1, keepdims=True)
    statistic = np.divide(sums, errors, out=np.zeros_like(sums), where=varies)
    if series.sides == "both":
        statistic = np.abs(statistic)
    return statistic, errors[:, 0], worth[:, 0]


def _blocks(series: Sequence[Series], where: str) -> int:
    """Return how many blocks all series have."""
    counts = sorted({one.values.shape[1] for one in series})
    if len(counts) != 1 or counts[0] < 3:
        raise StatisticError(
            f"{where}: found series over {counts} blocks; expected the same number, at least 3, for all"
        )
    wrong = sum(int(np.count_nonzero(~np.isfinite(one.values))) for one in series)
    if wrong:
        raise StatisticError(f"{where}: {wrong:,} values not finite; expected finite numbers")
    return int(counts[0])
