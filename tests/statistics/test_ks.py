from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, kstwo

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.ks import binned_kolmogorov_smirnov, kolmogorov_smirnov

samples = st.lists(st.integers(-5, 5), min_size=1, max_size=40).map(lambda values: np.array(values, dtype=float))


few = st.lists(st.integers(-3, 3), min_size=1, max_size=5).map(lambda values: np.array(values, dtype=float))


def ks_statistic(reference: np.ndarray, current: np.ndarray) -> float:
    """Return scipy's statistic; its asymptotic p-value divides by zero when both samples have one row."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(ks_2samp(reference, current, method="asymp").statistic)


@given(few, few)
def test_the_p_value_of_few_rows_is_the_share_of_orders_as_far_apart(
    reference: np.ndarray, current: np.ndarray
) -> None:
    found = kolmogorov_smirnov(reference, current)
    ranks = np.arange(float(reference.size + current.size))
    orders = [np.isin(ranks, chosen) for chosen in combinations(ranks, reference.size)]
    distances = [kolmogorov_smirnov(ranks[chosen], ranks[~chosen]).statistic for chosen in orders]
    assert found.p_value == pytest.approx(np.mean(np.array(distances) >= found.statistic - 1e-12), abs=1e-12)


@given(samples, samples)
def test_the_statistic_equals_that_of_scipy_with_ties(reference: np.ndarray, current: np.ndarray) -> None:
    found = kolmogorov_smirnov(reference, current)
    assert found.statistic == found.effect == pytest.approx(ks_statistic(reference, current), abs=1e-12)


@pytest.mark.parametrize(("rows", "shift"), [(1, 0.0), (20, 0.5), (50, 0.3), (100, 0.0), (100, 0.8)])
def test_few_rows_equal_the_exact_test_of_scipy(rows: int, shift: float) -> None:
    rng = np.random.default_rng(rows)
    reference, current = rng.normal(size=100), rng.normal(shift, size=rows)
    found = kolmogorov_smirnov(reference, current)
    expected = ks_2samp(reference, current, method="exact")
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue), abs=1e-9)


@pytest.mark.parametrize(("rows", "shift"), [(101, 0.0), (101, 0.4), (3000, 0.0), (3000, 0.05)])
def test_many_rows_equal_the_asymptotic_test_of_scipy_with_ties(rows: int, shift: float) -> None:
    rng = np.random.default_rng(rows)
    reference, current = rng.normal(size=1000).round(1), rng.normal(shift, size=rows).round(1)
    found = kolmogorov_smirnov(reference, current)
    expected = ks_2samp(reference, current, method="asymp")
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue), abs=1e-12)


def test_equal_distributions_reject_at_the_stated_rate() -> None:
    rng = np.random.default_rng(1)
    p_values = [kolmogorov_smirnov(rng.normal(size=400), rng.normal(size=300)).p_value for _ in range(1000)]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.045, abs=0.02)


def test_samples_apart_have_distance_1() -> None:
    found = kolmogorov_smirnov(np.arange(50.0), np.arange(100.0, 150.0))
    assert found.statistic == 1.0
    assert found.p_value < 1e-20


def test_samples_of_one_value_each_say_nothing() -> None:
    assert kolmogorov_smirnov(np.array([0.0]), np.array([1.0])).p_value == 1.0


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"kolmogorov_smirnov, current: found shape \(0,\)"):
        kolmogorov_smirnov(np.array([1.0]), np.array([]))


def test_missing_values_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"kolmogorov_smirnov, reference: 1 of 2 values not finite \(rows 1\)"):
        kolmogorov_smirnov(np.array([1.0, np.nan]), np.array([1.0]))


def test_binned_rows_are_at_most_as_far_apart_as_the_rows_themselves() -> None:
    random = np.random.default_rng(3)
    before, after = random.normal(size=400), random.normal(0.3, size=300)
    edges = np.linspace(-2, 2, 30)
    counts = [np.histogram(values, np.concatenate(([-np.inf], edges, [np.inf])))[0] for values in (before, after)]
    whole, binned = kolmogorov_smirnov(before, after), binned_kolmogorov_smirnov(counts[0], counts[1])
    assert whole.effect - 0.06 < binned.effect <= whole.effect
    assert binned.p_value >= whole.p_value


@pytest.mark.parametrize("share", [0.4895, 0.485, 0.475])
def test_the_expansion_for_many_rows_agrees_with_the_exact_sum(share: float) -> None:
    rows = 50_000
    before, after = np.array([rows // 2, rows // 2]), np.array([round(rows * share), rows - round(rows * share)])
    found = binned_kolmogorov_smirnov(before, after)
    assert 1e-30 < found.p_value < 0.025
    assert found.p_value == pytest.approx(kstwo.sf(found.effect, rows // 2), rel=1e-4)
