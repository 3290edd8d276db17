"""What decisions are worth: a business's assumption, with its source, one shape for each kind of task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, FiniteFloat, model_validator

from model_lifecycle.contracts.base import Contract, TimeZone, Words

_DIGITS = 9  # of a share of a day's decisions: 0.29 of 100 is 29, and not the 28.999999999999996 of float64


class Assumption(Contract):
    """A unit, and where the figures come from."""

    unit: Words = Field(min_length=1)
    source: Words = Field(min_length=10, description="where the figures come from; written into the model card")


class Capacity(Contract):
    """How much can be done: of each day's decisions, at most a share gets anything but the default action."""

    share: float = Field(gt=0.0, lt=1.0)
    time_zone: TimeZone = Field(default="UTC", description="in which a day begins")

    def done(self, action: np.ndarray, default: float, times: np.ndarray) -> np.ndarray:
        """Return what of the actions is done: each day the first ones, in the order of time, until it is full.

        Parameters
        ----------
        action : ndarray of float64, shape (n,)
        default : float
            The action that takes no capacity.
        times : ndarray of datetime64[us], shape (n,)
            Decision times in UTC.
        """
        return self.calendar(times).done(action, default)

    def calendar(self, times: np.ndarray) -> "Calendar":
        """Return the days of these decision times, for those who hold many actions against them."""
        local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(self.time_zone).tz_localize(None)
        _, day, rows = np.unique(local.normalize().to_numpy(), return_inverse=True, return_counts=True)
        most = np.floor(np.round(self.share * rows, _DIGITS))
        return Calendar(order=np.lexsort((times, day)), rows=rows, most=most)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Decisions day by day.

    Attributes
    ----------
    order : ndarray of int64, shape (n,)
        The decisions in the order of time.
    rows, most : ndarray, shape (n_days,)
        How many there are in each day, and how many of them can be done.
    """

    order: np.ndarray
    rows: np.ndarray
    most: np.ndarray

    def done(self, action: np.ndarray, default: float) -> np.ndarray:
        """Return what of the actions is done: each day the first ones, until it is full."""
        acts = (action != default)[self.order]
        count = np.concatenate(([0], np.cumsum(acts)))
        before = count[np.cumsum(self.rows) - self.rows]  # on the days before
        full = np.zeros(len(action), dtype=bool)
        full[self.order] = acts & (count[1:] > np.repeat(before + self.most, self.rows))
        return np.where(full, default, action)

    def best(self, gain: np.ndarray) -> np.ndarray:
        """Return each day's highest gains, as many as can be done, bool, shape (n,); of equals, the first."""
        day = np.repeat(np.arange(len(self.rows)), self.rows)
        ranked = np.lexsort((-gain[self.order], day))
        place = np.arange(len(gain)) - np.repeat(np.cumsum(self.rows) - self.rows, self.rows)  # within the day
        taken = np.zeros(len(gain), dtype=bool)
        taken[self.order[ranked]] = place < np.repeat(self.most, self.rows)
        return taken


class OutcomeValue(Contract):
    """What one action is worth for each outcome, in the question's unit, per decision."""

    positive: FiniteFloat
    negative: FiniteFloat
    unavailable: FiniteFloat


class ValueMatrix(Assumption):
    """What acting and leaving are worth for a yes and for a no.

    ``act`` and ``leave`` are compared row by row: the *gain* of acting on a row is ``act - leave`` for its outcome.
    """

    task: Literal["binary"] = "binary"
    act: OutcomeValue
    leave: OutcomeValue
    capacity: Capacity | None = None

    @model_validator(mode="after")
    def _acting_rightly_pays(self) -> Self:
        right = self.act.positive - self.leave.positive
        wrong = self.act.negative - self.leave.negative
        if not right > 0 > wrong:
            raise ValueError(
                f"acting must gain on a positive and lose on a negative outcome; "
                f"found a gain of {right:g} and {wrong:g} {self.unit}"
            )
        return self

    def gain(self) -> OutcomeValue:
        """Return what acting gains over leaving, for each outcome."""
        return OutcomeValue(
            positive=self.act.positive - self.leave.positive,
            negative=self.act.negative - self.leave.negative,
            unavailable=self.act.unavailable - self.leave.unavailable,
        )

    def gains(self, target: np.ndarray, unavailable: np.ndarray, action: np.ndarray | float = 1.0) -> np.ndarray:
        """Return what an action gains over leaving on each row, in `unit`.

        Parameters
        ----------
        target : ndarray of float64, shape (n,)
            1.0 for a positive outcome; not read where the outcome is unavailable.
        unavailable : ndarray of bool, shape (n,)
            Rows whose outcome never came about.
        action : ndarray of float64, shape (n,), or float
            1.0 for acting, 0.0 for leaving.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        gain = self.gain()
        observed = np.where(target == 1.0, gain.positive, gain.negative)
        return np.where(unavailable, gain.unavailable, observed) * action

    def scaled(self, factor: float) -> dict[str, "ValueMatrix"]:
        """Return the matrix with one of its gains multiplied, by which gain it is."""
        gain, found = self.gain(), {}
        for outcome in ("positive", "negative", "unavailable"):
            by = {outcome: getattr(self.leave, outcome) + factor * getattr(gain, outcome)}
            act = self.act.model_copy(update=by)
            found[f"gain of acting on {outcome} outcomes"] = self.model_copy(update={"act": act})
        return found

    def break_even(self) -> float:
        """Return the probability of a positive outcome from which acting pays, in (0, 1)."""
        gain = self.gain()
        return -gain.negative / (gain.positive - gain.negative)


class QuantityCost(Assumption):
    """What it costs to plan too little or too much of a quantity, by the unit of the target; piecewise linear.

    The plan that costs least on average is the quantile ``under / (under + over)`` of the outcome (the newsvendor's
    critical ratio; Arrow, Harris and Marschak 1951, Econometrica 19, 250-272).
    """

    task: Literal["regression"] = "regression"
    under: FiniteFloat = Field(gt=0, description="cost of each unit that the outcome lies above the plan")
    over: FiniteFloat = Field(gt=0, description="cost of each unit that the outcome lies below the plan")
    default: FiniteFloat = Field(default=0.0, description="what is planned when nobody predicts")
    unavailable: FiniteFloat = Field(
        default=0.0, description="worth of each unit planned above the default when the outcome never comes about"
    )
    interval: FiniteFloat = Field(default=0.8, gt=0.0, lt=1.0, description="share of outcomes that the interval holds")

    @model_validator(mode="after")
    def _plan_lies_inside(self) -> Self:
        tail = (1 - self.interval) / 2
        if not tail < self.critical_ratio() < 1 - tail:
            raise ValueError(
                f"the plan is the {self.critical_ratio():.3g} quantile, outside an interval that holds "
                f"{self.interval:g}; expected a wider interval"
            )
        return self

    def scaled(self, factor: float) -> dict[str, "QuantityCost"]:
        """Return the costs with one of them multiplied, by which."""
        return {
            "cost of planning too little": self.model_copy(update={"under": factor * self.under}),
            "cost of planning too much": self.model_copy(update={"over": factor * self.over}),
        }

    def critical_ratio(self) -> float:
        """Return the quantile of the outcome that costs least when planned, in (0, 1)."""
        return self.under / (self.under + self.over)

    def costs(self, target: np.ndarray, plan: np.ndarray | float) -> np.ndarray:
        """Return what each plan cost, in `unit`, float64, shape (n,); at least 0."""
        short = target - plan
        return np.asarray(np.where(short > 0, self.under * short, -self.over * short), dtype=np.float64)

    def gains(self, target: np.ndarray, unavailable: np.ndarray, action: np.ndarray | float) -> np.ndarray:
        """Return what a plan saves against planning the default, in `unit`, float64, shape (n,)."""
        saved = self.costs(target, self.default) - self.costs(target, action)
        return np.where(unavailable, self.unavailable * (action - self.default), saved)


class ActionValues(Assumption):
    """What each action is worth for each class of the outcome."""

    task: Literal["multiclass"] = "multiclass"
    classes: tuple[str, ...] = Field(min_length=2)
    default: str = Field(description="the action that is taken when nobody predicts")
    actions: Mapping[str, Mapping[str, FiniteFloat]] = Field(min_length=2, description="action -> class -> worth")
    unavailable: Mapping[str, FiniteFloat] = Field(
        default_factory=dict, description="action -> worth when the outcome never comes about; 0 where not said"
    )
    capacity: Capacity | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if repeated := sorted({name for name in self.classes if self.classes.count(name) > 1}):
            raise ValueError(f"classes {repeated} are named twice")
        for action, worth in self.actions.items():
            if set(worth) != set(self.classes):
                raise ValueError(f"action {action!r} has values for {sorted(worth)}, expected {sorted(self.classes)}")
        if unknown := sorted({self.default, *self.unavailable} - set(self.actions)):
            raise ValueError(f"actions {unknown} are not described, expected some of {sorted(self.actions)}")
        return self

    def scaled(self, factor: float) -> dict[str, "ActionValues"]:
        """Return the values with those of one action multiplied, by which."""
        found = {}
        for name in self.actions:
            worth = {label: factor * value for label, value in self.actions[name].items()}
            found[f"values of {name}"] = self.model_copy(update={"actions": {**self.actions, name: worth}})
        return found

    def matrix(self) -> np.ndarray:
        """Return the worth of each action over the default's by class, float64, shape (n_actions, n_classes)."""
        worth = np.array([[self.actions[name][label] for label in self.classes] for name in self.actions])
        return np.asarray(worth - worth[self.default_action()])

    def default_action(self) -> int:
        """Return the number of the default action, in the order of `actions`."""
        return list(self.actions).index(self.default)

    def gains(self, target: np.ndarray, unavailable: np.ndarray, action: np.ndarray | float) -> np.ndarray:
        """Return what an action, by its number, gains over the default on each row, in `unit`, float64, shape (n,)."""
        chosen = np.broadcast_to(np.asarray(action, dtype=np.int64), target.shape)
        known = np.where(unavailable, 0, np.nan_to_num(target)).astype(np.int64)
        never = np.array([self.unavailable.get(name, 0.0) for name in self.actions])
        return np.where(unavailable, (never - never[self.default_action()])[chosen], self.matrix()[chosen, known])
