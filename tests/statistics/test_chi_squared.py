import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.chi_squared import chi_squared

frequent = st.lists(st.integers(20, 200), min_size=5, max_size=5).map(np.array)
any_counts = st.lists(st.integers(0, 30), min_size=5, max_size=5).filter(any).map(np.array)


@given(frequent, frequent)
def test_it_equals_scipy_when_no_category_is_rare(expected: np.ndarray, actual: np.ndarray) -> None:
    found = chi_squared(expected, actual)
    reference = chi2_contingency(np.stack((expected, actual)), correction=False)
    if reference.expected_freq.min() >= 5:
        assert found.statistic == pytest.approx(reference.statistic, rel=1e-9, abs=1e-9)
        assert found.p_value == pytest.approx(reference.pvalue, abs=1e-9)


def test_rare_categories_are_put_together() -> None:
    found = chi_squared(np.array([500, 400, 4, 3, 4]), np.array([480, 420, 5, 5, 1]))
    reference = chi2_contingency(np.array([[500, 400, 11], [480, 420, 11]]), correction=False)
    assert (found.statistic, found.p_value) == pytest.approx((reference.statistic, reference.pvalue))


def test_a_rest_that_is_still_rare_joins_the_smallest_category() -> None:
    found = chi_squared(np.array([500, 400, 1]), np.array([480, 420, 2]))
    reference = chi2_contingency(np.array([[500, 401], [480, 422]]), correction=False)
    assert (found.statistic, found.p_value) == pytest.approx((reference.statistic, reference.pvalue))


def test_too_few_rows_say_nothing() -> None:
    found = chi_squared(np.array([3, 0]), np.array([0, 3]))
    assert (found.statistic, found.p_value, found.effect) == (0.0, 1.0, 1.0)


@given(any_counts, any_counts)
def test_figures_stay_in_range_with_rare_and_empty_categories(expected: np.ndarray, actual: np.ndarray) -> None:
    found, mirrored = chi_squared(expected, actual), chi_squared(actual, expected)
    assert found.statistic >= 0.0
    assert 0.0 <= found.p_value <= 1.0
    assert 0.0 <= found.effect <= 1.0 + 1e-12
    assert (mirrored.statistic, mirrored.effect) == pytest.approx((found.statistic, found.effect))


def test_the_effect_does_not_depend_on_the_number_of_rows() -> None:
    few, many = (chi_squared(np.array([50, 50]) * n, np.array([60, 40]) * n) for n in (1, 100))
    assert few.effect == pytest.approx(0.1)
    assert many.effect == pytest.approx(0.1)
    assert many.p_value < few.p_value


def test_an_empty_side_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"chi_squared, actual: found 0 rows in 1 bins; expected at least one row"):
        chi_squared(np.array([1]), np.array([0]))


def test_different_numbers_of_categories_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"chi_squared: found lengths expected 2, actual 1; expected equal"):
        chi_squared(np.array([1, 2]), np.array([1]))


def test_missing_counts_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"chi_squared, expected: 1 of 2 values not finite \(rows 1\)"):
        chi_squared(np.array([1, np.nan]), np.array([1, 1]))
