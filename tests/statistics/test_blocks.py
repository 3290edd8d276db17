from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._blocked import equal_blocks
from model_lifecycle.statistics.blocks import DAY, WEEK, block_ids
from model_lifecycle.statistics.intervals import clustered_mean_interval


def hourly(days: int) -> np.ndarray:
    """Rows from 9 in the morning of the first day to 2 at night after the last."""
    start = np.datetime64("2024-02-01T09:00:00.000000")
    return start + np.arange(days * 24 - 7) * np.timedelta64(1, "h")


@pytest.mark.parametrize(("days", "blocks"), [(28, 4), (30, 4), (31, 4), (25, 4), (24, 3), (35, 5), (61, 9)])
def test_a_span_has_the_nearest_whole_number_of_weeks(days: int, blocks: int) -> None:
    assert np.unique(block_ids(hourly(days), WEEK)).tolist() == list(range(blocks))


def test_the_rest_of_a_month_is_shared_and_makes_no_stub() -> None:
    sizes = np.bincount(block_ids(hourly(31), WEEK))
    assert sizes.max() - sizes.min() <= 1


def test_a_span_shorter_than_a_block_and_a_half_is_one_block() -> None:
    assert block_ids(hourly(10), WEEK).tolist() == [0] * (10 * 24 - 7)


def test_a_single_row_is_one_block() -> None:
    assert block_ids(np.array(["2024-01-01"], dtype="datetime64[us]"), DAY).tolist() == [0]


def test_a_gap_leaves_its_number_out() -> None:
    days = np.datetime64("2024-01-01") + np.array([0, 1, 2, 27, 28]) * np.timedelta64(1, "D")
    assert block_ids(days, WEEK).tolist() == [0, 0, 0, 3, 3]


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=50), st.integers(1, 100))
def test_blocks_are_contiguous_in_time_and_two_thirds_as_wide_as_asked_at_least(offsets: list[int], hours: int) -> None:
    times = np.array(offsets, dtype="datetime64[us]")
    width = timedelta(hours=hours)
    number = block_ids(times, width)
    order = np.argsort(times)
    assert np.all(np.diff(number[order]) >= 0)
    assert number.min() == 0
    span = (times.max() - times.min()).astype(np.int64)
    assert number.max() == 0 or span / (number.max() + 1) >= 0.66 * width / timedelta(microseconds=1)


def test_a_month_has_a_block_for_each_day() -> None:
    assert np.unique(block_ids(hourly(30), DAY)).tolist() == list(range(30))


def test_unequal_blocks_count_for_fewer() -> None:
    assert equal_blocks(np.array([25, 25, 25, 25])) == 4.0
    assert equal_blocks(np.array([98, 2])) == pytest.approx(100**2 / (98**2 + 2**2))


def test_times_that_are_not_datetimes_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"block_ids, times: found int64 of shape \(2,\); expected datetime64"):
        block_ids(np.array([1, 2]), DAY)


def test_no_times_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"found datetime64\[us\] of shape \(0,\); expected .* at least one time"):
        block_ids(np.array([], dtype="datetime64[us]"), DAY)


def test_a_missing_time_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"block_ids, times: 1 of 2 values missing \(rows 1\); expected a time"):
        block_ids(np.array(["2024-01-01", "NaT"], dtype="datetime64[us]"), DAY)


def test_a_width_of_zero_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"block_ids, width: found 0:00:00; expected a duration above zero"):
        block_ids(hourly(1), timedelta(0))


def test_a_missing_block_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"clustered_mean_interval, block: 1 of 2 values missing \(rows 1\)"):
        clustered_mean_interval(np.ones(2), np.array([0.0, np.nan]))
