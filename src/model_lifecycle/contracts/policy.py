"""Monitoring and policy: which windows are judged, what counts as drift, and what is done about it."""

from pydantic import Field

from model_lifecycle.contracts.base import Contract, Duration, PositiveDuration


class DriftOverride(Contract):
    """How a feature's drift is judged otherwise than the others'."""

    ignore: bool = Field(default=False, description="it is not compared")
    floor_factor: float = Field(default=1.0, gt=0.0, description="its calibrated floors times this")
    minimum_effect: float = Field(default=0.0, ge=0.0, le=1.0, description="below which it never counts as drifted")


class MonitoringSpec(Contract):
    """How a window of live traffic is judged."""

    window: PositiveDuration
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
    maximum_missing_increase: float = Field(default=0.05, gt=0.0, le=1.0)
    maximum_unknown_share: float = Field(default=0.02, gt=0.0, le=1.0)
    maximum_out_of_range_share: float = Field(default=0.01, gt=0.0, le=1.0)


class PolicySpec(Contract):
    """From a monitoring verdict to an action: nothing, investigate, retrain or roll back.

    Performance is judged by the loss against its value on the hold-out and against a constant prediction on the
    same rows; a limit counts as passed only when the whole interval lies beyond it.
    """

    maximum_loss_increase: float = Field(default=0.03, gt=0.0)
    minimum_value_per_1000: float = Field(default=0.0)
    consecutive_windows: int = Field(default=1, ge=1, description="mature windows in a row that must breach")
    cooldown: Duration = Field(description="after a retraining, before the next")
    minimum_new_labels: int = Field(default=2000, ge=1)
    maximum_age: PositiveDuration = Field(description="of the champion's training data before it is retrained anyway")
