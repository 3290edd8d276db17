"""The business question: what is decided, when, and what each outcome is worth."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from model_lifecycle.contracts.base import Contract, Words
from model_lifecycle.contracts.value import ActionValues, QuantityCost, ValueMatrix

ColumnName = Annotated[str, Field(min_length=1)]
Value = Annotated[ValueMatrix | QuantityCost | ActionValues, Field(discriminator="task")]


class SuccessCriteria(Contract):
    """When the answer is worth having: feasibility says no-go when it cannot be; reports tell what was reached."""

    minimum_value_per_1000: float = Field(gt=0, description="gain over the best trivial action, per 1,000 decisions")
    minimum_positives: int = Field(
        default=200, ge=1, description="positive outcomes, or outcomes of each class, needed in the training window"
    )


class Slice(Contract):
    """A column whose categories are evaluated one by one."""

    column: str
    kind: Literal["important", "sensitive"] = "important"
    minimum_rows: int = Field(default=500, ge=1)
    groups: tuple[str, ...] = Field(
        default=(), description="sensitive: the groups to compare, others are left out; by default all that occur"
    )

    @model_validator(mode="after")
    def _groups_can_be_compared(self) -> Self:
        if self.groups and (self.kind != "sensitive" or len(set(self.groups)) < 2):
            raise ValueError(
                f"slice {self.column!r} of kind {self.kind!r} names groups {list(self.groups)}, expected at least two "
                "of a sensitive slice"
            )
        return self


class BusinessQuestion(Contract):
    """One business question; the first thing that is read and the first that is refused."""

    question: Words = Field(min_length=10)
    owner: Words = Field(min_length=1)
    task: Literal["binary", "regression", "multiclass"]
    decision: Words = Field(min_length=1, description="what is done with the answer")
    decision_id: ColumnName
    decision_time: ColumnName
    label_time: ColumnName
    target: ColumnName
    outcome: ColumnName
    outcome_reason: ColumnName
    entity: ColumnName | None = Field(
        default=None, description="an input; all decisions on one entity are answered by the same release of a trial"
    )
    value: Value
    success: SuccessCriteria
    slices: tuple[Slice, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _task_decides_the_shape_of_value(cls, found: object) -> object:
        if not isinstance(found, Mapping) or not isinstance(found.get("value"), Mapping):
            return found
        task, value = found.get("task"), found["value"]
        if task not in ("binary", "regression", "multiclass"):  # told of the task itself; here a guess serves
            task = "binary" if "act" in value else "multiclass" if "actions" in value else "regression"
        return {**found, "value": {**value, "task": task}}

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
