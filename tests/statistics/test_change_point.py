import numpy as np
import pytest

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.change_point import change_point, dependence_around_levels
from model_lifecycle.statistics.coverage import autoregressions
from model_lifecycle.statistics.dependence import serial_dependence
from model_lifecycle.statistics.intervals import clustered_mean_interval


def test_the_change_is_found_where_it_is() -> None:
    series = np.random.default_rng(0).standard_normal(40)
    series[25:] += 3.0
    found = change_point(series)
    assert found.at == 25
    assert found.p_value == pytest.approx(1 / 2001)
    assert found.before == pytest.approx(series[:25].mean())
    assert found.after == pytest.approx(series[25:].mean())


@pytest.mark.parametrize("dependence", [0.0, 0.5])
def test_series_that_keep_their_level_seldom_seem_to_change(dependence: float) -> None:
    """Nominally 5%; of 300 series at most 8% (measured 1.3% and 1.7%: dependence is overrated on purpose)."""
    worlds = autoregressions(300, 35, dependence, np.random.default_rng(7))
    small = [change_point(world, dependence).p_value <= 0.05 for world in worlds]
    assert np.mean(small) <= 0.08


def test_the_more_days_depend_on_one_another_the_less_a_change_says() -> None:
    series = np.random.default_rng(1).standard_normal(30)
    series[15:] += 1.0
    assert change_point(series, 0.8).p_value > change_point(series, 0.0).p_value


def test_a_short_series_is_refused() -> None:
    with pytest.raises(StatisticError, match="found 5 values; expected at least 6"):
        change_point(np.zeros(5))


def test_a_dependence_beyond_the_strongest_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"found 1\.0; expected 0 to 0\.95"):
        change_point(np.zeros(10), 1.0)


def test_a_constant_series_has_not_changed() -> None:
    assert change_point(np.zeros(10)).p_value == 1.0


def test_a_change_of_level_is_not_counted_as_dependence_and_still_widens_the_interval() -> None:
    day = np.repeat(np.arange(30), 10)
    calm = np.random.default_rng(3).normal(size=300)
    shifted = calm + 2.0 * (day >= 15)
    before, after = clustered_mean_interval(calm, day), clustered_mean_interval(shifted, day)
    assert after.n_effective == pytest.approx(before.n_effective, abs=5)
    assert after.n_effective >= 20
    assert after.upper - after.lower > 3 * (before.upper - before.lower)


@pytest.mark.parametrize("dependence", [0.3, 0.6])
def test_the_dependence_of_series_that_keep_their_level_is_seldom_lowered(dependence: float) -> None:
    """A storm of some days must not pass for a change of the world; the estimate of the dependence has its noise."""
    worlds = autoregressions(300, 30, dependence, np.random.default_rng(11))
    lowered = [dependence_around_levels(world) < serial_dependence(world) for world in worlds]
    assert np.mean(lowered) <= 0.05
