import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.benjamini_hochberg import benjamini_hochberg

p_values = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30).map(np.array)


@given(p_values)
def test_it_equals_scipy(values: np.ndarray) -> None:
    assert benjamini_hochberg(values) == pytest.approx(false_discovery_control(values), abs=1e-12)


@given(p_values)
def test_adjusting_never_lowers_a_p_value_nor_changes_the_order(values: np.ndarray) -> None:
    adjusted = benjamini_hochberg(values)
    assert np.all(adjusted >= values - 1e-15)
    assert np.all(np.diff(adjusted[np.argsort(values)]) >= 0)


def test_twenty_stationary_columns_seldom_alarm() -> None:
    rng = np.random.default_rng(0)
    windows = rng.random((2000, 20))
    uncorrected = np.mean([(window < 0.05).any() for window in windows])
    corrected = np.mean([(benjamini_hochberg(window) < 0.05).any() for window in windows])
    assert uncorrected > 0.6
    assert corrected == pytest.approx(0.05, abs=0.015)


def test_a_missing_p_value_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"benjamini_hochberg, p_values: 1 of 2 values not finite \(rows 1\)"):
        benjamini_hochberg(np.array([0.1, np.nan]))


def test_a_p_value_above_1_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"p_values: 1 of 1 values outside \[0, 1\] \(rows 0\)"):
        benjamini_hochberg(np.array([1.5]))


def test_no_p_values_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"p_values: found shape \(0,\); expected one dimension and at least one"):
        benjamini_hochberg(np.array([]))
