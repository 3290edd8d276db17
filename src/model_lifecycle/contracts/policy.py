"""Monitoring and policy: which windows are judged, what counts as drift, and what is done about it."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from model_lifecycle.contracts.base import Contract, Duration, PositiveDuration
from model_lifecycle.contracts.modelling import SplitSpec


class DriftOverride(Contract):
    """How a feature's drift is judged otherwise than the others'."""

    ignore: bool = Field(default=False, description="it is not compared")
    floor_factor: float = Field(default=1.0, gt=0.0, description="its calibrated floors times this")
    minimum_effect: float = Field(default=0.0, ge=0.0, le=1.0, description="below which it never counts as drifted")


class MonitoringSpec(Contract):
    """How a window of live traffic is judged."""

    window: PositiveDuration
    window_rows: int | None = Field(
        default=None,
        ge=50,
        description="decisions in a window, instead of a time; `window` stays the schedule and the reference's windows",
    )
    season: PositiveDuration = Field(
        default=timedelta(days=364),
        description="how long before a window its season was; whole weeks, so that weekdays meet",
    )
    minimum_labels: int = Field(default=500, ge=1)
    minimum_label_share: float = Field(
        default=0.9, ge=0.0, le=1.0, description="share of decisions with an outcome from which a window is mature"
    )
    drift_level: float = Field(
        default=0.05,
        gt=0.0,
        lt=0.5,
        description="share of stationary windows that may raise any drift alarm; the floors of a release keep the "
        "level it was built with",
    )
    drift_overrides: dict[str, DriftOverride] = Field(
        default_factory=dict, description="by feature or pattern such as weather_*; all that fit are composed"
    )
    adwin_delta: float = Field(
        default=0.002, gt=0.0, lt=1.0, description="how ready ADWIN is to see a change in the stream of errors"
    )
    maximum_missing_increase: float = Field(default=0.05, gt=0.0, le=1.0)
    maximum_unknown_share: float = Field(
        default=0.02, gt=0.0, le=1.0, description="of all rows, above the most that a window of the reference brought"
    )
    maximum_out_of_range_share: float = Field(default=0.01, gt=0.0, le=1.0)


class TrainingWindow(Contract):
    """Which labelled rows a retraining learns from, and how much each of them counts."""

    periods: Literal["configured", "expanding"] | Annotated[int, Field(ge=1)] = Field(
        default="configured", description="as `split` says, everything, or so many of the split's periods"
    )
    half_life: PositiveDuration | None = Field(
        default=None,
        description="a row so much older than the end of its training window counts half; null: as `split` says",
    )

    def __str__(self) -> str:
        periods = f"rolling over {self.periods} periods" if isinstance(self.periods, int) else self.periods
        return periods if self.half_life is None else f"{periods}, half-life {self.half_life // timedelta(days=1)}d"

    def applied(self, split: SplitSpec) -> SplitSpec:
        """Return the split with this training window."""
        periods = {"configured": split.train_periods, "expanding": None}.get(str(self.periods), self.periods)
        return split.model_copy(update={"train_periods": periods, "half_life": self.half_life or split.half_life})


class DriftTrigger(Contract):
    """When the drift of features that matter is more than a reason to look."""

    minimum_importance: float = Field(
        default=0.05, ge=0.0, le=1.0, description="share of a feature in what the model explains; below, drift is told"
    )
    minimum_share: float = Field(
        default=0.0, ge=0.0, le=1.0, description="of what the model explains, that these features make up together"
    )
    consecutive_windows: int = Field(default=2, ge=1)
    action: Literal["investigate", "retrain"] = Field(
        default="investigate",
        description="on the flights inputs drift every month, and retraining for it earns nothing",
    )


class Budget(Contract):
    """What retraining may cost in a period; null is no limit."""

    period: PositiveDuration = Field(default=timedelta(days=90))
    retrainings: int | None = Field(default=None, ge=1, description="begun in the period, whatever came of them")
    compute: PositiveDuration | None = Field(default=None, description="that the retrainings of the period took")


class Rollout(Contract):
    """What a release goes through after its gates: shadow, canary, probation. 0s leaves a stage out."""

    shadow: Duration = Field(default=timedelta(0), description="answers beside the champion, to nobody")
    canary: Duration = Field(default=timedelta(0), description="answers a share of the requests")
    canary_share: float = Field(default=0.1, gt=0.0, lt=1.0)
    probation: PositiveDuration = Field(
        default=timedelta(days=28), description="as champion: rolled back when shown to be worse than the one before"
    )


class PolicySpec(Contract):
    """From a monitoring verdict to an action: nothing, investigate, retrain or roll back.

    Performance is judged by the loss against its value on the hold-out and against a constant prediction on the
    same rows; a limit counts as passed only when the whole interval lies beyond it.
    """

    maximum_loss_increase: float = Field(default=0.03, gt=0.0)
    minimum_value_per_1000: float = Field(default=0.0)
    maximum_share_beyond_promise: float = Field(
        default=0.05,
        gt=0.0,
        le=1.0,
        description="of a quantity: outcomes below the plan, above it or outside the interval, beyond the share that "
        "plan and interval stand for; of classes: how far the share of one may be from the predicted share",
    )
    consecutive_windows: int = Field(default=1, ge=1, description="mature windows in a row that must breach")
    cooldown: Duration = Field(description="after a retraining, before the next")
    minimum_new_labels: int = Field(default=2000, ge=1)
    maximum_age: PositiveDuration = Field(description="of the champion's training data before it is retrained anyway")
    drift: DriftTrigger = DriftTrigger()
    budget: Budget = Budget()
    blocked_rows: Literal["leave_out", "hold"] = Field(
        default="leave_out",
        description="rows of windows that failed data quality are left out, or nothing retrains that would learn from "
        "such rows",
    )
    training: TrainingWindow = TrainingWindow()
    refit: bool = Field(
        default=False, description="ship a model fitted on all rows labelled by as_of, once the gates have passed"
    )
    rollout: Rollout = Rollout()
    check_every: PositiveDuration | None = Field(
        default=None, description="how often the agent runs monitoring; null: once a monitoring window"
    )

    def longest_row(self) -> int:
        """Return how many windows in a row the policy looks at."""
        return max(self.consecutive_windows, self.drift.consecutive_windows if self.drift.action == "retrain" else 1)
