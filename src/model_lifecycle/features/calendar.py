"""Calendar parts of UTC instants as a clock on the wall shows them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from model_lifecycle.contracts.features import CalendarPart

_MICROSECOND = timedelta(microseconds=1)
_DAY = np.int64(86_400_000_000)
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


@lru_cache(maxsize=64)
def transitions(time_zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the instants at which the zone's offset changes, and the offset from each on, both in microseconds.

    Offsets are probed a day apart from 1970 to 2100 and each change is then bisected to the second.
    """
    zone = ZoneInfo(time_zone)
    starts, offsets = [_FIRST], [_offset(_FIRST, zone)]
    day = _FIRST
    while day < _LAST:
        following = day + timedelta(days=1)
        after = _offset(following, zone)
        if after != offsets[-1]:
            low, high = day, following
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                low, high = (low, middle) if _offset(middle, zone) == after else (middle, high)
            starts.append(high)
            offsets.append(after)
        day = following
    epoch = [(start - _FIRST) // _MICROSECOND for start in starts]
    return np.array(epoch, dtype=np.int64), np.array([offset // _MICROSECOND for offset in offsets], dtype=np.int64)


def local_microseconds(times: np.ndarray, time_zone: str) -> np.ndarray:
    """Return wall-clock time as microseconds since 1970-01-01 00:00 on that wall.

    Parameters
    ----------
    times : ndarray of datetime64[us], shape (n,)
        Instants in UTC; NaT is not allowed.
    time_zone : str
        IANA name. Offsets before 1970 and after 2100 are those of the nearest year.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    starts, offsets = transitions(time_zone)
    instants = times.astype("datetime64[us]").astype(np.int64)
    position = np.searchsorted(starts, instants, side="right") - 1
    return np.asarray(instants + offsets[np.maximum(position, 0)])


def calendar_parts(times: np.ndarray, time_zone: str, parts: Sequence[CalendarPart]) -> list[np.ndarray]:
    """Return calendar parts of each instant.

    Parameters
    ----------
    times : ndarray of datetime64[us], shape (n,)
        Instants in UTC; NaT gives NaN.
    time_zone : str
        IANA name.
    parts : sequence of {'minute_of_day', 'hour', 'day_of_week', 'day_of_month', 'month'}
        ``day_of_week`` counts from Monday = 0.

    Returns
    -------
    list of ndarray of float64, shape (n,)
        One a part.

    Examples
    --------
    >>> calendar_parts(np.array(["2013-03-10T07:30"], dtype="datetime64[us]"), "America/New_York", ["hour", "month"])
    [array([3.]), array([3.])]
    """
    missing = np.isnat(times)
    local = local_microseconds(np.where(missing, np.datetime64(0, "us"), times), time_zone)
    return [np.where(missing, np.nan, _part(local, part).astype(np.float64)) for part in parts]


def _part(local: np.ndarray, part: CalendarPart) -> np.ndarray:
    if part == "minute_of_day":
        return np.asarray((local % _DAY) // 60_000_000)
    if part == "hour":
        return np.asarray((local % _DAY) // 3_600_000_000)
    if part == "day_of_week":
        return np.asarray((local // _DAY + 3) % 7)
    wall = local.astype("datetime64[us]")
    month = wall.astype("datetime64[M]")
    if part == "month":
        return np.asarray(month.astype(np.int64) % 12 + 1)
    return np.asarray((wall.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64) + 1)
