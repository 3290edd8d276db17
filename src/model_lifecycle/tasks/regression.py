"""A quantity: a plan that costs least on average, inside an interval that holds most outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model_lifecycle.contracts.table import LARGEST_INTEGER
from model_lifecycle.contracts.value import QuantityCost
from model_lifecycle.models import Objective
from model_lifecycle.models.calibration import Calibration, Method, fit_conformal
from model_lifecycle.models.constant import best_constant
from model_lifecycle.statistics.calibration import CalibrationLine, Reliability
from model_lifecycle.statistics.discrimination import rank_correlation
from model_lifecycle.tasks.base import Metric, Promise, Treatment, ValueCurve, number

_LOWER, _PLAN, _UPPER = 0, 1, 2
_NAMES = ("lower", "plan", "upper")
_BINS = 10
_STEPS = 81


@dataclass(frozen=True)
class RegressionTask:
    """How much of something there will be."""

    value: QuantityCost

    loss = "cost"
    ranking = "rank_correlation"
    calibrations: tuple[Method, ...] = ("conformal",)

    @property
    def objective(self) -> Objective:
        """The quantile that costs least when planned."""
        return Objective("quantile", quantile=self.value.critical_ratio())

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Return cost, order, error, and coverage and width of the interval."""
        return {
            "cost": Metric(self.losses),
            "rank_correlation": Metric(lambda y, p: rank_correlation(y, p[:, _PLAN]), by_row=False),
            "absolute_error": Metric(lambda y, p: np.abs(y - p[:, _PLAN])),
            "coverage": Metric(_inside),
            "interval_width": Metric(lambda y, p: p[:, _UPPER] - p[:, _LOWER]),  # noqa: ARG005
        }

    @property
    def policies(self) -> Mapping[str, float]:
        """Plan what is planned anyway."""
        return {"plan_default": self.value.default}

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return numbers; what is not finite is NaN."""
        numbers = values.astype(np.float64)
        return np.where(np.isfinite(numbers), numbers, np.nan)

    def read_label(self, value: object) -> float:
        """Take a number of which squares and sums stay finite."""
        expected = f"a number within ±{LARGEST_INTEGER} for outcome 'observed'"
        found = number(value, expected)
        if abs(found) > LARGEST_INTEGER:
            raise ValueError(expected)
        return found

    def raw_losses(self, target: np.ndarray, raw: np.ndarray) -> np.ndarray:
        """Return costs of planning the raw output."""
        return self.value.costs(target, raw)

    def losses(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Return costs of the plan."""
        return self.value.costs(target, prediction[:, _PLAN])

    def fit_calibration(self, method: Method, raw: np.ndarray, target: np.ndarray) -> Calibration:  # noqa: ARG002
        """Fit the conformal offsets."""
        return fit_conformal(raw, target, self.value.critical_ratio(), self.value.interval)

    def recalibrated(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Fit the offsets on these rows, on top of the plan."""
        return self.fit_calibration("conformal", prediction[:, _PLAN], target).apply(prediction[:, _PLAN])

    def constant(self, target: np.ndarray) -> tuple[float, ...]:
        """Return the best constant plan."""
        return tuple(best_constant(target, self.objective).tolist())

    def repeated(self, constant: Sequence[float], rows: int) -> np.ndarray:
        """Return the constant as plan and both ends."""
        return np.full((rows, len(_NAMES)), constant[0])

    def score(self, prediction: np.ndarray) -> np.ndarray:
        """Return the plan."""
        return np.asarray(prediction[:, _PLAN])

    def threshold(
        self,
        prediction: np.ndarray,  # noqa: ARG002
        target: np.ndarray,  # noqa: ARG002
        unavailable: np.ndarray,  # noqa: ARG002
        times: np.ndarray,  # noqa: ARG002
    ) -> float | None:
        """Return none: every plan is an action."""
        return None

    def done(self, action: np.ndarray, times: np.ndarray) -> np.ndarray:  # noqa: ARG002 - a plan takes no capacity
        """Return the plans."""
        return action

    def actions(self, prediction: np.ndarray, threshold: float | None) -> np.ndarray:  # noqa: ARG002
        """Return the plan."""
        return np.asarray(prediction[:, _PLAN])

    def at_its_word(self, prediction: np.ndarray, times: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the plan."""
        return self.actions(prediction, None)

    def decisions(self, action: np.ndarray) -> list[str]:
        """Return ``plan``; how much stands in the outputs."""
        return ["plan"] * len(action)

    def gains(self, target: np.ndarray, unavailable: np.ndarray, action: np.ndarray | float) -> np.ndarray:
        """Return what the plan saved against the default."""
        return self.value.gains(target, unavailable, action)

    def foresight(self, target: np.ndarray, unavailable: np.ndarray, times: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Plan the outcome."""
        return np.where(unavailable, self.value.default, np.nan_to_num(target))

    def outputs(self, prediction: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return plan and interval."""
        return {name: prediction[:, place] for place, name in enumerate(_NAMES)}

    def logged(self, score: np.ndarray, outputs: Sequence[Mapping[str, float]]) -> np.ndarray:
        """Return plan and interval as logged."""
        found = [[one.get(name, np.nan) for name in _NAMES] for one in outputs]
        return np.array(found, dtype=np.float64).reshape(len(score), len(_NAMES))

    def logged_actions(
        self,
        decision: Sequence[str],  # noqa: ARG002
        score: np.ndarray,
        threshold: np.ndarray,  # noqa: ARG002
        prediction: np.ndarray,  # noqa: ARG002
    ) -> np.ndarray:
        """Return the plan."""
        return score

    def in_the_large(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Return whether the interval held the outcome, less how often it should."""
        return _inside(target, prediction) - self.value.interval

    def in_the_large_of(self, target: np.ndarray, prediction: np.ndarray) -> str | None:  # noqa: ARG002
        """Name none."""
        return None

    def treatments(
        self,
        target: np.ndarray,
        prediction: np.ndarray,
        action: np.ndarray,  # noqa: ARG002 - the plan is the action
    ) -> Mapping[str, Treatment]:
        """Return how far plans are off, in which direction, and whether the interval held the outcome."""
        error, known = prediction[:, _PLAN] - target, np.isfinite(target)
        unit = float(np.abs(error[known]).mean()) if known.any() else 1.0
        return {
            "signed error": Treatment(error, "signed_error_share", unit=unit),
            "absolute error": Treatment(np.abs(error), "absolute_error_share", unit=unit),
            "coverage": Treatment(np.where(known, _inside(target, prediction), np.nan), "coverage_difference"),
        }

    def promises(self, target: np.ndarray, prediction: np.ndarray) -> Mapping[str, Promise]:
        """Return outcomes above the plan, and outcomes outside the interval."""
        above = np.asarray(target > prediction[:, _PLAN], dtype=np.float64)
        rows = len(target)
        return {
            "above the plan": Promise(above, np.full(rows, 1.0 - self.value.critical_ratio())),
            "outside the interval": Promise(
                1.0 - _inside(target, prediction), np.full(rows, 1.0 - self.value.interval)
            ),
        }

    def reliability(self, target: np.ndarray, prediction: np.ndarray) -> Reliability:
        """Return mean plans against the quantile of the outcome that they stand for."""
        order = np.argsort(prediction[:, _PLAN], kind="stable")
        parts = [part for part in np.array_split(order, _BINS) if part.size]
        quantile = self.value.critical_ratio()
        return Reliability(
            mean_prediction=np.array([prediction[part, _PLAN].mean() for part in parts]),
            observed_rate=np.array([np.quantile(target[part], quantile) for part in parts]),
            n=np.array([part.size for part in parts]),
        )

    def calibration_line(self, target: np.ndarray, prediction: np.ndarray) -> CalibrationLine | None:  # noqa: ARG002
        """Return none: of a quantile there is no such line."""
        return None

    def value_curve(
        self,
        target: np.ndarray,
        unavailable: np.ndarray,
        prediction: np.ndarray,
        times: np.ndarray,  # noqa: ARG002
        threshold: float | None,  # noqa: ARG002
    ) -> ValueCurve:
        """Return the value by how much is planned beyond the model's plan."""
        plan = prediction[:, _PLAN]
        reach = float(np.median(prediction[:, _UPPER] - prediction[:, _LOWER])) or 1.0
        at = np.linspace(-reach / 2, reach / 2, _STEPS)
        value = np.array([self.gains(target, unavailable, plan + shift).mean() for shift in at])
        return ValueCurve("planned beyond the model's plan", at, value, 0.0, "the plan as it is")

    def shares(self, target: np.ndarray) -> dict[str, np.ndarray]:
        """Return the quantity."""
        return {"mean": target}

    def counts(self, target: np.ndarray) -> dict[str, int]:
        """Return the rows with an outcome."""
        return {"observed": int(np.isfinite(target).sum())}

    def payoffs(self) -> list[tuple[str, str, float]]:
        """Return both costs."""
        return [
            ("plan", "one unit too little", -self.value.under),
            ("plan", "one unit too much", -self.value.over),
            ("plan", "one unit, outcome unavailable", self.value.unavailable),
        ]

    def rule(self) -> str:
        """Name the critical ratio."""
        return (
            f"plan the {self.value.critical_ratio():.3f} quantile of the outcome, which costs least on average; "
            f"{self.value.interval:.0%} of outcomes shall lie inside the interval"
        )


def _inside(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    held = (target >= prediction[:, _LOWER]) & (target <= prediction[:, _UPPER])
    return np.asarray(held, dtype=np.float64)
