"""A class: the probability of each, and the action of the highest expected value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from model_lifecycle.contracts.value import ActionValues
from model_lifecycle.errors import ModelError
from model_lifecycle.models import Objective
from model_lifecycle.models.calibration import Calibration, Method, fit_temperature
from model_lifecycle.models.constant import best_constant
from model_lifecycle.statistics.calibration import CalibrationLine, Reliability, reliability
from model_lifecycle.statistics.discrimination import class_auc_contributions
from model_lifecycle.statistics.proper_scores import class_log_losses, class_squared_errors
from model_lifecycle.tasks.base import FEWEST_OTHERS, Metric, Promise, Treatment, ValueCurve
from model_lifecycle.tasks.limited import limited_curve

_STEPS = 81


def _right(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return np.asarray(prediction.argmax(axis=1) == target, dtype=np.float64)


@dataclass(frozen=True)
class MulticlassTask:
    """Which of several things will happen."""

    value: ActionValues

    loss: ClassVar[str] = "log_loss"
    ranking: ClassVar[str] = "auc"
    metrics: ClassVar[Mapping[str, Metric]] = {
        "log_loss": Metric(class_log_losses),
        "auc": Metric(class_auc_contributions, fewest_others=FEWEST_OTHERS),
        "accuracy": Metric(_right),
        "brier": Metric(class_squared_errors),
    }
    calibrations: ClassVar[tuple[Method, ...]] = ("none", "temperature")

    @property
    def objective(self) -> Objective:
        """The probabilities of the classes."""
        return Objective("multiclass", classes=len(self.value.classes))

    @property
    def policies(self) -> Mapping[str, float]:
        """Take one action always."""
        return {f"always_{name}": float(number) for number, name in enumerate(self.value.actions)}

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the number of each class; NaN for anything else."""
        if values.dtype.kind == "f":
            return np.where(np.isin(values, np.arange(len(self.value.classes))), values, np.nan)
        numbers = {label: float(number) for number, label in enumerate(self.value.classes)}
        return np.array([numbers.get(value, np.nan) for value in values.tolist()], dtype=np.float64)

    def read_label(self, value: object) -> float:
        """Take the name of a class."""
        if value not in self.value.classes:
            raise ValueError(f"one of {list(self.value.classes)} for outcome 'observed'")
        return float(self.value.classes.index(str(value)))

    def raw_losses(self, target: np.ndarray, raw: np.ndarray) -> np.ndarray:
        """Return log losses."""
        return class_log_losses(target, raw)

    def losses(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Return log losses."""
        return class_log_losses(target, prediction)

    def fit_calibration(self, method: Method, raw: np.ndarray, target: np.ndarray) -> Calibration:
        """Fit none, or a temperature and biases."""
        return Calibration() if method == "none" else fit_temperature(raw, target)

    def recalibrated(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Fit temperature and biases on these rows; where none fit, take the shares of the classes."""
        try:
            return fit_temperature(prediction, target).apply(prediction)
        except ModelError:
            return self.repeated(self.constant(target), len(target))

    def constant(self, target: np.ndarray) -> tuple[float, ...]:
        """Return the shares of the classes."""
        return tuple(best_constant(target, self.objective).tolist())

    def repeated(self, constant: Sequence[float], rows: int) -> np.ndarray:
        """Return the shares for every row."""
        return np.tile(np.array(constant, dtype=np.float64), (rows, 1))

    def score(self, prediction: np.ndarray) -> np.ndarray:
        """Return what the best action is expected to be worth over the default, in the question's unit."""
        return np.asarray(self._expected(prediction).max(axis=1))

    def _expected(self, prediction: np.ndarray) -> np.ndarray:
        return np.asarray(prediction @ self.value.matrix().T)

    def threshold(
        self, prediction: np.ndarray, target: np.ndarray, unavailable: np.ndarray, times: np.ndarray
    ) -> float | None:
        """Return the expected gain that is worth most to wait for under a capacity, else none.

        It lies midway to the next score below; above every gain in the table when none pays.
        """
        if self.value.capacity is None:
            return None
        tried, value = self._limited_curve(target, unavailable, prediction, times)
        best = int(np.argmax(value))
        if value[best] <= 0:
            return self._never()
        return _midway(self.score(prediction), float(tried[best]))

    def _limited_curve(
        self, target: np.ndarray, unavailable: np.ndarray, prediction: np.ndarray, times: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return expected gains, from the highest down, and the value per decision of what is done from each on."""
        if self.value.capacity is None:
            raise ModelError("a threshold of classes is for a capacity; found none")
        action = self.actions(prediction, None)
        return limited_curve(
            self.score(prediction),
            self.gains(target, unavailable, action),
            self.value.capacity.calendar(times),
            acts=action != self.value.default_action(),
        )

    def _never(self) -> float:
        """Return a threshold that no expected gain reaches, not even with the values of an action doubled."""
        return 1.0 + 2.0 * max(float(self.value.matrix().max()), 0.0)

    def done(self, action: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return the actions that a day has capacity for."""
        return (
            action
            if self.value.capacity is None
            else self.value.capacity.done(action, self.value.default_action(), times)
        )

    def actions(self, prediction: np.ndarray, threshold: float | None) -> np.ndarray:
        """Return the number of the action that is expected to be worth most; of equals, the first.

        Where it is expected to gain less than a threshold, that of the default.
        """
        expected = self._expected(prediction)
        best = np.asarray(expected.argmax(axis=1), dtype=np.float64)
        if threshold is None:
            return best
        return np.where(expected.max(axis=1) >= threshold, best, float(self.value.default_action()))

    def at_its_word(self, prediction: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return the action of the highest expected value; under a capacity from where what is done promises most."""
        action, promised = self.actions(prediction, None), self.score(prediction)
        if self.value.capacity is None:
            return action
        acts = action != self.value.default_action()
        tried, value = limited_curve(promised, promised, self.value.capacity.calendar(times), acts)
        best = int(np.argmax(value))
        return self.actions(prediction, float(tried[best]) if value[best] > 0 else self._never())

    def decisions(self, action: np.ndarray) -> list[str]:
        """Return the names of the actions."""
        names = list(self.value.actions)
        return [names[int(one)] for one in action.tolist()]

    def gains(self, target: np.ndarray, unavailable: np.ndarray, action: np.ndarray | float) -> np.ndarray:
        """Return what the action was worth over the default."""
        return self.value.gains(target, unavailable, action)

    def foresight(self, target: np.ndarray, unavailable: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return the best action for what happened; where a day has capacity for some only, those that gain most."""
        every = [self.gains(target, unavailable, action) for action in self.policies.values()]
        best = np.asarray(np.argmax(every, axis=0), dtype=np.float64)
        if self.value.capacity is None:
            return best
        taken = self.value.capacity.calendar(times).best(np.max(every, axis=0))
        return np.where(taken, best, float(self.value.default_action()))

    def outputs(self, prediction: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return the probability of each class."""
        return {label: prediction[:, place] for place, label in enumerate(self.value.classes)}

    def logged(self, score: np.ndarray, outputs: Sequence[Mapping[str, float]]) -> np.ndarray:
        """Return the probabilities as logged."""
        found = [[one.get(label, np.nan) for label in self.value.classes] for one in outputs]
        logged = np.array(found, dtype=np.float64).reshape(len(score), len(self.value.classes))
        return np.where((logged >= 0.0) & (logged <= 1.0), logged, np.nan)

    def logged_actions(
        self,
        decision: Sequence[str],
        score: np.ndarray,  # noqa: ARG002
        threshold: np.ndarray,  # noqa: ARG002
        prediction: np.ndarray,  # noqa: ARG002
    ) -> np.ndarray:
        """Return the numbers of the actions; the default's for a name that is none."""
        numbers = {name: float(number) for number, name in enumerate(self.value.actions)}
        return np.array([numbers.get(one, self.value.default_action()) for one in decision], dtype=np.float64)

    def in_the_large(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Return prediction less outcome for the class where their means are furthest apart."""
        off = _off(target, prediction)
        return np.asarray(off[:, _furthest(off)])

    def in_the_large_of(self, target: np.ndarray, prediction: np.ndarray) -> str | None:
        """Name the class where prediction and outcome are furthest apart on average."""
        return self.value.classes[_furthest(_off(target, prediction))]

    def treatments(self, target: np.ndarray, prediction: np.ndarray, action: np.ndarray) -> Mapping[str, Treatment]:
        """Return who got anything but the default action, who got each of them, and whose class was told."""
        default, names = self.value.default_action(), list(self.value.actions)
        acted = np.asarray(action != default, dtype=np.float64)
        shares = {
            f"share of {name}": Treatment(
                np.asarray(action == number, dtype=np.float64), "demographic_parity_difference"
            )
            for number, name in enumerate(names)
            if number != default
        }
        right = np.where(np.isfinite(target), _right(target, prediction), np.nan)
        return {
            "selection rate": Treatment(acted, "demographic_parity_difference", "demographic_parity_ratio"),
            **(shares if len(shares) > 1 else {}),
            "accuracy": Treatment(right, "accuracy_difference"),
        }

    def promises(self, target: np.ndarray, prediction: np.ndarray) -> Mapping[str, Promise]:
        """Return each class."""
        return {
            label: Promise(np.asarray(target == number, dtype=np.float64), prediction[:, number])
            for number, label in enumerate(self.value.classes)
        }

    def reliability(self, target: np.ndarray, prediction: np.ndarray) -> Reliability:
        """Return mean probabilities against shares, over all classes at once."""
        happened = (target[:, None] == np.arange(prediction.shape[1])).astype(np.float64)
        return reliability(happened.ravel(), prediction.ravel())

    def calibration_line(self, target: np.ndarray, prediction: np.ndarray) -> CalibrationLine | None:  # noqa: ARG002
        """Return none: each class has a line of its own."""
        return None

    def value_curve(
        self,
        target: np.ndarray,
        unavailable: np.ndarray,
        prediction: np.ndarray,
        times: np.ndarray,
        threshold: float | None,
    ) -> ValueCurve:
        """Return the value by how much the best action must be expected to gain before the default is left."""
        title, note = "expected gain from which the default is left", "the highest expected value"
        if self.value.capacity is not None:
            limit = f"{note}, at most {self.value.capacity.share:.0%} of a day's decisions"
            return ValueCurve(
                title, *self._limited_curve(target, unavailable, prediction, times), threshold or 0.0, limit
            )
        expected, action = self.score(prediction), self.actions(prediction, None)
        default = float(self.value.default_action())
        at = np.linspace(0.0, float(np.quantile(expected, 0.99)) or 1.0, _STEPS)
        taken = [np.where(expected >= least, action, default) for least in at]
        value = np.array([self.gains(target, unavailable, one).mean() for one in taken])
        return ValueCurve(title, at, value, 0.0, note)

    def shares(self, target: np.ndarray) -> dict[str, np.ndarray]:
        """Return where each class happened."""
        return {label: (target == number).astype(np.float64) for number, label in enumerate(self.value.classes)}

    def counts(self, target: np.ndarray) -> dict[str, int]:
        """Return the rows of each class."""
        return {label: int((target == number).sum()) for number, label in enumerate(self.value.classes)}

    def payoffs(self) -> list[tuple[str, str, float]]:
        """Return the table of actions and classes."""
        return [
            (action, label, float(worth[label])) for action, worth in self.value.actions.items()
            for label in self.value.classes
        ]  # fmt: skip

    def rule(self) -> str:
        """Name the rule."""
        limit, default = self.value.capacity, f"{self.value.default!r} is what happens without a model"
        if limit is None:
            return f"take the action of the highest expected value; {default}"
        return (
            f"take the action of the highest expected value when its expected gain is at least the threshold; {default}"
            f", below the threshold, and to all but the first {limit.share:.0%} of a day's decisions"
        )


def _midway(score: np.ndarray, threshold: float) -> float:
    """Return a threshold that the same rows reach, midway to the next score below; 0 when all of them do.

    A score that differs in its last bit, as of one row instead of many, is on the same side of it.
    """
    if not (below := score[score < threshold]).size:
        return 0.0
    lower, upper = float(below.max()), float(score[score >= threshold].min())
    middle = (lower + upper) / 2
    return middle if middle > lower else upper


def _off(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return prediction less outcome, shape (n, n_classes)."""
    return np.asarray(prediction - (target[:, None] == np.arange(prediction.shape[1])))


def _furthest(off: np.ndarray) -> int:
    return int(np.abs(off.mean(axis=0)).argmax())
