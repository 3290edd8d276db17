"""Changes of unit in the real weather of a year, week by week as monitoring sees it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.monitoring.units import overnight_change, unit_change

JUMPS = {"temp": 0.72, "dewp": 0.68}  # what neighbouring windows of the reference reach
WEEK = 168
Weather = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def weather(raw: Mapping[str, pd.DataFrame]) -> Weather:
    """Degrees, an airport a row, an hour a column."""
    hours = {name: raw["weather"].pivot_table(index="origin", columns="time_hour", values=name) for name in JUMPS}
    return {name: table.interpolate(axis=1).to_numpy() for name, table in hours.items()}


def told(weather: Weather) -> list[int]:
    """Return the weeks in which a change is told; the week before is the last in which none was."""
    found: list[int] = []
    before: Weather = {}
    for number in range(weather["temp"].shape[1] // WEEK):
        week = {name: hours[:, number * WEEK : (number + 1) * WEEK].T.ravel() for name, hours in weather.items()}
        if any(
            unit_change(before[name], week[name], JUMPS[name]) or overnight_change(before[name], week[name])
            for name in before
        ):
            found.append(number)
        else:
            before = week
    return found


def test_no_week_of_a_year_looks_as_if_its_unit_had_changed(weather: Weather) -> None:
    assert told(weather) == []


def test_a_feed_that_turns_to_celsius_for_one_to_two_weeks_is_mostly_told_within_two(weather: Weather) -> None:
    """21 of 24 were; those that are missed lie in winter, when the jump is no larger than those of the weather."""
    random, seen, tries = np.random.default_rng(2), 0, 24
    for _ in range(tries):
        start = int(random.uniform(300, 7_600))
        end = start + int(random.uniform(WEEK, 2 * WEEK))
        first = max(start // WEEK - 2, 0)
        around = slice(first * WEEK, (end // WEEK + 1) * WEEK)
        hours = {name: values.copy() for name, values in weather.items()}
        for values in hours.values():
            values[:, start:end] = (values[:, start:end] - 32.0) / 1.8
        found = told({name: values[:, around] for name, values in hours.items()})
        seen += any(start // WEEK <= first + number <= start // WEEK + 1 for number in found)
    assert seen >= 18
