"""The base of all contracts, and the window of time they share."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer

_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Contract(BaseModel):
    """A frozen model that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def parse_duration(value: object) -> timedelta:
    """Read a duration such as ``30min``, ``2h``, ``28d`` or ``1w``.

    Parameters
    ----------
    value : str or timedelta
        A whole number and one of the units s, min, h, d, w.

    Raises
    ------
    ValueError
        If the text is not of that form.

    Examples
    --------
    >>> parse_duration("28d")
    datetime.timedelta(days=28)
    """
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d+)\s*(s|min|h|d|w)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"found {value!r}, expected a duration such as '30min', '2h', '28d' or '1w'")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


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
    return f"{value // timedelta(seconds=1)}s"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
