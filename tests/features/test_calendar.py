from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_lifecycle.contracts.features import CalendarPart
from model_lifecycle.features.calendar import calendar_parts, local_microseconds

# Half hours, quarter hours, both hemispheres, a skipped day (Apia 2011), seconds (Monrovia 1972), reversed saving.
ZONES = (
    "UTC", "America/New_York", "Europe/Berlin", "Europe/Dublin", "Asia/Kathmandu", "Australia/Lord_Howe",
    "America/Santiago", "Pacific/Apia", "Africa/Monrovia", "Africa/Casablanca", "America/St_Johns",
)  # fmt: skip
PARTS: tuple[CalendarPart, ...] = ("minute_of_day", "hour", "day_of_week", "day_of_month", "month")
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of the wall


def instants(moments: list[datetime]) -> np.ndarray:
    return np.array([moment.replace(tzinfo=None) for moment in moments], dtype="datetime64[us]")


def on_the_wall(moment: datetime, part: CalendarPart) -> float:
    return {
        "minute_of_day": moment.hour * 60 + moment.minute,
        "hour": moment.hour,
        "day_of_week": moment.weekday(),
        "day_of_month": moment.day,
        "month": moment.month,
    }[part]


@settings(deadline=None)
@given(
    st.sampled_from(ZONES),
    st.lists(st.datetimes(datetime(1970, 1, 2), datetime(2099, 12, 31), timezones=st.just(UTC)), min_size=1),  # noqa: DTZ001
)
def test_the_wall_clock_is_that_of_zoneinfo(zone: str, moments: list[datetime]) -> None:
    walls = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in moments]
    expected = [(wall - EPOCH) // timedelta(microseconds=1) for wall in walls]
    assert local_microseconds(instants(moments), zone).tolist() == expected
    for part in PARTS:
        assert calendar_parts(instants(moments), zone, [part])[0].tolist() == [
            on_the_wall(wall, part) for wall in walls
        ]


@pytest.mark.parametrize(
    ("instant", "hour", "minute"),
    [
        ("2013-03-10T06:59:59.999999", 1, 119),
        ("2013-03-10T07:00", 3, 180),  # 02:00 to 03:00 does not occur
        ("2013-11-03T05:30", 1, 90),
        ("2013-11-03T06:30", 1, 90),  # 01:30 occurs again
        ("2013-11-03T07:00", 2, 120),
    ],
)
def test_the_hours_of_daylight_saving_in_new_york(instant: str, hour: int, minute: int) -> None:
    times = np.array([instant], dtype="datetime64[us]")
    assert calendar_parts(times, "America/New_York", ["hour"])[0].tolist() == [hour]
    assert calendar_parts(times, "America/New_York", ["minute_of_day"])[0].tolist() == [minute]


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_time_has_no_parts(part: CalendarPart) -> None:
    times = np.array(["NaT", "2013-01-01T12:00"], dtype="datetime64[us]")
    assert np.isnan(calendar_parts(times, "UTC", [part])[0]).tolist() == [True, False]


@pytest.mark.parametrize("year", [1, 1900, 2150, 9999])
def test_far_years_keep_the_offset_of_the_nearest_known_one(year: int) -> None:
    times = np.array([f"{year:04}-01-15T12:00"], dtype="datetime64[us]")
    assert calendar_parts(times, "Asia/Tokyo", ["hour"])[0].tolist() == [21]
    assert calendar_parts(times, "America/New_York", ["hour"])[0].tolist() == [7]


def test_the_times_are_left_as_they_are() -> None:
    times = np.array(["NaT", "2013-01-01"], dtype="datetime64[us]")
    before = times.copy()
    calendar_parts(times, "America/New_York", ["hour"])[0]
    np.testing.assert_array_equal(times, before)
