"""What acting on a score is worth, and the score from which to act."""

from dataclasses import dataclass

import numpy as np

from model_lifecycle.statistics._checks import same_length, vector
from model_lifecycle.statistics._ranking import descending_ties


@dataclass(frozen=True, slots=True)
class ValueCurve:
    """Total gain by how far down the score one acts, from never to always.

    Attributes
    ----------
    threshold : ndarray of shape (n_distinct + 1,), float64
        Act on rows with score >= threshold: infinity (never), then each distinct score from the highest down.
    acted : ndarray of shape (n_distinct + 1,), int64
        Rows acted on.
    value : ndarray of shape (n_distinct + 1,), float64
        Summed gain of these rows, in the gain's unit.
    """

    threshold: np.ndarray
    acted: np.ndarray
    value: np.ndarray


@dataclass(frozen=True, slots=True)
class BestThreshold:
    """The threshold worth most.

    Attributes
    ----------
    threshold : float
        Act on rows with score >= threshold; infinity means never.
    value : float
        Summed gain of the rows acted on, in the gain's unit; 0 when none is.
    acted : int
        Rows acted on.
    """

    threshold: float
    value: float
    acted: int


def cumulative_value_curve(score: np.ndarray, gain: np.ndarray) -> ValueCurve:
    """Total gain of acting on all rows with score >= threshold, for every threshold that makes a difference.

    Parameters
    ----------
    score : ndarray of shape (n_rows,)
        Finite.
    gain : ndarray of shape (n_rows,)
        Finite: what acting on the row is worth over not acting, in any one unit.

    Returns
    -------
    ValueCurve
        ``value_k = sum(gain[score >= threshold_k])``, threshold by threshold; equal scores enter together.

    Raises
    ------
    StatisticError
        If the lengths differ, there is no row, or a value is not finite.

    References
    ----------
    Elkan (2001), IJCAI, 973-978; Provost and Fawcett (2013), Data Science for Business, ch. 8 (profit curves).

    Examples
    --------
    >>> curve = cumulative_value_curve(np.array([0.9, 0.5, 0.5, 0.1]), np.array([10.0, -4.0, 6.0, -4.0]))
    >>> curve.threshold, curve.acted, curve.value
    (array([inf, 0.9, 0.5, 0.1]), array([0, 1, 3, 4]), array([ 0., 10., 12.,  8.]))
    """
    ranked = vector(score, "cumulative_value_curve, score")
    gains = vector(gain, "cumulative_value_curve, gain")
    same_length("cumulative_value_curve", score=ranked, gain=gains)
    order, last = descending_ties(ranked)
    return ValueCurve(
        threshold=np.concatenate(([np.inf], ranked[order[last]])),
        acted=np.concatenate(([0], last + 1)),
        value=np.concatenate(([0.0], np.cumsum(gains[order])[last])),
    )


def best_threshold(score: np.ndarray, gain: np.ndarray) -> BestThreshold:
    """Threshold that maximises the summed gain of acting on rows with score >= threshold.

    Parameters
    ----------
    score : ndarray of shape (n_rows,)
        Finite.
    gain : ndarray of shape (n_rows,)
        Finite: what acting on the row is worth over not acting, in any one unit.

    Returns
    -------
    BestThreshold
        Midway between the lowest score acted on and the next below, so that a score's last bit does not decide; the
        lowest score itself when all are acted on; infinity when no threshold is worth more than 0. Of thresholds
        worth the same to rounding, the highest: it acts on the fewest rows.

    Raises
    ------
    StatisticError
        If the lengths differ, there is no row, or a value is not finite.

    References
    ----------
    Elkan (2001), IJCAI, 973-978; Provost and Fawcett (2013), Data Science for Business, ch. 8 (profit curves).

    Examples
    --------
    >>> best_threshold(np.array([0.9, 0.5, 0.5, 0.1]), np.array([10.0, -4.0, 6.0, -4.0]))
    BestThreshold(threshold=0.3, value=12.0, acted=3)
    >>> best_threshold(np.array([0.9, 0.1]), np.array([-1.0, -1.0]))
    BestThreshold(threshold=inf, value=0.0, acted=0)
    """
    curve = cumulative_value_curve(score, gain)
    # the usual error of a running sum: sqrt(n) roundings of at most the sum of the magnitudes
    rounding = float(np.finfo(np.float64).eps * np.sqrt(gain.size) * np.abs(gain).sum())
    best = int(np.argmax(curve.value >= curve.value.max() - rounding))
    return BestThreshold(_between(curve.threshold, best), float(curve.value[best]), int(curve.acted[best]))


def _between(thresholds: np.ndarray, best: int) -> float:
    """Return the point midway to the next threshold below; the threshold itself when there is none between."""
    upper = float(thresholds[best])
    if best == 0 or best == thresholds.size - 1:
        return upper
    lower = float(thresholds[best + 1])
    middle = lower / 2.0 + upper / 2.0
    return middle if lower < middle <= upper else upper
