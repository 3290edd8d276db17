"""The base of all contracts, and the kinds of value they share: durations and time zones."""

import re
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SECOND = timedelta(seconds=1)
_LONGEST = timedelta(days=36_525)  # a century: far below what microseconds in 64 bits can hold


class Contract(BaseModel):
    """A frozen model that refuses fields it does not know, and numbers that are not finite (JSON has none).

    Texts are kept as they are: a category may begin or end with a blank.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def parse_duration(value: object) -> timedelta:
    """Read a duration such as ``30min``, ``2h``, ``28d`` or ``1w``.

    Parameters
    ----------
    value : str or timedelta
        A whole number and one of the units s, min, h, d, w; whole seconds, 0 to a century.

    Raises
    ------
    ValueError
        If it is not of that form or out of that range.

    Examples
    --------
    >>> parse_duration("28d")
    datetime.timedelta(days=28)
    """
    if isinstance(value, timedelta):
        duration = value
    else:
        match = re.fullmatch(r"(\d{1,18})\s*(s|min|h|d|w)", value) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f"found {value!r}, expected a duration such as '30min', '2h', '28d' or '1w'")
        try:
            duration = timedelta(**{_UNITS[match[2]]: int(match[1])})
        except OverflowError:
            duration = timedelta.max
    if not timedelta(0) <= duration <= _LONGEST or duration % _SECOND:
        raise ValueError(f"found {value!r}, expected whole seconds from 0 to {_LONGEST.days}d")
    return duration


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError(f"found {value}, expected a duration above zero")
    return value


def format_duration(value: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, in seconds.

    Examples
    --------
    >>> format_duration(timedelta(hours=2))
    '7200s'
    """
    return f"{value // _SECOND}s"


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (LookupError, ValueError, OSError) as error:
        raise ValueError(f"found {value!r}, expected an IANA time zone such as 'America/New_York'") from error
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
NonNegativeDuration = Annotated[Duration, Field(ge=timedelta(0))]
Words = Annotated[str, StringConstraints(strip_whitespace=True)]
"""What a person writes, without blanks around it."""
TimeZone = Annotated[str, AfterValidator(_known_zone)]
