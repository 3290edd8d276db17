"""What every task answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.models import Objective
from model_lifecycle.models.calibration import Calibration, Method
from model_lifecycle.statistics.calibration import CalibrationLine, Reliability
from model_lifecycle.statistics.intervals import (
    Interval,
    LeftOut,
    clustered_mean_interval,
    leave_one_out,
    paired_difference_interval,
)

LEAVE, ACT = 0.0, 1.0
FEWEST_OTHERS = 10  # an AUC's interval of 95% holds the truth in 90% of worlds with so many, in 56% with two


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of predictions.

    Attributes
    ----------
    compute : callable
        Takes the target, float64 of shape (n,), and the prediction.
    by_row : bool
        Whether it returns what each of the rows contributes, whose mean is the figure, or one statistic of all of them.
    fewest_others : int
        Rows outside the commonest outcome below which there is no interval: how well a score orders a handful of rows
        says nothing of how far it may be off.
    """

    compute: Callable[[np.ndarray, np.ndarray], Any]
    by_row: bool = True
    fewest_others: int = 0

    def value(self, target: np.ndarray, prediction: np.ndarray) -> float:
        """Return the figure of all rows."""
        return float(np.mean(self.compute(target, prediction)))

    def interval(
        self,
        block: np.ndarray,
        target: np.ndarray,
        prediction: np.ndarray,
        level: float,
        autocorrelation: float | None = None,
    ) -> Interval:
        """Return the figure with its interval over blocks of time; their autocorrelation is estimated if not given.

        Raises
        ------
        StatisticError
            If there are fewer than 2 blocks, the figure is not defined on these rows, or too few of them have another
            outcome than most.
        """
        self._require_others(target)
        if self.by_row:
            return clustered_mean_interval(self.compute(target, prediction), block, level, autocorrelation)
        return self._left_out(block, target, prediction).interval(level, autocorrelation)

    def difference(
        self, block: np.ndarray, target: np.ndarray, mine: np.ndarray, other: np.ndarray, level: float
    ) -> Interval:
        """Return the figure of one prediction minus that of another on the same rows, with its interval.

        Raises
        ------
        StatisticError
            As of `interval`.
        """
        self._require_others(target)
        if self.by_row:
            return paired_difference_interval(self.compute(target, mine), self.compute(target, other), block, level)
        return (self._left_out(block, target, mine) - self._left_out(block, target, other)).interval(level)

    def _require_others(self, target: np.ndarray) -> None:
        if not self.fewest_others:
            return
        others = len(target) - int(np.unique(target, return_counts=True)[1].max(initial=0))
        if others < self.fewest_others:
            raise StatisticError(
                f"found {others:,} of {len(target):,} rows with another outcome than most, expected at least "
                f"{self.fewest_others} for an interval"
            )

    def _left_out(self, block: np.ndarray, target: np.ndarray, prediction: np.ndarray) -> LeftOut:
        """Return the figure without each block, from rows in the order of the prediction: it sorts them every time."""
        order = np.argsort(prediction, kind="stable") if prediction.ndim == 1 else np.arange(len(prediction))
        return leave_one_out(self.value, block[order], target[order], prediction[order])


@dataclass(frozen=True, slots=True)
class ValueCurve:
    """Value per decision by where the decision is drawn; ``at`` and ``value`` of shape (n_points,)."""

    title: str
    at: np.ndarray
    value: np.ndarray
    chosen: float
    note: str


@dataclass(frozen=True, slots=True)
class Treatment:
    """How each row was treated, to be compared between groups of rows.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
        NaN on rows that do not count.
    difference, ratio : str, optional
        The limits, among `contracts.gates.FairnessLimits`, of the difference and the ratio of two groups' means.
    unit : float
        What the limit of the difference is a share of.
    """

    values: np.ndarray
    difference: str | None = None
    ratio: str | None = None
    unit: float = 1.0


@dataclass(frozen=True, slots=True)
class Promise:
    """An event and the probability that a prediction gives it; ``event`` (0 or 1) and ``probability`` of shape (n,)."""

    event: np.ndarray
    probability: np.ndarray


class Task(Protocol):
    """A kind of question with its values.

    A *target* is float64 of shape (n,). A *prediction*, after calibration, is what `predicted` names: the probability
    of a yes, shape (n,); the lower end, the plan and the upper end, shape (n, 3); or the probabilities of the classes,
    shape (n, n_classes). An *action* is float64 of shape (n,).
    """

    @property
    def objective(self) -> Objective:
        """What models are fitted for."""
        ...

    @property
    def loss(self) -> str:
        """The name of the metric, among `metrics`, that is minimised and that the gates compare."""
        ...

    @property
    def ranking(self) -> str:
        """The name of the metric that says how well predictions order the rows; the higher the better, 1 at most."""
        ...

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """All metrics, the loss first."""
        ...

    @property
    def calibrations(self) -> tuple[Method, ...]:
        """The calibrations that can be tried, the simplest first."""
        ...

    @property
    def policies(self) -> Mapping[str, float]:
        """The trivial policies: one action for all rows."""
        ...

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return a column of outcomes as target; NaN where it is missing or of no kind that can happen."""
        ...

    def read_label(self, value: object) -> float:
        """Return a label from outside as a value of the target.

        Raises
        ------
        ValueError
            Saying what was expected.
        """
        ...

    def raw_losses(self, target: np.ndarray, raw: np.ndarray) -> np.ndarray:
        """Return the loss of each row's raw output, shape (n,)."""
        ...

    def losses(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Return the loss of each row's prediction, shape (n,)."""
        ...

    def fit_calibration(self, method: Method, raw: np.ndarray, target: np.ndarray) -> Calibration:
        """Fit on rows that the model was not trained on.

        Raises
        ------
        ModelError, StatisticError
            If these rows give none.
        """
        ...

    def recalibrated(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Return predictions calibrated anew on these very rows: what perfect calibration would have said."""
        ...

    def constant(self, target: np.ndarray) -> tuple[float, ...]:
        """Return the best constant prediction of these rows, as `repeated` takes it."""
        ...

    def repeated(self, constant: Sequence[float], rows: int) -> np.ndarray:
        """Return the same prediction for so many rows."""
        ...

    def score(self, prediction: np.ndarray) -> np.ndarray:
        """Return one number a row, which is logged and watched for drift, shape (n,)."""
        ...

    def threshold(
        self, prediction: np.ndarray, target: np.ndarray, unavailable: np.ndarray, times: np.ndarray
    ) -> float | None:
        """Return the score from which acting is worth most on these rows; None where no threshold decides.

        Under a capacity worth is what is done of it, and where nothing pays no score reaches the threshold.
        """
        ...

    def done(self, action: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return what of the actions is done, where the values set a capacity; ``times`` as datetime64 in UTC."""
        ...

    def actions(self, prediction: np.ndarray, threshold: float | None) -> np.ndarray:
        """Return the action of the highest expected value, or the default's below a threshold, shape (n,)."""
        ...

    def at_its_word(self, prediction: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return the actions of who takes the prediction at its word, shape (n,), and spends a capacity by it."""
        ...

    def decisions(self, action: np.ndarray) -> list[str]:
        """Return the actions in words."""
        ...

    def gains(self, target: np.ndarray, unavailable: np.ndarray, action: np.ndarray | float) -> np.ndarray:
        """Return what each action gained over doing nothing, in the question's unit, shape (n,)."""
        ...

    def foresight(self, target: np.ndarray, unavailable: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return the action of who knows the outcome, and spends a day's capacity where it gains most, shape (n,)."""
        ...

    def outputs(self, prediction: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return what is answered and logged besides the score, by name; each of shape (n,)."""
        ...

    def logged(self, score: np.ndarray, outputs: Sequence[Mapping[str, float]]) -> np.ndarray:
        """Return predictions as they were logged; NaN where an output is missing or no probability can be."""
        ...

    def logged_actions(
        self, decision: Sequence[str], score: np.ndarray, threshold: np.ndarray, prediction: np.ndarray
    ) -> np.ndarray:
        """Return actions as they were logged, shape (n,)."""
        ...

    def in_the_large(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Return figures, shape (n,), whose mean is 0 when predictions are right on average."""
        ...

    def in_the_large_of(self, target: np.ndarray, prediction: np.ndarray) -> str | None:
        """Name the class that `in_the_large` is about, None where there are no several."""
        ...

    def treatments(self, target: np.ndarray, prediction: np.ndarray, action: np.ndarray) -> Mapping[str, Treatment]:
        """Return how rows were treated, by what a reader calls it; ``target`` is NaN where no outcome was observed."""
        ...

    def promises(self, target: np.ndarray, prediction: np.ndarray) -> Mapping[str, Promise]:
        """Return the events that a prediction promises, by name; rows where they can be taken at its word are well."""
        ...

    def reliability(self, target: np.ndarray, prediction: np.ndarray) -> Reliability:
        """Return predictions against what happened, in bins with as many rows each."""
        ...

    def calibration_line(self, target: np.ndarray, prediction: np.ndarray) -> CalibrationLine | None:
        """Return slope and intercept of the outcome on the prediction, if that has a meaning here."""
        ...

    def value_curve(
        self,
        target: np.ndarray,
        unavailable: np.ndarray,
        prediction: np.ndarray,
        times: np.ndarray,
        threshold: float | None,
    ) -> ValueCurve:
        """Return the value per decision by where the decision is drawn."""
        ...

    def shares(self, target: np.ndarray) -> dict[str, np.ndarray]:
        """Return columns by name, each of shape (n,), whose means describe the outcome: shares, or the mean itself."""
        ...

    def counts(self, target: np.ndarray) -> dict[str, int]:
        """Return how often each kind of outcome happened; for a quantity, the rows with any."""
        ...

    def payoffs(self) -> list[tuple[str, str, float]]:
        """Return the values that were assumed: action, outcome, worth."""
        ...

    def rule(self) -> str:
        """Return in words how a prediction becomes a decision."""
        ...


def number(value: object, expected: str) -> float:
    """Return a finite number.

    Raises
    ------
    ValueError
        Saying what was expected.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(expected)
    return float(value)
