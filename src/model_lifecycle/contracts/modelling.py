"""How models are chosen: the split in time, the candidates, the search and the threshold."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, StrictInt, field_validator, model_validator

from model_lifecycle.contracts.base import Contract, NonNegativeDuration, PositiveDuration, TimeZone


class SplitSpec(Contract):
    """The split by ``as_of``: the last periods before it are the test, those before them the validation folds.

    Periods are calendar spans in ``time_zone``. Training for a boundary takes only rows whose decision and label
    both lie before it. Where outcomes take long, ``label_delay`` keeps a gap: the test ends so long before ``as_of``,
    training ends so long before each boundary, and monitoring judges no window that ended later. Without it the
    youngest rows would be those whose outcome came early, and these are no fair sample: a loan that defaults is known
    before one that will be repaid.
    """

    time_zone: TimeZone
    period: Literal["year", "quarter", "month", "week", "day"] = "month"
    test_periods: int = Field(default=1, ge=1)
    validation_periods: int = Field(default=2, ge=1)
    label_delay: NonNegativeDuration = Field(
        default=timedelta(0), description="how long nearly all outcomes take; younger decisions are left out"
    )
    train_periods: int | None = Field(default=None, ge=1, description="rolling window; null takes all that is there")
    half_life: PositiveDuration | None = Field(
        default=None, description="a row so much older than the end of its training window counts half; null: all alike"
    )


class CandidateSpec(Contract):
    """One model family with fixed parameters and the ranges that the search may move in."""

    family: str
    role: Literal["baseline", "candidate"] = "candidate"
    parameters: dict[str, float | int | str | bool] = Field(default_factory=dict)
    search: dict[str, tuple[StrictInt, StrictInt] | tuple[float, float]] = Field(
        default_factory=dict, description="inclusive range per parameter; whole numbers search whole numbers"
    )
    log_scale: tuple[str, ...] = Field(default=(), description="searched parameters that are drawn in logarithms")
    trials: int | None = Field(
        default=None,
        ge=1,
        description="at the most; the first takes what is searched from `parameters`, if it is there",
    )
    minutes: float | None = Field(default=None, gt=0, description="once they are spent no further trial begins")
    patience: int | None = Field(
        default=None, ge=1, description="trials without a better one, in a row, after which the search ends"
    )
    pruning: Literal["median", "none"] = Field(
        default="median", description="end a trial that after a fold is worse than the median of the finished ones"
    )
    startup_trials: int = Field(default=5, ge=1, description="finished trials before the first may be pruned")
    early_stopping: int | None = Field(
        default=None,
        ge=1,
        description="the folds choose the number of trees, at most the one in `parameters`; a fit stops after so many "
        "trees that make nothing better",
    )
    startup_folds: int = Field(
        default=2, ge=1, description="folds that a trial is judged on before it may be pruned: one fold misleads"
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
        return self

    @model_validator(mode="after")
    def _the_search_has_a_budget(self) -> Self:
        if self.search and self.trials is None and self.minutes is None:
            raise ValueError(f"search ranges of {sorted(self.search)} but no budget: give trials, minutes or both")
        if self.trials is not None and self.trials > 1 and not self.search:
            raise ValueError(f"{self.trials} trials but nothing to search: give ranges or one trial")
        for name in ("minutes", "patience"):
            if (found := getattr(self, name)) is not None and not self.search:
                raise ValueError(f"{name} {found:g} but nothing to search: give ranges or leave {name} out")
        return self

    @property
    def most_trials(self) -> int | None:
        """How many trials there are at the most: one where nothing is searched, None where only minutes end it."""
        return self.trials if self.search else 1


class ModellingSpec(Contract):
    """All candidates of a case; at least one baseline, since a gate compares with it."""

    candidates: dict[str, CandidateSpec] = Field(description="null takes one of a lower layer out")
    calibrations: tuple[Literal["none", "sigmoid", "temperature", "conformal"], ...] = Field(
        default=("none", "sigmoid", "temperature", "conformal"),
        description="those of them that suit the task are tried",
    )
    one_standard_error: bool = Field(
        default=True, description="prefer the first candidate listed that lies within one standard error of the best"
    )

    @field_validator("candidates", mode="before")
    @classmethod
    def _leave_out(cls, candidates: object) -> object:
        if not isinstance(candidates, dict):
            return candidates
        return {name: spec for name, spec in candidates.items() if spec is not None}

    @model_validator(mode="after")
    def _has_both_roles(self) -> Self:
        roles = {spec.role for spec in self.candidates.values()}
        if roles != {"baseline", "candidate"}:
            raise ValueError(f"found roles {sorted(roles)}, expected at least one baseline and one candidate")
        return self
