"""The order of time: when events, labels and decisions of a stretch of time come about. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from model_lifecycle.errors import ConfigurationError

TICK = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Tick:
    """What a span of simulated time brings, as positions in tables that are sorted by their own times.

    At ``end`` everything that became known before it is told first; then the decisions of the span are asked for,
    each by its own decision time. So a prediction sees all that was known at its decision.
    """

    end: datetime
    events: slice
    labels: slice
    decisions: slice


def stretch(start: datetime, time_zone: str, days: int | None, months: int = 1) -> tuple[datetime, datetime]:
    """Return a stretch of whole days, or of calendar months, on the clock of a time zone, in UTC.

    Examples
    --------
    >>> start, end = stretch(datetime.fromisoformat("2013-07-01T04:00:00+00:00"), "America/New_York", None)
    >>> end.isoformat()
    '2013-08-01T04:00:00+00:00'
    """
    if days is not None and days < 1:
        raise ConfigurationError(f"--days: found {days}, expected 1 or more")
    step = pd.DateOffset(months=months) if days is None else pd.DateOffset(days=days)
    begin = pd.Timestamp(start).tz_convert(time_zone)
    return begin.tz_convert("UTC").to_pydatetime(), (begin + step).tz_convert("UTC").to_pydatetime()


def window_ends(start: datetime, end: datetime, width: timedelta) -> tuple[datetime, ...]:
    """Return the ends of the whole windows in a stretch; a stretch shorter than a window is judged once, at its end.

    Examples
    --------
    >>> [day.day for day in window_ends(datetime(2024, 5, 1), datetime(2024, 5, 20), timedelta(days=7))]
    [8, 15]
    """
    whole = (end - start) // width
    return tuple(start + width * number for number in range(1, whole + 1)) or (end,)


def ticks(
    start: datetime, end: datetime, known_at: pd.Series, label_time: pd.Series, decision_time: pd.Series
) -> Iterator[Tick]:
    """Yield the ticks of a stretch of time, the last one shorter when it does not come out even.

    Parameters
    ----------
    start, end : datetime
        With their zones.
    known_at, label_time, decision_time : Series
        Times in UTC, each sorted; what lies before ``start`` or at or after ``end`` is in no tick.
    """
    edges = [start]
    while edges[-1] < end:
        edges.append(min(edges[-1] + TICK, end))
    places = [_places(times, edges) for times in (known_at, label_time, decision_time)]
    for number, edge in enumerate(edges[1:]):
        events, labels, decisions = (slice(int(place[number]), int(place[number + 1])) for place in places)
        yield Tick(edge, events, labels, decisions)


def _places(times: pd.Series, edges: list[datetime]) -> np.ndarray:
    wanted = pd.DatetimeIndex(edges).tz_convert("UTC").tz_localize(None).to_numpy(dtype="datetime64[us]")
    found = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return np.searchsorted(found, wanted, side="left")
