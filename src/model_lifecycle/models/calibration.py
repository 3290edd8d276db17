"""Calibration: a monotone map from a model's probability to one that can be taken at its word."""

from typing import Literal

import numpy as np
from pydantic import Field
from scipy.special import expit

from model_lifecycle.contracts.base import Contract
from model_lifecycle.errors import ModelError
from model_lifecycle.statistics.calibration import calibration_slope_intercept

_TINY = 1e-12


class Calibration(Contract):
    """``sigmoid(slope * logit(p) + intercept)``; 'none' leaves the probability as it is."""

    method: Literal["none", "sigmoid"] = "none"
    slope: float = Field(default=1.0, gt=0.0)
    intercept: float = 0.0

    def apply(self, probability: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float64 in [0, 1], shape (n,)."""
        if self.method == "none":
            return probability
        return np.asarray(expit(self.slope * logit(probability) + self.intercept))


def logit(probability: np.ndarray) -> np.ndarray:
    """Return the log-odds, float64, shape (n,); 0 and 1 are clipped to stay finite."""
    clipped = np.clip(probability, _TINY, 1 - _TINY)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def fit_calibration(method: Literal["none", "sigmoid"], probability: np.ndarray, target: np.ndarray) -> Calibration:
    """Fit Platt's sigmoid on rows that the model was not trained on.

    Parameters
    ----------
    method : {'none', 'sigmoid'}
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
    if method == "none":
        return Calibration()
    line = calibration_slope_intercept(target, probability)
    if not line.slope > 0:
        raise ModelError(f"calibration slope {line.slope:.3g}, expected above 0: the model ranks the wrong way round")
    return Calibration(method="sigmoid", slope=line.slope, intercept=line.intercept)
