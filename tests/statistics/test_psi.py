import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.psi import population_stability_index

two_sides = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12).filter(
    lambda rows: sum(e for e, _ in rows) > 0 and sum(a for _, a in rows) > 0
)


def test_it_tends_to_the_textbook_value_as_the_smoothing_vanishes() -> None:
    textbook = (0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5)
    found = population_stability_index(np.array([50, 50]), np.array([25, 75]), smoothing=1e-9)
    assert found == pytest.approx(textbook, abs=1e-8)


def test_the_smoothing_is_as_defined() -> None:
    # Shares (1, 0) and (1/2, 1/2), their average (3/4, 1/4), two rows each and smoothing 2: (7/8, 1/8), (5/8, 3/8).
    expected = (5 / 8 - 7 / 8) * np.log(5 / 7) + (3 / 8 - 1 / 8) * np.log(3)
    assert population_stability_index(np.array([2, 0]), np.array([1, 1]), smoothing=2) == pytest.approx(expected)


@given(two_sides)
def test_it_is_never_negative_finite_and_the_same_in_both_directions(rows: list[tuple[int, int]]) -> None:
    expected, actual = np.array([e for e, _ in rows]), np.array([a for _, a in rows])
    found = population_stability_index(expected, actual)
    assert 0.0 <= found < np.inf
    assert found == pytest.approx(population_stability_index(actual, expected))


@given(two_sides, st.integers(1, 1000))
def test_equal_shares_are_0_whatever_the_number_of_rows(rows: list[tuple[int, int]], factor: int) -> None:
    counts = np.array([e for e, _ in rows])
    assert population_stability_index(counts, counts * factor) == pytest.approx(0.0, abs=1e-12)


def test_a_bin_that_is_empty_on_both_sides_changes_nothing() -> None:
    with_empty = population_stability_index(np.array([5, 0, 5]), np.array([2, 0, 8]))
    assert with_empty == population_stability_index(np.array([5, 5]), np.array([2, 8]))


@pytest.mark.parametrize("smoothing", [0.0, -1.0, np.nan, np.inf])
def test_a_smoothing_that_is_not_above_0_is_refused(smoothing: float) -> None:
    with pytest.raises(StatisticError, match=rf"smoothing: found {smoothing}; expected a number above 0"):
        population_stability_index(np.array([1]), np.array([1]), smoothing)


def test_an_empty_side_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"index, actual: found 0 rows in 2 bins; expected at least one row"):
        population_stability_index(np.array([1, 1]), np.array([0, 0]))


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"index, expected: 1 of 2 values below 0 \(rows 1\); expected counts"):
        population_stability_index(np.array([1, -1]), np.array([1, 1]))


def test_different_numbers_of_bins_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"found lengths expected 2, actual 3; expected equal lengths"):
        population_stability_index(np.array([1, 1]), np.array([1, 1, 1]))


def test_missing_counts_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"index, actual: 1 of 2 values not finite \(rows 0\)"):
        population_stability_index(np.array([1, 1]), np.array([np.nan, 1]))
