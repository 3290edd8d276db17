"""What makes a run: its moment, its seed, its threads."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field

from model_lifecycle.contracts.base import Contract


def _in_utc(value: object) -> object:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo is not None else value


Instant = Annotated[AwareDatetime, BeforeValidator(_in_utc)]


class RunSpec(Contract):
    """A run is a function of data, configuration, ``as_of`` and seed.

    It sees only decisions taken, and labels and events known, before ``as_of``.
    """

    as_of: Instant = Field(description="ISO 8601 with an offset")
    seed: int = Field(default=0, ge=0)
    threads: int = Field(default=2, ge=1, description="the same count gives the same bytes")
