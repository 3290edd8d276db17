"""What makes a run: its moment, its seed, its threads."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from model_lifecycle.contracts.base import Contract


def _in_utc(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, datetime) and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"found {value!r}, expected an ISO 8601 time with its offset, such as '2013-07-01T00:00:00-04:00'")


Instant = Annotated[datetime, BeforeValidator(_in_utc)]


class RunSpec(Contract):
    """A run is a function of data, configuration, ``as_of`` and seed.

    It sees only decisions taken, and labels and events known, before ``as_of``.
    """

    as_of: Instant = Field(description="ISO 8601 with an offset")
    seed: int = Field(default=0, ge=0)
    threads: int = Field(default=2, ge=1, description="the same count gives the same bytes")
