from itertools import pairwise

import numpy as np
import pytest

from model_lifecycle.monitoring.units import overnight_change, unit_change

BEFORE = np.random.default_rng(0).normal(70.0, 8.0, 1000)
AFTER = np.random.default_rng(1).normal(72.0, 8.0, 1000)


@pytest.mark.parametrize(
    ("convert", "conversion"),
    [
        (lambda values: (values - 32) / 1.8, "degrees Fahrenheit to Celsius"),
        (lambda values: values * 1.8 + 32, "degrees Celsius to Fahrenheit"),
        (lambda values: values + 273.15, "degrees Celsius to kelvin"),
        (lambda values: values * 25.4, "inches to millimetres"),
        (lambda values: values * 100, "a hundredfold: a share to percent, or an amount to cents"),
        (lambda values: values * 1000, "a thousandfold"),
        (lambda values: -values, "the sign turned"),
    ],
)
def test_a_conversion_is_named(convert: object, conversion: str) -> None:
    found = unit_change(BEFORE, convert(AFTER), 0.3)  # type: ignore[operator]
    assert found is not None
    assert found.conversion == conversion


def test_a_conversion_in_the_middle_of_the_window_is_named() -> None:
    half = np.concatenate([AFTER[:400], (AFTER[400:] - 32) / 1.8])
    found = unit_change(BEFORE, half, 0.5)
    assert found is not None
    assert found.conversion == "degrees Fahrenheit to Celsius"


def test_the_same_unit_is_no_change() -> None:
    assert unit_change(BEFORE, AFTER, 0.3) is None


def test_a_shift_that_no_conversion_explains_is_no_change() -> None:
    assert unit_change(BEFORE, np.where(AFTER > 72.0, AFTER + 200, AFTER - 200), 0.3) is None


def test_a_distance_that_neighbouring_windows_reach_is_no_change() -> None:
    assert unit_change(BEFORE, AFTER * 1.609344, 1.0) is None


def test_too_few_values_say_nothing() -> None:
    assert unit_change(BEFORE, AFTER[:49] * 1000, 0.3) is None


def weather(seed: int, weeks: int) -> list[np.ndarray]:
    """Return the degrees of so many weeks, hour by hour: days, fronts, and autumn."""
    random, hours = np.random.default_rng(seed), np.arange(weeks * 168)
    fronts = np.repeat(np.convolve(random.normal(0.0, 3.0, weeks * 7 + 4), np.ones(5) / 2.2, "valid"), 24)
    degrees = 70.0 - hours / 120.0 + fronts[: hours.size] + 6.0 * np.sin(2 * np.pi * hours / 24.0)
    return np.split(np.repeat(degrees + random.normal(0.0, 1.0, hours.size), 4), weeks)


def celsius(degrees: np.ndarray) -> np.ndarray:
    return (degrees - 32.0) / 1.8


@pytest.mark.parametrize("seed", range(5))
def test_a_jump_overnight_is_found_where_two_weeks_are_too_unlike_for_a_conversion(seed: int) -> None:
    before, week, after = weather(seed, 3)
    late = np.concatenate([week[:480], celsius(week[480:])])  # its last two days
    for values in (late, celsius(after)):
        found = overnight_change(before, values)
        assert found is not None
        assert found.conversion in ("degrees Fahrenheit to Celsius", "feet to metres")  # at 65 degrees the two are near


@pytest.mark.parametrize("seed", range(5))
def test_weather_that_changes_does_not_jump(seed: int) -> None:
    weeks = weather(seed, 20)
    assert not any(overnight_change(before, values) for before, values in pairwise(weeks))


def test_a_jump_that_is_over_after_a_day_or_that_nothing_explains_is_no_change() -> None:
    before, week = weather(0, 2)
    day = np.concatenate([week[:400], celsius(week[400:496]), week[496:]])
    assert overnight_change(before, day) is None
    assert overnight_change(before, week - 200.0) is None
    assert overnight_change(before[:300], celsius(week)) is None


@pytest.mark.parametrize("stuck_from", [400, 620])
@pytest.mark.parametrize("level", [11.6, 18.3, 1.0, 4.3])  # what conversions make of 65 and of its like
def test_a_sensor_that_got_stuck_has_not_changed_its_unit(level: float, stuck_from: int) -> None:
    before, week = weather(0, 2)
    stuck = np.concatenate([week[:stuck_from], np.full(week.size - stuck_from, level)])
    assert overnight_change(before, stuck) is None


@pytest.mark.parametrize(("low", "high", "told"), [(0.0, 10.0, False), (1.0, 9.0, False), (2.0, 2000.0, True)])
def test_a_level_that_rises_for_good_is_a_unit_only_where_a_conversion_gives_the_old_one(
    low: float, high: float, told: bool
) -> None:
    """A thousandth of anything is near a small level: a campaign that begins is no change of unit."""
    assert (overnight_change(np.full(700, low), np.full(700, high)) is not None) is told
