"""The back-test: which policies are tried on the history, from when to when."""

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from model_lifecycle.contracts.base import Contract, Duration, PositiveDuration
from model_lifecycle.contracts.policy import PolicySpec, TrainingWindow
from model_lifecycle.contracts.run import Instant

Trigger = Literal["never", "calendar", "performance", "value", "drift", "configured"]
Every = Literal["day", "week", "month", "quarter"]


class PolicyChanges(Contract):
    """What a policy that is tried sets otherwise than ``policy``; what is not named stays."""

    maximum_loss_increase: float | None = Field(default=None, gt=0.0)
    minimum_value_per_1000: FiniteFloat | None = None
    consecutive_windows: int | None = Field(default=None, ge=1)
    cooldown: Duration | None = None
    minimum_new_labels: int | None = Field(default=None, ge=1)
    maximum_age: PositiveDuration | None = None

    def applied(self, policy: PolicySpec) -> PolicySpec:
        """Return the policy with the changes made."""
        return policy.model_copy(update={name: value for name, value in self if value is not None})


class TriedPolicy(Contract):
    """One way to decide when to retrain, on which rows, and whether the gates have a say."""

    trigger: Trigger = Field(
        description="never; at every calendar period; when realised performance or value breaches its limit, or a "
        "feature drifts, as monitoring finds it; or as `policy` is configured, age and all"
    )
    every: Every | None = Field(default=None, description="with trigger calendar")
    limits: PolicyChanges = Field(default=PolicyChanges(), description="of `policy`, changed for this one")
    window: Literal["configured", "expanding"] | Annotated[int, Field(ge=1)] = Field(
        default="configured", description="trained on: as `split` says, everything, or so many periods of the split"
    )
    half_life: PositiveDuration | None = Field(
        default=None,
        description="a row so much older than the end of its training window counts half; null: as `split` says",
    )
    gated: bool = Field(default=True, description="false ships every challenger, whatever the gates say")
    refit: bool = Field(
        default=False,
        description="ship what is fitted anew on all rows labelled by then, the tested ones too, once the gates passed",
    )
    cost_per_retraining: float | None = Field(
        default=None, ge=0.0, description="in the value's unit, whether it is promoted or not; null: that of all"
    )

    def under(self, policy: PolicySpec) -> "TriedPolicy":
        """Return this one, with training window and refit of ``policy`` where it is tried as it is configured."""
        if self.trigger != "configured":
            return self
        changes = {
            "window": policy.training.periods if self.window == "configured" else self.window,
            "half_life": self.half_life or policy.training.half_life,
            "refit": self.refit or policy.refit,
        }
        return self.model_copy(update=changes)

    @property
    def training(self) -> TrainingWindow:
        """What a retraining learns from."""
        return TrainingWindow(periods=self.window, half_life=self.half_life)

    @model_validator(mode="after")
    def _calendar_has_a_period(self) -> Self:
        if (self.trigger == "calendar") != (self.every is not None):
            raise ValueError(
                f"found trigger {self.trigger!r} and every {self.every!r}, expected `every` with 'calendar' alone"
            )
        return self


class BacktestSpec(Contract):
    """The policies that are tried on the same decisions, each from the same first release on."""

    start: Instant | None = Field(
        default=None, description="when the first release goes live; null: as soon as there is enough to train one"
    )
    end: Instant | None = Field(default=None, description="of the decisions that count; null: all there are")
    present: str = Field(description="the policy that is in force today")
    cost_per_retraining: float = Field(default=0.0, ge=0.0, description="in the value's unit")
    training_rows: int | None = Field(
        default=None, ge=100, description="train on every n-th row, so many at the most: the fast variant; null: all"
    )
    policies: dict[str, TriedPolicy | None] = Field(description="null takes one of a lower layer out")

    @model_validator(mode="after")
    def _has_what_others_are_held_against(self) -> Self:
        named = self.tried()
        if self.present not in named:
            raise ValueError(f"present {self.present!r}, expected one of the policies {sorted(named)}")
        if len(named) < 2 or not any(one.trigger == "never" for one in named.values()):
            raise ValueError(f"policies {sorted(named)}, expected at least two, one of them with trigger 'never'")
        return self

    def tried(self) -> dict[str, TriedPolicy]:
        """Return the policies that are tried, in their order."""
        return {name: found for name, found in self.policies.items() if found is not None}

    def never(self) -> str:
        """Return the name of the first policy that never retrains."""
        return next(name for name, found in self.tried().items() if found.trigger == "never")

    def cost(self, name: str) -> float:
        """Return what a retraining costs under a policy."""
        own = self.tried()[name].cost_per_retraining
        return self.cost_per_retraining if own is None else own
