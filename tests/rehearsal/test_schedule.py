"""The order of time: what is told and asked for when."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.errors import ConfigurationError
from model_lifecycle.rehearsal.schedule import TICK, stretch, ticks, window_ends

START = datetime(2013, 7, 1, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_minutes = st.lists(st.integers(-600, 2000), max_size=40).map(sorted)


def _times(minutes: list[int]) -> pd.Series:
    return pd.Series(pd.DatetimeIndex([START + MINUTE * minute for minute in minutes], dtype="datetime64[us, UTC]"))


@given(_minutes, _minutes, _minutes, st.integers(1, 1500))
def test_each_thing_inside_the_stretch_is_in_one_tick_and_none_outside(
    events: list[int], labels: list[int], decisions: list[int], length: int
) -> None:
    found = list(ticks(START, START + MINUTE * length, *map(_times, (events, labels, decisions))))
    for minutes, name in ((events, "events"), (labels, "labels"), (decisions, "decisions")):
        played = [minute for tick in found for minute in minutes[getattr(tick, name)]]
        assert played == [minute for minute in minutes if 0 <= minute < length]
    assert found[-1].end == START + MINUTE * length


@given(_minutes, _minutes)
def test_whatever_is_known_at_a_decision_is_told_before_or_with_its_tick(
    events: list[int], decisions: list[int]
) -> None:
    told: set[int] = {minute for minute in events if minute < 0}
    for tick in ticks(START, START + MINUTE * 1500, *map(_times, (events, [], decisions))):
        told |= set(events[tick.events])
        for decision in decisions[tick.decisions]:
            assert {minute for minute in events if minute <= decision} <= told
            assert START + MINUTE * decision < tick.end


def test_nothing_is_told_before_its_time() -> None:
    found = list(ticks(START, START + TICK * 4, *map(_times, ([29, 30, 31], [59, 60], [0, 119]))))
    assert [(tick.events, tick.labels, tick.decisions) for tick in found] == [
        (slice(0, 1), slice(0, 0), slice(0, 1)),
        (slice(1, 3), slice(0, 1), slice(1, 1)),
        (slice(3, 3), slice(1, 2), slice(1, 1)),
        (slice(3, 3), slice(2, 2), slice(1, 2)),
    ]


def test_a_month_is_one_of_the_calendar_over_a_change_of_the_clocks() -> None:
    start, end = stretch(datetime(2013, 11, 1, 4, tzinfo=UTC), "America/New_York", None)
    assert (start, end) == (datetime(2013, 11, 1, 4, tzinfo=UTC), datetime(2013, 12, 1, 5, tzinfo=UTC))


def test_days_are_whole_days() -> None:
    assert stretch(START, "America/New_York", 3)[1] == START + timedelta(days=3)


def test_no_days_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="--days: found 0, expected 1 or more"):
        stretch(START, "UTC", 0)


def test_windows_end_inside_the_month() -> None:
    ends = window_ends(START, START + timedelta(days=31), timedelta(days=7))
    assert [(end - START).days for end in ends] == [7, 14, 21, 28]


def test_a_stretch_shorter_than_a_window_is_judged_once_at_its_end() -> None:
    assert window_ends(START, START + timedelta(days=2), timedelta(days=7)) == (START + timedelta(days=2),)
