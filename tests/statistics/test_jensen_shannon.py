import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.jensen_shannon import jensen_shannon_distances

counts = st.lists(st.integers(0, 100), min_size=4, max_size=4).filter(any).map(np.array)


def distance(expected: np.ndarray, actual: np.ndarray) -> float:
    return float(jensen_shannon_distances(expected[np.newaxis], actual[np.newaxis])[0])


@given(counts, counts)
def test_it_equals_scipy(expected: np.ndarray, actual: np.ndarray) -> None:
    reference = np.nan_to_num(jensenshannon(expected, actual, base=2))  # scipy's is the root of -1e-17 when equal
    assert distance(expected, actual) == pytest.approx(reference, abs=1e-7)


@given(counts, counts, counts)
def test_it_is_a_metric(one: np.ndarray, two: np.ndarray, three: np.ndarray) -> None:
    assert distance(one, one) == pytest.approx(0.0, abs=1e-7)
    assert distance(one, two) == pytest.approx(distance(two, one), abs=1e-7)
    assert distance(one, three) <= distance(one, two) + distance(two, three) + 1e-7
    assert distance(one, two) <= 1.0


@given(st.lists(st.tuples(counts, counts), min_size=2, max_size=5))
def test_each_pair_is_judged_by_itself(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    expected, actual = (np.array(side) for side in zip(*pairs, strict=True))
    assert jensen_shannon_distances(expected, actual).tolist() == [distance(*pair) for pair in pairs]


@pytest.mark.parametrize("sides", [([[1, 1], [0, 0]], [[1, 1], [1, 1]]), ([[1, 1], [1, 1]], [[1, 1], [0, 0]])])
def test_an_empty_side_of_a_pair_is_refused(sides: tuple[list[list[int]], list[list[int]]]) -> None:
    with pytest.raises(
        StatisticError, match=r"found shapes \(2, 2\) and \(2, 2\); expected the same and a row on each"
    ):
        jensen_shannon_distances(*map(np.array, sides))


def test_different_numbers_of_bins_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"found shapes \(1, 1\) and \(1, 2\); expected the same"):
        jensen_shannon_distances(np.array([[1]]), np.array([[1, 1]]))
