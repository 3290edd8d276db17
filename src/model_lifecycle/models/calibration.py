"""Calibration: from a model's raw output to a prediction that can be taken at its word."""

from typing import Literal

import numpy as np
from pydantic import Field, FiniteFloat
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from model_lifecycle.contracts.base import Contract
from model_lifecycle.errors import ModelError
from model_lifecycle.models.margin import logit
from model_lifecycle.statistics.calibration import calibration_slope_intercept

Method = Literal["none", "sigmoid", "temperature", "conformal"]
_TINY = 1e-12
_BIN_ROWS = 500  # out-of-fold rows of a bin, for its quantiles to be worth something
_MOST_BINS = 10


class Calibration(Contract):
    """A fitted map; 'none' leaves the output as it is.

    sigmoid: ``sigmoid(slope * logit(p) + intercept)``. temperature: ``softmax(slope * log(p) + biases)``. conformal:
    the raw output plus the lower, middle and upper offset of its bin, shape (n, 3).
    """

    method: Method = "none"
    slope: float = Field(default=1.0, gt=0.0)
    intercept: FiniteFloat = 0.0
    biases: tuple[FiniteFloat, ...] = ()
    edges: tuple[FiniteFloat, ...] = ()
    offsets: tuple[tuple[FiniteFloat, FiniteFloat, FiniteFloat], ...] = ()

    def apply(self, raw: np.ndarray) -> np.ndarray:
        """Return the prediction, float64: shape (n,) or (n, n_classes) as the raw output, or (n, 3) if conformal."""
        if self.method == "sigmoid":
            return np.asarray(expit(self.slope * logit(raw) + self.intercept))
        if self.method == "temperature":
            return np.asarray(softmax(self.slope * _logs(raw) + np.array(self.biases), axis=1))
        if self.method == "conformal":
            bins = np.searchsorted(np.array(self.edges), raw, side="right")
            return np.asarray(raw[:, None] + np.array(self.offsets)[bins])
        return raw


def _logs(probability: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(np.clip(probability, _TINY, 1.0)))


def fit_sigmoid(probability: np.ndarray, target: np.ndarray) -> Calibration:
    """Fit Platt's sigmoid on rows that the model was not trained on.

    Parameters
    ----------
    probability, target : ndarray of float64, shape (n,)
        Out-of-fold predictions and outcomes (0.0 or 1.0).

    Raises
    ------
    ModelError
        If the fit is not increasing: the model ranks the wrong way round.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines; on the logit as in Kull et al. (2017).
    """
    line = calibration_slope_intercept(target, probability)
    if not line.slope > 0:
        raise ModelError(f"calibration slope {line.slope:.3g}, expected above 0: the model ranks the wrong way round")
    return Calibration(method="sigmoid", slope=line.slope, intercept=line.intercept)


def fit_temperature(probability: np.ndarray, target: np.ndarray) -> Calibration:
    """Fit a temperature and a bias for each class on rows that the model was not trained on.

    Parameters
    ----------
    probability : ndarray of float64, shape (n, n_classes)
    target : ndarray of float64, shape (n,)
        Numbers of classes.

    Raises
    ------
    ModelError
        If a class has no row, or no temperature above 0 fits.

    References
    ----------
    Guo et al. (2017), ICML, 1321-1330; with biases as in Alexandari et al. (2020), ICML, 222-232.
    """
    classes, logs = probability.shape[1], _logs(probability)
    counts = np.bincount(target.astype(np.int64), minlength=classes)
    if not counts.all():
        raise ModelError(f"calibration: {counts.tolist()} rows of the classes, expected some of each")
    hot = target[:, None] == np.arange(classes)

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        scores = free[0] * logs + np.append(free[1:], 0.0)
        wrong = softmax(scores, axis=1) - hot
        slopes = np.concatenate(([(wrong * logs).sum()], wrong.sum(axis=0)[:-1])) / len(target)
        return float(-log_softmax(scores, axis=1)[hot].mean()), slopes

    found = minimize(loss, np.concatenate(([1.0], np.zeros(classes - 1))), jac=True, method="BFGS").x
    if not (np.isfinite(found).all() and found[0] > 0):
        raise ModelError(f"calibration slope {found[0]:.3g}, expected above 0: the model ranks the wrong way round")
    return Calibration(method="temperature", slope=float(found[0]), biases=(*found[1:].tolist(), 0.0))


def fit_conformal(raw: np.ndarray, target: np.ndarray, quantile: float, interval: float) -> Calibration:
    """Fit the offsets that turn raw outputs into a lower end, a quantile and an upper end, bin by bin.

    Parameters
    ----------
    raw, target : ndarray of float64, shape (n,)
        Out-of-fold outputs and outcomes.
    quantile : float
        The quantile of the outcome that the middle is, in (0, 1).
    interval : float
        Share of the outcomes that the interval holds, in (0, 1).

    Returns
    -------
    Calibration
        In up to ten bins of the raw output with as many rows each; the ends are the residuals' quantiles at the ranks
        of split conformal prediction, so that on exchangeable rows the interval holds at least its share.

    Raises
    ------
    ModelError
        If there is no row.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, section 4.5 (Mondrian conformal
    predictors); Romano, Patterson and Candès (2019), NeurIPS 32 (both ends apart).
    """
    if not len(raw):
        raise ModelError("calibration: no out-of-fold row, expected some")
    bins = int(np.clip(len(raw) // _BIN_ROWS, 1, _MOST_BINS))
    edges = np.unique(np.quantile(raw, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, raw, side="right")
    held = np.unique(place)
    edges = edges[held[1:] - 1]  # ties may leave a bin without a row
    place = np.searchsorted(edges, raw, side="right")
    tail = (1 - interval) / 2
    offsets = [_offsets(np.sort((target - raw)[place == one]), quantile, tail) for one in range(len(edges) + 1)]
    return Calibration(method="conformal", edges=tuple(edges.tolist()), offsets=tuple(offsets))


def _offsets(residuals: np.ndarray, quantile: float, tail: float) -> tuple[float, float, float]:
    rows = len(residuals)
    low = int(np.clip(np.floor(tail * (rows + 1)) - 1, 0, rows - 1))
    high = int(np.clip(np.ceil((1 - tail) * (rows + 1)) - 1, 0, rows - 1))
    lower, upper = float(residuals[low]), float(residuals[high])
    return lower, float(np.clip(np.quantile(residuals, quantile), lower, upper)), upper
