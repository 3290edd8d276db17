"""A yes or no: the probability of a yes, a threshold, act or leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from model_lifecycle.contracts.value import ValueMatrix
from model_lifecycle.errors import ModelError, StatisticError
from model_lifecycle.models import BINARY, Objective
from model_lifecycle.models.calibration import Calibration, Method, fit_sigmoid
from model_lifecycle.models.constant import best_constant
from model_lifecycle.statistics.calibration import (
    CalibrationLine,
    Reliability,
    calibration_slope_intercept,
    reliability,
)
from model_lifecycle.statistics.discrimination import auc_contributions, average_precision
from model_lifecycle.statistics.proper_scores import log_losses, squared_errors
from model_lifecycle.statistics.value import best_threshold, cumulative_value_curve
from model_lifecycle.tasks.base import ACT, FEWEST_OTHERS, LEAVE, Metric, Promise, Treatment, ValueCurve, number
from model_lifecycle.tasks.limited import limited_curve

NEVER = 2.0  # a threshold that no probability reaches
_WORDS = ("leave", "act")


@dataclass(frozen=True)
class BinaryTask:
    """Whether something will happen."""

    value: ValueMatrix

    objective: ClassVar[Objective] = BINARY
    loss: ClassVar[str] = "log_loss"
    ranking: ClassVar[str] = "auc"
    metrics: ClassVar[Mapping[str, Metric]] = {
        "log_loss": Metric(log_losses),
        "auc": Metric(auc_contributions, fewest_others=FEWEST_OTHERS),
        "average_precision": Metric(average_precision, by_row=False, fewest_others=FEWEST_OTHERS),
        "brier": Metric(squared_errors),
    }
    calibrations: ClassVar[tuple[Method, ...]] = ("none", "sigmoid")
    policies: ClassVar[Mapping[str, float]] = {"act_always": ACT, "act_never": LEAVE}

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return zeros and ones; anything else is NaN."""
        numbers = values.astype(np.float64)
        return np.where((numbers == 0.0) | (numbers == 1.0), numbers, np.nan)

    def read_label(self, value: object) -> float:
        """Take 0 or 1."""
        found = number(value, "0 or 1 for outcome 'observed'")
        if found not in (0.0, 1.0):
            raise ValueError("0 or 1 for outcome 'observed'")
        return found

    def raw_losses(self, target: np.ndarray, raw: np.ndarray) -> np.ndarray:
        """Return log losses."""
        return log_losses(target, raw)

    def losses(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Return log losses."""
        return log_losses(target, prediction)

    def fit_calibration(self, method: Method, raw: np.ndarray, target: np.ndarray) -> Calibration:
        """Fit none or Platt's sigmoid."""
        return Calibration() if method == "none" else fit_sigmoid(raw, target)

    def recalibrated(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Fit the sigmoid on these rows; where none fits, take their share of ones."""
        try:
            return fit_sigmoid(prediction, target).apply(prediction)
        except (ModelError, StatisticError):
            return np.full(len(prediction), target.mean())

    def constant(self, target: np.ndarray) -> tuple[float, ...]:
        """Return the share of ones."""
        return tuple(best_constant(target, BINARY).tolist())

    def repeated(self, constant: Sequence[float], rows: int) -> np.ndarray:
        """Return the share for every row."""
        return np.full(rows, constant[0])

    def score(self, prediction: np.ndarray) -> np.ndarray:
        """Return the probability of a yes."""
        return prediction

    def threshold(
        self, prediction: np.ndarray, target: np.ndarray, unavailable: np.ndarray, times: np.ndarray
    ) -> float | None:
        """Return the threshold that gains most, what a day has no capacity for left out; above 1 when none pays."""
        if self.value.capacity is None:
            found = best_threshold(prediction, self.gains(target, unavailable, ACT))
            return found.threshold if np.isfinite(found.threshold) else NEVER
        gain = self.gains(target, unavailable, ACT)
        tried, value = limited_curve(prediction, gain, self.value.capacity.calendar(times))
        best = int(np.argmax(value))
        return float(tried[best]) if value[best] > 0 else NEVER

    def done(self, action: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return the actions that a day has capacity for."""
        return action if self.value.capacity is None else self.value.capacity.done(action, LEAVE, times)

    def actions(self, prediction: np.ndarray, threshold: float | None) -> np.ndarray:
        """Act from the threshold on."""
        if threshold is None:
            raise ModelError("a yes or no is decided by a threshold; found none")
        return np.asarray(prediction >= threshold, dtype=np.float64)

    def at_its_word(self, prediction: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Act from the break-even on; under a capacity from where what is done of it promises most."""
        if self.value.capacity is None:
            return self.actions(prediction, self.value.break_even())
        gain = self.value.gain()
        promised = prediction * gain.positive + (1.0 - prediction) * gain.negative
        tried, value = limited_curve(prediction, promised, self.value.capacity.calendar(times))
        best = int(np.argmax(value))
        return self.actions(prediction, float(tried[best]) if value[best] > 0 else NEVER)

    def decisions(self, action: np.ndarray) -> list[str]:
        """Return act or leave."""
        return [_WORDS[int(one)] for one in action.tolist()]

    def gains(self, target: np.ndarray, unavailable: np.ndarray, action: np.ndarray | float) -> np.ndarray:
        """Return what acting gained where it was done, else 0."""
        return self.value.gains(target, unavailable, action)

    def foresight(self, target: np.ndarray, unavailable: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Act where it gains; where a day has capacity for some only, where it gains most."""
        gain = self.gains(target, unavailable, ACT)
        acts = gain > 0
        if self.value.capacity is not None:
            acts &= self.value.capacity.calendar(times).best(gain)
        return np.asarray(acts, dtype=np.float64)

    def outputs(self, prediction: np.ndarray) -> Mapping[str, np.ndarray]:  # noqa: ARG002 - the score says it all
        """Return nothing."""
        return {}

    def logged(self, score: np.ndarray, outputs: Sequence[Mapping[str, float]]) -> np.ndarray:  # noqa: ARG002
        """Return the score."""
        return np.where((score >= 0.0) & (score <= 1.0), score, np.nan)

    def logged_actions(
        self,
        decision: Sequence[str],  # noqa: ARG002 - the threshold says it
        score: np.ndarray,
        threshold: np.ndarray,
        prediction: np.ndarray,  # noqa: ARG002
    ) -> np.ndarray:
        """Return where the score reached the threshold of its release."""
        return np.asarray(score >= threshold, dtype=np.float64)

    def in_the_large(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Return prediction less outcome."""
        return np.asarray(prediction - target)

    def in_the_large_of(self, target: np.ndarray, prediction: np.ndarray) -> str | None:  # noqa: ARG002
        """Name none."""
        return None

    def treatments(
        self,
        target: np.ndarray,
        prediction: np.ndarray,  # noqa: ARG002 - what was done says it
        action: np.ndarray,
    ) -> Mapping[str, Treatment]:
        """Return who was acted on: of all rows, of the positive ones, of the negative ones."""
        return {
            "selection rate": Treatment(action, "demographic_parity_difference", "demographic_parity_ratio"),
            "true positive rate": Treatment(np.where(target == 1.0, action, np.nan), "equalized_odds_difference"),
            "false positive rate": Treatment(np.where(target == 0.0, action, np.nan), "equalized_odds_difference"),
        }

    def promises(self, target: np.ndarray, prediction: np.ndarray) -> Mapping[str, Promise]:
        """Return the positive outcomes."""
        return {"positive": Promise(target, prediction)}

    def reliability(self, target: np.ndarray, prediction: np.ndarray) -> Reliability:
        """Return mean predictions against shares of ones."""
        return reliability(target, prediction)

    def calibration_line(self, target: np.ndarray, prediction: np.ndarray) -> CalibrationLine | None:
        """Return the logistic line; none where the scores part the classes, as a leaked target does."""
        try:
            return calibration_slope_intercept(target, prediction)
        except StatisticError:
            return None

    def value_curve(
        self,
        target: np.ndarray,
        unavailable: np.ndarray,
        prediction: np.ndarray,
        times: np.ndarray,
        threshold: float | None,
    ) -> ValueCurve:
        """Return the value by threshold."""
        note, chosen = f"break even {self.value.break_even():.3f}", NEVER if threshold is None else threshold
        gain = self.gains(target, unavailable, ACT)
        if self.value.capacity is not None:
            limit = f"{note}, at most {self.value.capacity.share:.0%} of a day's decisions"
            calendar = self.value.capacity.calendar(times)
            return ValueCurve("threshold", *limited_curve(prediction, gain, calendar), chosen, limit)
        curve = cumulative_value_curve(prediction, gain)
        finite = np.isfinite(curve.threshold)
        at, value = curve.threshold[finite], curve.value[finite] / len(prediction)
        return ValueCurve("threshold", at, value, chosen, note)

    def shares(self, target: np.ndarray) -> dict[str, np.ndarray]:
        """Return the positive outcomes."""
        return {"positive": target}

    def counts(self, target: np.ndarray) -> dict[str, int]:
        """Return the positive outcomes."""
        return {"positive": int((target == 1.0).sum())}

    def payoffs(self) -> list[tuple[str, str, float]]:
        """Return the matrix."""
        return [
            (action, outcome, float(getattr(worth, outcome)))
            for action, worth in (("act", self.value.act), ("leave", self.value.leave))
            for outcome in ("positive", "negative", "unavailable")
        ]

    def rule(self) -> str:
        """Name the break-even."""
        limit = self.value.capacity
        return (
            f"act when the probability is at least the threshold; acting breaks even at {self.value.break_even():.3f}"
            + ("" if limit is None else f"; at most {limit.share:.0%} of a day's decisions, the first ones")
        )
