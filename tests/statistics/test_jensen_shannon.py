import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.jensen_shannon import jensen_shannon_distance

counts = st.lists(st.integers(0, 100), min_size=4, max_size=4).filter(any).map(np.array)


@given(counts, counts)
def test_it_equals_scipy(expected: np.ndarray, actual: np.ndarray) -> None:
    reference = np.nan_to_num(jensenshannon(expected, actual, base=2))  # scipy's is the root of -1e-17 when equal
    assert jensen_shannon_distance(expected, actual) == pytest.approx(reference, abs=1e-7)


@given(counts, counts, counts)
def test_it_is_a_metric(one: np.ndarray, two: np.ndarray, three: np.ndarray) -> None:
    distance = jensen_shannon_distance
    assert distance(one, one) == pytest.approx(0.0, abs=1e-7)
    assert distance(one, two) == pytest.approx(distance(two, one), abs=1e-7)
    assert distance(one, three) <= distance(one, two) + distance(two, three) + 1e-7
    assert distance(one, two) <= 1.0


def test_an_empty_side_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"jensen_shannon_distance, expected: found 0 rows in 2 bins"):
        jensen_shannon_distance(np.array([0, 0]), np.array([1, 1]))


def test_different_numbers_of_bins_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"jensen_shannon_distance: found lengths expected 1, actual 2"):
        jensen_shannon_distance(np.array([1]), np.array([1, 1]))


def test_missing_counts_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"jensen_shannon_distance, actual: 1 of 1 values not finite"):
        jensen_shannon_distance(np.array([1]), np.array([np.nan]))
