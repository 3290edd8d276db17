"""How models are chosen: the split in time, the candidates, the search and the threshold."""

from typing import Literal, Self

from pydantic import Field, StrictInt, model_validator

from model_lifecycle.contracts.base import Contract, TimeZone


class SplitSpec(Contract):
    """The split by ``as_of``: the last periods before it are the test, those before them the validation folds.

    Periods are calendar spans in ``time_zone``. Training for a boundary takes only rows whose decision and label
    both lie before it.
    """

    time_zone: TimeZone
    period: Literal["month", "week", "day"] = "month"
    test_periods: int = Field(default=1, ge=1)
    validation_periods: int = Field(default=2, ge=1)
    train_periods: int | None = Field(default=None, ge=1, description="rolling window; null takes all that is there")


class CandidateSpec(Contract):
    """One model family with fixed parameters and the ranges that the search may move in."""

    family: str
    role: Literal["baseline", "candidate"] = "candidate"
    parameters: dict[str, float | int | str | bool] = Field(default_factory=dict)
    search: dict[str, tuple[StrictInt, StrictInt] | tuple[float, float]] = Field(
        default_factory=dict, description="inclusive range per parameter; whole numbers search whole numbers"
    )
    log_scale: tuple[str, ...] = Field(default=(), description="searched parameters that are drawn in logarithms")
    trials: int = Field(
        default=1, ge=1, description="the first takes the searched parameters from `parameters`, if there"
    )

    @model_validator(mode="after")
    def _ranges_are_ranges(self) -> Self:
        wrong = {name: found for name, found in self.search.items() if not found[0] < found[1]}
        if wrong:
            raise ValueError(f"search ranges {wrong}, expected [low, high] with low < high")
        if unknown := sorted(set(self.log_scale) - set(self.search)):
            raise ValueError(f"log_scale names {unknown}, expected some of {sorted(self.search)}")
        if below := {name: self.search[name] for name in self.log_scale if not self.search[name][0] > 0}:
            raise ValueError(f"search ranges {below} in logarithms, expected them above 0")
        if self.trials > 1 and not self.search:
            raise ValueError(f"{self.trials} trials but nothing to search: give ranges or one trial")
        return self


class ModellingSpec(Contract):
    """All candidates of a case; at least one baseline, since a gate compares with it."""

    candidates: dict[str, CandidateSpec]
    calibrations: tuple[Literal["none", "sigmoid", "temperature", "conformal"], ...] = Field(
        default=("none", "sigmoid", "temperature", "conformal"),
        description="those of them that suit the task are tried",
    )
    one_standard_error: bool = Field(
        default=True, description="prefer the first candidate listed that lies within one standard error of the best"
    )

    @model_validator(mode="after")
    def _has_both_roles(self) -> Self:
        roles = {spec.role for spec in self.candidates.values()}
        if roles != {"baseline", "candidate"}:
            raise ValueError(f"found roles {sorted(roles)}, expected at least one baseline and one candidate")
        return self
