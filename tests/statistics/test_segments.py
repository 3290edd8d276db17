import numpy as np
import pytest
from scipy import stats

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.groups import group_difference_interval
from model_lifecycle.statistics.segments import compare_segments


def _world(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    day, segment = np.repeat(np.arange(10), 100), rng.integers(0, 4, 1_000)
    return rng.standard_normal(10)[day] + rng.standard_normal(1_000), segment, day


def test_a_difference_is_that_of_the_segments_mean_from_the_mean_of_the_rest() -> None:
    values, segment, day = _world()
    found = compare_segments(values, segment, day, 4)
    assert found.difference[2] == pytest.approx(values[segment == 2].mean() - values[segment != 2].mean())
    assert found.rows.tolist() == np.bincount(segment).tolist()


def test_two_equal_halves_of_every_block_are_the_paired_t_test_of_the_blocks() -> None:
    rng = np.random.default_rng(3)
    values, segment, block = rng.standard_normal(40), np.tile([0, 1], 20), np.repeat(np.arange(10), 4)
    found = compare_segments(values, segment, block, 2)
    means = values.reshape(10, 2, 2).mean(axis=1)
    expected = stats.ttest_rel(means[:, 0], means[:, 1]).statistic
    assert found.difference[0] / found.error[0] == pytest.approx(expected)


def test_the_error_by_rows_is_that_of_welch() -> None:
    values, segment, day = _world()
    one, rest = values[segment == 3], values[segment != 3]
    expected = np.sqrt(one.var() / one.size + rest.var() / rest.size)
    assert compare_segments(values, segment, day, 4).row_error[3] == pytest.approx(expected)


def test_the_estimate_is_that_of_two_groups() -> None:
    values, segment, day = _world()
    one = group_difference_interval(values, segment == 1, day)
    assert compare_segments(values, segment, day, 4).difference[1] == pytest.approx(one.estimate)


def test_what_moves_all_segments_of_a_day_cancels() -> None:
    values, _, day = _world()
    quiet = compare_segments(values, np.tile(np.arange(4), 250), day, 4)
    moved = compare_segments(values + 100.0 * day, np.tile(np.arange(4), 250), day, 4)
    assert moved.error == pytest.approx(quiet.error, rel=1e-6)


def test_an_empty_segment_and_one_of_all_rows_differ_from_nothing() -> None:
    values, _, day = _world()
    found = compare_segments(values, np.zeros(1_000, dtype=np.int64), day, 2)
    assert found.difference.tolist() == [0.0, 0.0]
    assert found.error.tolist() == [0.0, 0.0]


def test_a_segment_out_of_range_is_refused() -> None:
    values, segment, day = _world()
    with pytest.raises(StatisticError, match="found 0 to 3; expected 0 to 2"):
        compare_segments(values, segment, day, 3)
