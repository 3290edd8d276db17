"""Changes of unit in the real weather of a year, week by week as monitoring sees it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from model_lifecycle.monitoring.units import overnight_change, unit_change

JUMP = 0.72  # what neighbouring windows of the reference reach in `temp`
FAULTS = (
    (3_000, 1_500),
    (5_000, 1_800),
    (5_555, 2_000),
    (7_000, 1_300),
)  # hour, hours x 6


def told(hours: np.ndarray) -> list[int]:
    """Return the weeks in which a change is told; the week before is the last in which none was."""
    weeks = [hours[:, start : start + 168].T.ravel() for start in range(0, hours.shape[1] - 167, 168)]
    found, before = [], weeks[0]
    for number, week in enumerate(weeks[1:], start=1):
        if unit_change(before, week, JUMP) or overnight_change(before, week):
            found.append(number)
        else:
            before = week
    return found


def degrees(raw: Mapping[str, pd.DataFrame]) -> np.ndarray:
    weather = raw["weather"].pivot_table(index="origin", columns="time_hour", values="temp")
    return weather.interpolate(axis=1).to_numpy()


def test_no_week_of_a_year_looks_as_if_its_unit_had_changed(raw: Mapping[str, pd.DataFrame]) -> None:
    assert told(degrees(raw)) == []


def test_celsius_is_told_within_two_weeks_and_never_afterwards(raw: Mapping[str, pd.DataFrame]) -> None:
    for start, sixths in FAULTS:
        hours, end = degrees(raw).copy(), start + sixths // 6
        hours[:, start:end] = (hours[:, start:end] - 32.0) / 1.8
        found = told(hours)
        assert found[0] <= start // 168 + 1, (start, found)
        assert found[-1] <= end // 168, (end, found)
