import numpy as np
import pytest

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._methods import autocorrelations
from model_lifecycle.statistics.coverage import autoregressions
from model_lifecycle.statistics.dependence import effective_blocks, pooled_dependence, serial_dependence


def test_the_estimate_is_the_sample_autocorrelation_without_its_bias() -> None:
    series = np.random.default_rng(1).normal(size=50).cumsum()
    centred = series - series.mean()
    plain = np.sum(centred[1:] * centred[:-1]) / np.sum(centred**2)
    assert serial_dependence(series) == pytest.approx(plain + (1 + 3 * plain) / 50)


def test_it_finds_the_dependence_of_a_long_series() -> None:
    shocks = np.random.default_rng(2).normal(size=20_000)
    series = np.empty(20_000)
    series[0] = shocks[0]
    for place in range(1, 20_000):
        series[place] = 0.56 * series[place - 1] + shocks[place]
    assert serial_dependence(series) == pytest.approx(0.56, abs=0.02)


def test_blocks_that_are_all_alike_do_not_depend_on_one_another() -> None:
    assert serial_dependence(np.ones(7)) == 0.0


def test_a_single_block_shows_no_dependence() -> None:
    with pytest.raises(StatisticError, match=r"serial_dependence: found 1 block; expected at least 2"):
        serial_dependence(np.ones(1))


def test_a_block_that_is_not_finite_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"serial_dependence: 1 of 3 blocks not finite; expected finite numbers"):
        serial_dependence(np.array([1.0, np.nan, 2.0]))


def test_the_estimate_of_a_month_has_no_bias() -> None:
    worlds = autoregressions(4_000, 30, 0.33, np.random.default_rng(3))
    assert autocorrelations(worlds, 1.0).mean() == pytest.approx(0.33, abs=0.02)
    assert autocorrelations(worlds, 0.0).mean() < 0.29


def test_strong_dependence_leaves_two_blocks() -> None:
    assert effective_blocks(30, 0.95) == 2.0


@pytest.mark.parametrize("autocorrelation", [-0.1, 1.0, np.nan])
def test_an_impossible_autocorrelation_is_refused(autocorrelation: float) -> None:
    with pytest.raises(StatisticError, match=r"effective_blocks, autocorrelation: found .*; expected 0 to below 1"):
        effective_blocks(30, autocorrelation)


def test_runs_are_pooled_by_their_length() -> None:
    assert pooled_dependence([(60, 0.3), (30, 0.6)]) == pytest.approx(0.4)
    assert pooled_dependence([]) == 0.0
    with pytest.raises(StatisticError, match=r"pooled_dependence, autocorrelation: found nan; expected 0 to 1"):
        pooled_dependence([(60, float("nan"))])
