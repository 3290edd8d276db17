"""The difference and the ratio of two groups' means, on days that both of them live through."""

import numpy as np
import pytest

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.coverage import autoregressions
from model_lifecycle.statistics.groups import group_difference_interval, group_ratio_interval
from model_lifecycle.statistics.intervals import leave_one_out

DAYS = 30


def _world(seed: int, rates: tuple[float, float], per_day: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what was done, who is in the first group, and the day; on some days more is done than on others."""
    draw = np.random.default_rng(seed)
    first = draw.uniform(size=DAYS * per_day) < 0.3
    block = np.repeat(np.arange(DAYS), per_day)
    shock = 0.08 * autoregressions(1, DAYS, 0.56, draw)[0][block]
    done = draw.uniform(size=first.size) < np.where(first, *rates) + shock
    return done.astype(float), first, block


def test_the_difference_is_that_of_the_means_and_its_interval_nearly_the_jackknifes() -> None:
    values, first, block = _world(1, (0.4, 0.3))

    def gap(done: np.ndarray, mine: np.ndarray) -> float:
        return float(done[mine].mean() - done[~mine].mean())

    found = group_difference_interval(values, first, block)
    other = leave_one_out(gap, block, values, first).interval()
    assert found.estimate == pytest.approx(gap(values, first), abs=1e-12)
    assert found.upper - found.lower == pytest.approx(other.upper - other.lower, rel=0.05)
    assert found.n_blocks == DAYS


def test_the_ratio_is_that_of_the_means_and_its_interval_symmetric_for_the_logarithm() -> None:
    values, first, block = _world(2, (0.4, 0.3))
    found = group_ratio_interval(values, first, block)
    assert found.estimate == pytest.approx(values[first].mean() / values[~first].mean(), abs=1e-12)
    assert found.lower * found.upper == pytest.approx(found.estimate**2)
    turned = group_ratio_interval(values, ~first, block)
    assert turned.lower == pytest.approx(1 / found.upper, rel=0.02)


def test_intervals_hold_the_true_gap_as_often_as_they_say_since_what_moves_both_groups_cancels() -> None:
    held = {"difference": 0, "ratio": 0}
    for seed in range(200):
        values, first, block = _world(seed, (0.35, 0.35))
        gap, ratio = group_difference_interval(values, first, block), group_ratio_interval(values, first, block)
        held["difference"] += gap.lower <= 0.0 <= gap.upper
        held["ratio"] += ratio.lower <= 1.0 <= ratio.upper
    assert all(185 <= count <= 199 for count in held.values()), held


def test_a_group_without_rows_or_a_ratio_to_nothing_is_refused() -> None:
    values, block = np.array([1.0, 0.0, 0.0, 0.0]), np.array([0, 1, 0, 1])
    with pytest.raises(StatisticError, match=r"group_difference_interval: found 0 and 4 rows; expected both groups"):
        group_difference_interval(values, np.zeros(4, dtype=bool), block)
    with pytest.raises(StatisticError, match=r"group_ratio_interval: found means of 0\.5 and 0; expected both above 0"):
        group_ratio_interval(values, np.array([True, True, False, False]), block)
    with pytest.raises(StatisticError, match=r"values: 1 of 4 values below 0 \(rows 0\); expected at least 0"):
        group_ratio_interval(-values, np.array([True, True, False, False]), block)
