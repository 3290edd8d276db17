import numpy as np
import pytest

from model_lifecycle.monitoring.units import unit_change

BEFORE = np.random.default_rng(0).normal(70.0, 8.0, 1000)
AFTER = np.random.default_rng(1).normal(72.0, 8.0, 1000)


@pytest.mark.parametrize(
    ("convert", "conversion"),
    [
        (lambda values: (values - 32) / 1.8, "degrees Fahrenheit to Celsius"),
        (lambda values: values * 1.8 + 32, "degrees Celsius to Fahrenheit"),
        (lambda values: values + 273.15, "degrees Celsius to kelvin"),
        (lambda values: values * 25.4, "inches to millimetres"),
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
