"""Whether a predicted probability is the share of positives that is then observed."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import at_least, outcomes_and_probabilities

_SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)  # keeps the logit of 0 and of 1 finite
_MAXIMUM_STEPS = 100  # Newton needs under 10 on well-posed data
_TOLERANCE = 1e-9  # of a coefficient, far below what any data can show
_LOSS_ROUNDING = 1e-12  # a sum of losses is not known more closely


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram: one element a bin, by ascending prediction.

    Attributes
    ----------
    mean_prediction, observed_rate : ndarray of shape (n_bins,), float64
        Mean probability and share of positives in the bin, in [0, 1].
    n : ndarray of shape (n_bins,), int64
        Rows in the bin, at least 1.
    """

    mean_prediction: np.ndarray
    observed_rate: np.ndarray
    n: np.ndarray

    def expected_error(self) -> float:
        """Return the expected calibration error, ``sum(n_b / n * |mean prediction_b - observed rate_b|)``, in [0, 1].

        Biased upwards on few rows: noise alone gives about ``0.8 * sqrt(rate * (1 - rate) * bins / n)``.

        References
        ----------
        Naeini, Cooper and Hauskrecht (2015), AAAI, 2901-2907; equal-mass bins as in Nixon et al. (2019), CVPR
        workshops.

        Examples
        --------
        >>> diagram = reliability(np.array([0, 1, 1, 1]), np.array([0.2, 0.4, 0.7, 0.9]), bins=2)
        >>> round(diagram.expected_error(), 6)
        0.2
        """
        return float(np.average(np.abs(self.mean_prediction - self.observed_rate), weights=self.n))


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """The line ``logit P(y = 1) = intercept + slope * logit(p)``; slope 1 and intercept 0 are perfect."""

    slope: float
    intercept: float


def reliability(target: np.ndarray, probability: np.ndarray, bins: int = 10) -> Reliability:
    """Reliability diagram over bins of equal mass.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        0 or 1.
    probability : ndarray of shape (n_rows,)
        Of 1, in [0, 1].
    bins : int
        At most so many bins, at least 1; fewer come back when many predictions are equal, since equal predictions
        are never parted (so the order of the rows does not matter).

    Returns
    -------
    Reliability
        Mean prediction, observed rate and number of rows of each bin.

    Raises
    ------
    StatisticError
        If the lengths differ, there is no row, a target is not 0 or 1, a probability is NaN or outside [0, 1], or
        `bins` is below 1.

    References
    ----------
    Broecker and Smith (2007), Weather and Forecasting 22, 651-661.

    Examples
    --------
    >>> diagram = reliability(np.array([0, 1, 1, 1]), np.array([0.2, 0.4, 0.7, 0.9]), bins=2)
    >>> diagram.mean_prediction.round(2), diagram.observed_rate, diagram.n
    (array([0.3, 0.8]), array([0.5, 1. ]), array([2, 2]))
    """
    positive, predicted = outcomes_and_probabilities(target, probability, "reliability")
    at_least(bins, 1, "reliability, bins")
    shares = np.arange(1, bins) / bins
    edges = np.unique(np.quantile(predicted, shares, method="inverted_cdf"))
    position = np.searchsorted(edges, predicted, side="left")
    n = np.bincount(position, minlength=edges.size + 1)
    filled = n > 0
    sums = np.bincount(position, predicted, edges.size + 1)[filled]
    hits = np.bincount(position, positive, edges.size + 1)[filled]
    return Reliability(sums / n[filled], hits / n[filled], n[filled].astype(np.int64))


def calibration_in_the_large(target: np.ndarray, probability: np.ndarray) -> float:
    """Mean prediction minus observed rate; above 0 the model promises too much.

    Its interval is that of the mean of ``probability - target`` (`clustered_mean_interval`).

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        0 or 1.
    probability : ndarray of shape (n_rows,)
        Of 1, in [0, 1].

    Returns
    -------
    float
        ``mean(p) - mean(y)``, in [-1, 1]; 0 is perfect.

    Raises
    ------
    StatisticError
        If the lengths differ, there is no row, a target is not 0 or 1, or a probability is NaN or outside [0, 1].

    References
    ----------
    Van Calster et al. (2019), BMC Medicine 17, 230 (there: mean calibration).

    Examples
    --------
    >>> round(calibration_in_the_large(np.array([0, 1]), np.array([0.5, 0.8])), 6)
    0.15
    """
    positive, predicted = outcomes_and_probabilities(target, probability, "calibration_in_the_large")
    return float(np.mean(predicted) - np.mean(positive))


def calibration_slope_intercept(target: np.ndarray, probability: np.ndarray) -> CalibrationLine:
    """Calibration line by maximum likelihood, a logistic regression on the logit of the prediction.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        0 or 1; the two classes' predictions must overlap, otherwise the likelihood has no maximum.
    probability : ndarray of shape (n_rows,)
        Of 1, in [0, 1]; moved to within 2.2e-16 of 0 and 1 for a finite logit.

    Returns
    -------
    CalibrationLine
        A slope below 1 means predictions too extreme (over-fitting), above 1 too timid.

    Raises
    ------
    StatisticError
        If the lengths differ, there is no row, a target is not 0 or 1, a probability is NaN or outside [0, 1], or
        the predictions part the classes (or are all equal), so that no line fits best.

    References
    ----------
    Cox (1958), Biometrika 45, 562-565; Van Calster et al. (2016), Journal of Clinical Epidemiology 74, 167-176.

    Examples
    --------
    >>> line = calibration_slope_intercept(np.array([0, 0, 0, 1, 0, 1, 1, 1]), np.repeat([0.25, 0.75], 4))
    >>> round(line.slope, 6), round(abs(line.intercept), 6)
    (1.0, 0.0)
    """
    positive, predicted = outcomes_and_probabilities(target, probability, "calibration_slope_intercept")
    inside = np.clip(predicted, _SMALLEST_PROBABILITY, 1.0 - _SMALLEST_PROBABILITY)
    _require_overlap(positive, inside)
    intercept, slope = _newton(positive.astype(np.float64), logit(inside))
    return CalibrationLine(slope=slope, intercept=intercept)


def _require_overlap(positive: np.ndarray, predicted: np.ndarray) -> None:
    hits, misses = predicted[positive], predicted[~positive]
    if hits.size and misses.size and misses.max() > hits.min() and hits.max() > misses.min():
        return
    sides = [
        f"{name} in [{side.min():.6g}, {side.max():.6g}]" if side.size else f"no {name}"
        for name, side in (("positives", hits), ("negatives", misses))
    ]
    raise StatisticError(
        f"calibration_slope_intercept, probability: found {sides[0]} and {sides[1]}; expected ranges that overlap"
    )


def _newton(positive: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Maximise the logistic likelihood of an intercept and a slope by Newton steps, halved while they overshoot.

    It starts from the base rate, where no weight is near 0: from the predictions themselves a few certain and wrong
    ones would leave nothing to step by. Centring on the weighted mean keeps the two coefficients apart. A full step can
    overshoot beyond return when one certain prediction stands far from many cautious ones.
    """

    def loss(beta: np.ndarray) -> float:
        eta = beta[0] + beta[1] * x
        return float(np.sum(np.logaddexp(0.0, eta) - positive * eta))

    beta, step = np.array([float(logit(positive.mean())), 0.0]), np.full(2, np.inf)
    reached = loss(beta)
    for _ in range(_MAXIMUM_STEPS):
        fitted = expit(beta[0] + beta[1] * x)
        residual, weight = positive - fitted, fitted * (1.0 - fitted)
        centre = (weight @ x) / weight.sum()
        spread = weight @ (x - centre) ** 2
        slope = (residual @ (x - centre)) / spread
        step = np.array([residual.sum() / weight.sum() - slope * centre, slope])
        if np.max(np.abs(step)) <= _TOLERANCE * max(1.0, float(np.max(np.abs(beta)))):
            return float(beta[0] + step[0]), float(beta[1] + step[1])
        highest = reached * (1.0 + _LOSS_ROUNDING)
        while (reached := loss(beta + step)) > highest:
            step = step / 2.0
        beta = beta + step
    raise StatisticError(
        f"calibration_slope_intercept: not settled at intercept {beta[0]:.6g}, slope {beta[1]:.6g} "
        f"after {_MAXIMUM_STEPS} steps (last step {np.max(np.abs(step)):.3g}); expected a step below {_TOLERANCE}"
    )
