from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.coverage import choose
from model_lifecycle.statistics.dependence import effective_blocks, serial_dependence
from model_lifecycle.statistics.discrimination import auc_contributions, roc_auc
from model_lifecycle.statistics.intervals import (
    Interval,
    clustered_mean_interval,
    leave_one_out,
    paired_difference_interval,
)

rows_in_blocks = st.lists(st.tuples(st.integers(0, 4), st.floats(-100, 100)), min_size=2, max_size=40).filter(
    lambda rows: len({block for block, _ in rows}) > 1
)


def mean(values: np.ndarray) -> float:
    return float(np.mean(values))


def test_equal_blocks_give_the_t_interval_of_the_block_means() -> None:
    values = np.random.default_rng(0).normal(size=(5, 40))
    found = clustered_mean_interval(values.ravel(), np.repeat(np.arange(5), 40), level=0.9, autocorrelation=0.0)
    expected = ttest_1samp(values.mean(axis=1), 0.0).confidence_interval(0.9)
    assert (found.lower, found.upper) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert (found.level, found.n_blocks) == (0.9, 5)


@settings(deadline=None)  # the first of a length simulates its worlds
@given(rows_in_blocks)
def test_the_interval_of_a_mean_is_its_jackknife(rows: list[tuple[int, float]]) -> None:
    block, values = np.array([b for b, _ in rows]), np.array([v for _, v in rows])
    fast, slow = clustered_mean_interval(values, block), leave_one_out(mean, block, values).interval()
    assert (fast.lower, fast.upper) == pytest.approx((slow.lower, slow.upper), abs=1e-6)
    assert fast.estimate == pytest.approx(slow.estimate)


@settings(deadline=None)  # the first of a length simulates its worlds
@given(rows_in_blocks, st.floats(-50, 50))
def test_an_interval_moves_with_its_values(rows: list[tuple[int, float]], shift: float) -> None:
    block, values = np.array([b for b, _ in rows]), np.array([v for _, v in rows])
    here, there = clustered_mean_interval(values, block), clustered_mean_interval(values + shift, block)
    assert (there.lower - shift, there.upper - shift) == pytest.approx((here.lower, here.upper), abs=1e-6)


def test_unequal_blocks_have_fewer_degrees_of_freedom_and_a_wider_interval() -> None:
    values = np.array([1.0, 1.0, 1.0, 1.0, 4.0, 7.0])
    found = clustered_mean_interval(values, np.array([0, 0, 0, 0, 1, 2]), autocorrelation=0.0)
    # Means without each block: 11/2, 11/5 and 8/5 around 5/2; (4 + 1 + 1)^2 / (16 + 1 + 1) = 2 effective blocks.
    error = np.sqrt(2 / 3 * (3.0**2 + 0.3**2 + 0.9**2))
    assert found.upper - found.estimate == pytest.approx(t.ppf(0.975, df=1) * error)


def test_one_block_with_nearly_all_rows_keeps_one_degree_of_freedom() -> None:
    values = np.array([1.0, 2.0, 1.0, 2.0, 4.0])
    found = clustered_mean_interval(values, np.array([0, 0, 0, 0, 1]), autocorrelation=0.0)
    error = np.sqrt(1 / 2 * (2.0**2 + 0.5**2))
    assert found.upper - found.estimate == pytest.approx(t.ppf(0.975, df=1) * error)


def test_pairing_removes_what_both_models_share() -> None:
    rng = np.random.default_rng(2)
    block = np.repeat(np.arange(30), 40)
    hard_days = rng.normal(size=30)[block]
    a = hard_days + rng.normal(scale=0.1, size=1200)
    b = hard_days + rng.normal(scale=0.1, size=1200) + 0.05
    paired, alone = paired_difference_interval(a, b, block), clustered_mean_interval(a, block)
    assert paired.upper < 0.0
    assert paired.upper - paired.lower < (alone.upper - alone.lower) / 20


def test_swapping_the_pair_mirrors_the_interval() -> None:
    a, b, block = np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 2.0, 1.0, 2.0]), np.array([0, 0, 1, 1])
    one, other = paired_difference_interval(a, b, block), paired_difference_interval(b, a, block)
    assert (other.lower, other.upper) == pytest.approx((-one.upper, -one.lower))


def test_neighbours_that_depend_on_one_another_count_for_fewer() -> None:
    values = np.array([3.0, 1.0, 2.0, -1.0, 0.0, -2.0, -1.0, 1.0, -2.0, -1.0])
    found = clustered_mean_interval(values, np.arange(10), autocorrelation=0.5)
    worth = 10 * 0.5 / 1.5
    error = np.sqrt(values.var() / (1 - 1 / worth) / worth)
    assert found.n_effective == pytest.approx(worth)
    assert found.upper - found.estimate == pytest.approx(t.ppf(0.975, df=worth - 1) * error)


def test_the_method_is_chosen_by_its_coverage_at_the_dependence_of_the_blocks_themselves() -> None:
    values = np.array([3.0, 1.0, 2.0, -1.0, 0.0, -2.0, -1.0, 1.0, -2.0, -1.0])
    found, dependence = clustered_mean_interval(values, np.arange(10)), serial_dependence(values)
    choice = choose(10, dependence, 0.95)
    half = choice.method.half_widths(values[np.newaxis] - values.mean(), 0.95, 10.0)[0]
    assert (found.method, found.coverage) == (choice.method.name, choice.coverage)
    assert found.upper - found.estimate == pytest.approx(half)
    assert found.n_effective == pytest.approx(effective_blocks(10, dependence))


def test_a_given_dependence_is_not_simulated() -> None:
    found = clustered_mean_interval(np.arange(6.0), np.arange(6), autocorrelation=0.0)
    assert (found.method, found.coverage) == ("given autocorrelation 0", None)


def test_blocks_that_are_all_alike_have_an_interval_without_width() -> None:
    found = clustered_mean_interval(np.full(30, 0.25), np.arange(30))
    assert (found.lower, found.estimate, found.upper) == (0.25, 0.25, 0.25)


def test_no_interval_is_wider_than_the_level_asks_for() -> None:
    values, block = np.random.default_rng(5).normal(size=60), np.arange(60)
    narrow, wide = (clustered_mean_interval(values, block, level) for level in (0.8, 0.99))
    assert wide.lower < narrow.lower < narrow.upper < wide.upper


def test_the_interval_of_an_area_by_contributions_is_nearly_its_jackknife() -> None:
    rng = np.random.default_rng(4)
    block, score = np.repeat(np.arange(30), 50), rng.normal(size=1_500)
    target = rng.normal(size=1_500) < score + 0.5 * rng.normal(size=30)[block] - 0.8
    fast = clustered_mean_interval(auc_contributions(target, score), block, autocorrelation=0.0)
    slow = leave_one_out(roc_auc, block, target, score).interval(autocorrelation=0.0)
    assert fast.estimate == pytest.approx(slow.estimate, abs=1e-12)
    assert fast.upper - fast.lower == pytest.approx(slow.upper - slow.lower, rel=0.02)


def test_the_jackknife_says_without_which_block_the_statistic_is_undefined() -> None:
    target, score, weeks = np.array([0, 0, 1, 0]), np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 1, 1])
    with pytest.raises(
        StatisticError,
        match=r"without block 1 \(2 of 4 rows\): roc_auc, target: found 0 positives in 2 rows; expected both classes",
    ) as caught:
        leave_one_out(roc_auc, weeks, target, score)
    assert isinstance(caught.value.__cause__, StatisticError)


def test_a_statistic_that_is_not_finite_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"leave_one_out, all rows: found nan; expected a finite statistic"):
        leave_one_out(lambda _: np.nan, np.array([0, 1]), np.array([1.0, 2.0]))


ON_MEANS = [clustered_mean_interval, lambda values, block: leave_one_out(mean, block, values).interval()]


@pytest.mark.parametrize("interval", ON_MEANS)
def test_one_block_has_no_interval(interval: Callable[..., Interval]) -> None:
    with pytest.raises(StatisticError, match=r"block: found 1 block of 3 rows; expected at least 2 blocks"):
        interval(np.ones(3), np.zeros(3))


@pytest.mark.parametrize("interval", ON_MEANS)
def test_different_lengths_are_refused(interval: Callable[..., Interval]) -> None:
    with pytest.raises(StatisticError, match=r"found lengths .*; expected equal lengths"):
        interval(np.ones(3), np.array([0, 1]))


def test_a_missing_loss_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"paired_difference_interval, b: 1 of 2 values not finite \(rows 1\)"):
        paired_difference_interval(np.ones(2), np.array([1.0, np.nan]), np.array([0, 1]))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_outside_0_and_1_is_refused(level: float) -> None:
    with pytest.raises(StatisticError, match=rf"interval, level: found {level}; expected a number strictly between"):
        clustered_mean_interval(np.ones(2), np.array([0, 1]), level=level)
