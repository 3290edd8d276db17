"""What the report says of how the service runs."""

from pydantic import AwareDatetime, Field, FiniteFloat

from model_lifecycle.contracts.base import Contract


class ServiceFigures(Contract):
    """What one replica's metrics tell of `/predict`, since it started."""

    requests: int
    error_share: FiniteFloat | None = Field(description="answered with a 5xx")
    latency_p50_seconds: FiniteFloat | None
    latency_p99_seconds: FiniteFloat | None
    log_available: FiniteFloat | None
    log_waiting: FiniteFloat | None
    log_lost: FiniteFloat | None
    events_lag_seconds: FiniteFloat | None
    release: str | None


class Operations(Contract):
    """How the service runs, and how old its model and its events are; without ``service``, ``reason`` says why."""

    service: ServiceFigures | None
    reason: str
    model_age_days: FiniteFloat | None = Field(description="since its training data ended")
    in_use_days: FiniteFloat | None
    newest_event: AwareDatetime | None
    event_age_hours: FiniteFloat | None = Field(description="of the newest event known by then")
    incomplete_history: FiniteFloat | None = Field(description="share of answers without the whole history")
