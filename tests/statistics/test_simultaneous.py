"""Many sums over the same days, tested at once."""

import numpy as np
import pytest

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.coverage import autoregressions
from model_lifecycle.statistics.simultaneous import Series, simultaneous_tests

DAYS, PARTS = 30, 40


def _p_values(series: list[Series], seed: int = 0) -> np.ndarray:
    return simultaneous_tests(series, 0.95, 199, np.random.default_rng(seed)).p_values


@pytest.mark.parametrize("dependence", [0.0, 0.56])
def test_where_no_sum_differs_from_0_something_is_found_in_about_5_in_100_worlds(dependence: float) -> None:
    found = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        days = autoregressions(PARTS, DAYS, dependence, draw)
        overlapping = days[:-1] + days[1:]
        found += _p_values([Series(days), Series(overlapping, "above")], seed).min() <= 0.05
    assert found <= 18  # 5% of 200 are 10; more than 18 come once in a hundred times


def test_a_sum_that_differs_is_found_among_many_and_the_interval_says_so() -> None:
    draw = np.random.default_rng(4)
    days = draw.normal(size=(PARTS, DAYS))
    days[7] += 1.5
    found = simultaneous_tests([Series(days)], 0.95, 999, np.random.default_rng(1))
    assert np.flatnonzero(found.p_values <= 0.05).tolist() == [7]
    lower = found.sums - found.critical * found.standard_errors
    upper = found.sums + found.critical * found.standard_errors
    assert np.flatnonzero((lower > 0.0) | (upper < 0.0)).tolist() == [7]
    assert found.standard_errors.mean() == pytest.approx(np.sqrt(DAYS), rel=0.25)


def test_days_that_resemble_their_neighbours_widen_the_standard_error() -> None:
    days = autoregressions(PARTS, 200, 0.56, np.random.default_rng(5))
    found = simultaneous_tests([Series(days)], 0.95, 99, np.random.default_rng(1))
    assert found.standard_errors.mean() == pytest.approx(np.sqrt(200 * (1 + 0.56) / (1 - 0.56)), rel=0.1)
    assert found.n_effective.mean() == pytest.approx(200 * (1 - 0.56) / (1 + 0.56), rel=0.15)


def test_a_sum_below_0_does_not_count_on_one_side() -> None:
    days = np.random.default_rng(6).normal(size=(1, DAYS)) - 2.0
    assert _p_values([Series(days)])[0] <= 0.01
    assert _p_values([Series(days, "above")])[0] == 1.0


def test_parts_of_which_nothing_is_known_find_nothing() -> None:
    days = np.zeros((3, DAYS))
    days[1, :3] = 1.0  # on three days alone
    found = simultaneous_tests([Series(days)], 0.95, 199, np.random.default_rng(0))
    assert found.p_values[[0, 2]].tolist() == [1.0, 1.0]
    assert found.p_values[1] > 0.05


def test_what_cannot_be_tested_is_refused() -> None:
    draw = np.random.default_rng(0)
    with pytest.raises(
        StatisticError, match=r"found series over \[5, 6\] blocks; expected the same number, at least 3"
    ):
        simultaneous_tests([Series(np.ones((1, 5))), Series(np.ones((1, 6)))], 0.95, 99, draw)
    with pytest.raises(StatisticError, match=r"simultaneous_tests: 1 values not finite; expected finite numbers"):
        simultaneous_tests([Series(np.array([[1.0, np.nan, 2.0]]))], 0.95, 99, draw)
    with pytest.raises(StatisticError, match=r"simultaneous_tests, draws: found 5; expected at least 19"):
        simultaneous_tests([Series(np.ones((1, 5)))], 0.95, 5, draw)
