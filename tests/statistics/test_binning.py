import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.binning import counts_by_category, counts_in_bins, quantile_edges, top_categories

numbers = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=60).map(np.array)
steps = st.lists(st.integers(-3, 3), min_size=1, max_size=60).map(lambda values: np.array(values, dtype=float))
texts = st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=1, max_size=60).map(
    lambda values: np.array(values, dtype=object)
)


@given(numbers | steps, st.integers(2, 12))
@example(np.array([np.finfo(np.float64).max]), 2)
def test_edges_ascend_and_every_row_is_counted_once(values: np.ndarray, bins: int) -> None:
    edges = quantile_edges(values, bins)
    counts = counts_in_bins(values, edges)
    assert np.all(np.diff(edges) > 0)
    assert np.isfinite(edges).all()
    assert edges.size <= 2 * bins + 2
    assert counts.size == edges.size + 2
    assert counts.sum() == values.size
    assert counts[-1] == np.isnan(values).sum()


def test_distinct_values_fill_the_bins_equally() -> None:
    values = np.random.default_rng(0).permutation(1000).astype(float)
    counts = counts_in_bins(values, quantile_edges(values, bins=10))
    assert counts[:-1] == pytest.approx([100] * 10, abs=1)


def test_a_few_whole_numbers_have_a_bin_each() -> None:
    values = np.repeat([0.0, 1.0, 2.0], 100)
    counts = counts_in_bins(values, quantile_edges(values, bins=10))
    assert counts[counts > 0].tolist() == [100, 100, 100]


def test_a_value_that_nearly_all_rows_have_gets_a_bin_of_its_own() -> None:
    values = np.concatenate((np.zeros(990), np.arange(1.0, 11.0)))
    edges = quantile_edges(values, bins=10)
    assert counts_in_bins(values, edges).tolist() == [0, 990, 10, 0]


def test_a_constant_column_still_tells_smaller_equal_and_larger_apart() -> None:
    edges = quantile_edges(np.full(5, 3.0))
    assert counts_in_bins(np.array([2.9, 3.0, 3.0, 3.1, np.nan]), edges).tolist() == [1, 2, 1, 1]


def test_a_column_of_missing_values_has_no_edges() -> None:
    edges = quantile_edges(np.array([np.nan, np.nan]))
    assert counts_in_bins(np.array([1.0, np.nan, np.nan]), edges).tolist() == [1, 2]


def test_an_edge_belongs_to_the_bin_above_it() -> None:
    assert counts_in_bins(np.array([4.9, 5.0]), np.array([5.0])).tolist() == [1, 1, 0]


@given(texts, st.integers(1, 5))
def test_every_category_row_is_counted_once(values: np.ndarray, count: int) -> None:
    categories = top_categories(values, count)
    counts = counts_by_category(values, categories)
    assert counts.sum() == values.size
    assert counts[-1] == sum(value is None for value in values)
    assert np.all(np.diff(counts[: len(categories)]) <= 0)
    assert len(categories) == count or counts[-2] == 0


def test_a_category_called_none_is_not_a_missing_value() -> None:
    values = np.array(["None", None], dtype=object)
    assert counts_by_category(values, ("None",)).tolist() == [1, 0, 1]


def test_new_categories_count_as_others() -> None:
    assert counts_by_category(np.array(["z", "a"], dtype=object), ("a", "b")).tolist() == [1, 0, 1, 0]


def test_a_category_that_is_not_text_is_refused() -> None:
    with pytest.raises(
        StatisticError, match=r"values: 2 of 3 values neither text nor None \(rows 1, 2\); expected text"
    ):
        top_categories(np.array(["a", np.nan, 3], dtype=object))


def test_a_category_asked_for_twice_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"categories: found \['a'\] twice; expected each once"):
        counts_by_category(np.array(["a"], dtype=object), ("a", "b", "a"))


def test_edges_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"edges: found \[2\.0, 1\.0\]; expected strictly ascending numbers"):
        counts_in_bins(np.array([1.0]), np.array([2.0, 1.0]))


def test_no_rows_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"quantile_edges, values: found float64 of shape \(0,\)"):
        quantile_edges(np.array([]))
    with pytest.raises(StatisticError, match=r"counts_in_bins, values: found float64 of shape \(0,\)"):
        counts_in_bins(np.array([]), np.array([1.0]))
    with pytest.raises(StatisticError, match=r"top_categories, values: found shape \(0,\)"):
        top_categories(np.array([], dtype=object))


def test_too_few_bins_or_categories_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"quantile_edges, bins: found 1; expected at least 2"):
        quantile_edges(np.array([1.0]), bins=1)
    with pytest.raises(StatisticError, match=r"top_categories, count: found 0; expected at least 1"):
        top_categories(np.array(["a"], dtype=object), count=0)
