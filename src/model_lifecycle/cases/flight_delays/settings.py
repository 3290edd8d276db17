"""The settings of the flights case."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from model_lifecycle.contracts.base import Contract, Duration, PositiveDuration, TimeZone


class FlightSettings(Contract):
    """What the flights case assumes; every figure can be changed in its configuration."""

    late_minutes: int = Field(
        default=15, ge=0, description="a flight is late when it arrives more minutes after schedule"
    )
    early_minutes: int = Field(
        default=10, ge=0, description="a flight is early when it arrives more minutes before schedule"
    )
    decision_lead: PositiveDuration = timedelta(hours=2)
    weather: Literal["observation", "forecast_proxy"] = Field(
        default="observation",
        description="'forecast_proxy' takes the weather of the scheduled hour, which is not known yet at the decision",
    )
    weather_publication_lag: Duration = timedelta(minutes=10)
    weather_maximum_age: PositiveDuration = timedelta(hours=6)
    maximum_wind_speed: float = Field(default=150.0, gt=0, description="mph; a higher reading is a broken sensor")
    cancelled_known_after: Duration = Field(
        default=timedelta(0), description="after the scheduled departure, when a cancellation counts as known"
    )
    diverted_known_after: Duration = Field(
        default=timedelta(hours=2), description="after the scheduled arrival, when a diversion counts as known"
    )
    home_time_zone: TimeZone = "America/New_York"
    airport_time_zones: dict[str, TimeZone] = Field(
        default_factory=dict, description="time zones of destinations that the airports table does not list"
    )
