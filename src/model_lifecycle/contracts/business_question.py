"""The business question: what is decided, when, and what each outcome is worth."""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from model_lifecycle.contracts.base import Contract

ColumnName = Annotated[str, Field(min_length=1)]


class OutcomeValue(Contract):
    """What one action is worth for each outcome, in the question's unit, per decision."""

    positive: float
    negative: float
    unavailable: float


class ValueMatrix(Contract):
    """What acting and leaving are worth; an assumption of the business, with its source.

    ``act`` and ``leave`` are compared row by row: the *gain* of acting on a row is ``act - leave`` for its outcome.
    """

    unit: str = Field(min_length=1)
    source: str = Field(min_length=10, description="where the figures come from; written into the model card")
    act: OutcomeValue
    leave: OutcomeValue

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

    def gains(self, target: np.ndarray, unavailable: np.ndarray) -> np.ndarray:
        """Return what acting gains over leaving on each row, in `unit`.

        Parameters
        ----------
        target : ndarray of float64, shape (n,)
            1.0 for a positive outcome; not read where the outcome is unavailable.
        unavailable : ndarray of bool, shape (n,)
            Rows whose outcome never came about.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        gain = self.gain()
        observed = np.where(target == 1.0, gain.positive, gain.negative)
        return np.where(unavailable, gain.unavailable, observed)

    def break_even(self) -> float:
        """Return the probability of a positive outcome from which acting pays, in (0, 1)."""
        gain = self.gain()
        return -gain.negative / (gain.positive - gain.negative)


class SuccessCriteria(Contract):
    """When the answer is worth having: the feasibility page says no-go below these."""

    minimum_value_per_1000: float = Field(gt=0, description="gain over the best trivial action, per 1,000 decisions")
    minimum_positives: int = Field(default=200, ge=1, description="positive outcomes needed in the training window")


class Slice(Contract):
    """A column whose categories are evaluated one by one."""

    column: str
    kind: Literal["important", "sensitive"] = "important"
    minimum_rows: int = Field(default=500, ge=1)


class BusinessQuestion(Contract):
    """One business question; the first thing that is read and the first that is refused."""

    question: str = Field(min_length=10)
    owner: str = Field(min_length=1)
    task: Literal["binary"]
    decision: str = Field(min_length=1, description="what is done when the answer is yes")
    decision_id: ColumnName
    decision_time: ColumnName
    label_time: ColumnName
    target: ColumnName
    outcome: ColumnName
    outcome_reason: ColumnName
    value: ValueMatrix
    success: SuccessCriteria
    slices: tuple[Slice, ...] = ()

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        columns = [
            self.decision_id,
            self.decision_time,
            self.label_time,
            self.target,
            self.outcome,
            self.outcome_reason,
        ]
        repeated = sorted({name for name in columns if columns.count(name) > 1})
        if repeated:
            raise ValueError(f"columns {repeated} are named twice, expected a column for each role")
        return self
