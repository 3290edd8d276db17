import numpy as np
import pytest

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.bootstrap import block_bootstrap
from model_lifecycle.statistics.discrimination import roc_auc
from model_lifecycle.statistics.intervals import clustered_mean_interval

WEEKS = np.repeat(np.arange(5), 60)


def mean(values: np.ndarray) -> float:
    return float(np.mean(values))


def test_the_bootstrap_of_a_mean_agrees_with_its_t_interval() -> None:
    values = np.random.default_rng(0).normal(size=300) + np.random.default_rng(1).normal(size=5)[WEEKS]
    drawn = block_bootstrap(mean, WEEKS, values, resamples=20_000, seed=5)
    exact = clustered_mean_interval(values, WEEKS)
    assert drawn.estimate == exact.estimate
    assert (drawn.lower, drawn.upper) == pytest.approx((exact.lower, exact.upper), rel=0.03)


def test_the_same_seed_gives_the_same_interval_and_another_one_does_not() -> None:
    values = np.random.default_rng(0).normal(size=300)
    first, again, other = (block_bootstrap(np.median, WEEKS, values, resamples=50, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_equal_draws_are_evaluated_once() -> None:
    calls = []

    def counted(values: np.ndarray) -> float:
        calls.append(values.size)
        return float(np.mean(values))

    block_bootstrap(counted, WEEKS, np.arange(300.0), resamples=5000)
    assert len(calls) <= 1 + 126  # all rows, and each way to draw five blocks of five


def test_whole_blocks_are_drawn_with_their_rows_in_step() -> None:
    a = np.arange(300.0)

    def all_in_step(left: np.ndarray, right: np.ndarray) -> float:
        assert np.array_equal(left * 2, right)
        assert set(np.unique(left, return_counts=True)[1]) <= {1, 2, 3, 4, 5}
        assert left.size == 300
        return 0.0

    assert block_bootstrap(all_in_step, WEEKS, a, a * 2, resamples=20).upper == 0.0


def test_a_draw_on_which_the_statistic_is_undefined_is_named() -> None:
    target = (WEEKS == 0).astype(float)
    target[:3] = 0.0
    with pytest.raises(StatisticError, match=r"block_bootstrap, blocks \[1, .*found 0 positives in 300 rows"):
        block_bootstrap(roc_auc, WEEKS, target, np.arange(300.0))


def test_one_block_or_one_resample_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"block: found 1 block of 3 rows; expected at least 2 blocks"):
        block_bootstrap(mean, np.zeros(3), np.ones(3))
    with pytest.raises(StatisticError, match=r"resamples: found 1; expected at least 2"):
        block_bootstrap(mean, WEEKS, np.ones(300), resamples=1)


def test_different_lengths_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"found lengths block 300, array 0 299; expected equal lengths"):
        block_bootstrap(mean, WEEKS, np.ones(299))


def test_a_level_given_in_per_cent_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"interval, level: found 95; expected a number strictly between 0 and 1"):
        block_bootstrap(mean, WEEKS, np.ones(300), level=95)
