"""How often a nominal 95% interval holds the truth on days that depend on one another.

Day effects are autoregressive; those of the flagship have autocorrelations between -0.1 and 0.4. 2,000 worlds
each, so a share has a standard error of half a point.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import expit

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics import coverage as coverage_module
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.coverage import Choice, autoregressions, choose, covers
from model_lifecycle.statistics.discrimination import average_precision, roc_auc
from model_lifecycle.statistics.intervals import (
    Interval,
    clustered_mean_interval,
    leave_one_out,
    paired_difference_interval,
)

WORLDS = 2_000
ROWS_A_DAY = 20
LOWEST, HIGHEST = 0.93, 0.97


def day_effects(rng: np.random.Generator, days: int, autocorrelation: float) -> np.ndarray:
    """Return a stationary AR(1) series of unit variance."""
    shocks = rng.normal(size=days) * np.sqrt(1.0 - autocorrelation**2)
    start = autocorrelation * rng.normal()
    series: np.ndarray = lfilter([1.0], [1.0, -autocorrelation], shocks, zi=[start])[0]
    return series


def times_of(days: int, rows_a_day: int = ROWS_A_DAY) -> np.ndarray:
    """Return times spread evenly over so many days."""
    count = days * rows_a_day
    times: np.ndarray = np.datetime64("2024-06-01", "us") + np.arange(count) * np.timedelta64(86_400_000_000, "us") // (
        rows_a_day
    )
    return times


def coverage(interval: Callable[[np.random.Generator], Interval], truth: float, worlds: int = WORLDS) -> float:
    """Return the share of worlds whose interval holds the truth."""
    rng = np.random.default_rng(7)
    intervals = [interval(rng) for _ in range(worlds)]
    return sum(found.lower <= truth <= found.upper for found in intervals) / worlds


MEANS = [(days, one) for days in (28, 61) for one in (0.0, 0.2, 0.4, 0.56)]
OFTEN = [(61, 0.56)]


@pytest.mark.parametrize(
    ("days", "autocorrelation"), [pytest.param(*one, marks=[] if one in OFTEN else pytest.mark.slow) for one in MEANS]
)
def test_intervals_of_means_cover_as_often_as_they_say(days: int, autocorrelation: float) -> None:
    block = block_ids(times_of(days), DAY)

    def interval(rng: np.random.Generator) -> Interval:
        losses = day_effects(rng, days, autocorrelation)[block] + rng.normal(size=block.size)
        return clustered_mean_interval(losses, block)

    assert LOWEST <= coverage(interval, truth=0.0) <= HIGHEST


@pytest.mark.slow
@pytest.mark.parametrize("autocorrelation", [0.0, 0.4])
def test_intervals_of_paired_differences_cover_as_often_as_they_say(autocorrelation: float) -> None:
    block = block_ids(times_of(30), DAY)

    def interval(rng: np.random.Generator) -> Interval:
        shared, own = (day_effects(rng, 30, autocorrelation)[block] for _ in range(2))
        return paired_difference_interval(shared + 0.5 * own + 0.5 * rng.normal(size=block.size), shared, block)

    assert LOWEST <= coverage(interval, truth=0.0) <= HIGHEST


def test_days_taken_for_independent_would_cover_far_too_little() -> None:
    block = block_ids(times_of(30), DAY)

    def interval(rng: np.random.Generator) -> Interval:
        losses = day_effects(rng, 30, 0.56)[block] + rng.normal(size=block.size)
        return clustered_mean_interval(losses, block, autocorrelation=0.0)

    assert coverage(interval, truth=0.0) < 0.8


def classified_days(rng: np.random.Generator, days: int, rows_a_day: int) -> tuple[np.ndarray, np.ndarray]:
    """Return target and score where both the base rate and the skill of the score swing from day to day."""
    day = np.repeat(np.arange(days), rows_a_day)
    score = rng.normal(size=day.size)
    skill, level = 1.0 + 0.4 * day_effects(rng, days, 0.4), -1.2 + 0.6 * day_effects(rng, days, 0.4)
    return rng.random(day.size) < expit(level[day] + skill[day] * score), score


@pytest.mark.slow
@pytest.mark.parametrize("statistic", [roc_auc, average_precision])
def test_intervals_of_ranking_statistics_cover_as_often_as_they_say(
    statistic: Callable[[np.ndarray, np.ndarray], float],
) -> None:
    truth = statistic(*classified_days(np.random.default_rng(0), 20_000, rows_a_day=60))
    block = block_ids(times_of(30, rows_a_day=60), DAY)
    found = coverage(lambda rng: leave_one_out(statistic, block, *classified_days(rng, 30, 60)).interval(), truth)
    assert LOWEST <= found <= HIGHEST


@pytest.mark.parametrize("dependence", [0.0, 0.25, 0.5, 0.55])
@pytest.mark.parametrize("days", [30, 61])
def test_the_chosen_method_covers_wherever_a_month_is_worth_eight_days(days: int, dependence: float) -> None:
    found = choose(days, dependence, 0.95)
    assert covers(found.coverage, 0.95)


def test_the_simulated_coverage_is_that_of_other_worlds_too() -> None:
    found = choose(30, 0.4, 0.95)
    worlds = autoregressions(4_000, 30, 0.4, np.random.default_rng(99))
    means = worlds.mean(axis=1)
    held = np.abs(means) <= found.method.half_widths(worlds - means[:, np.newaxis], 0.95, 30.0)
    assert held.mean() == pytest.approx(found.coverage, abs=0.012)


def test_a_week_of_strong_dependence_has_no_method_that_covers() -> None:
    found = choose(7, 0.8, 0.95)
    assert found.coverage is not None
    assert found.coverage < 0.9
    assert not covers(found.coverage, 0.95)


def test_the_choice_is_the_same_every_time() -> None:
    coverage_module._chosen.cache_clear()
    first = choose(14, 0.2, 0.9)
    coverage_module._chosen.cache_clear()
    assert choose(14, 0.2, 0.9) == first


def test_a_dependence_a_rounding_error_apart_makes_no_other_choice() -> None:
    assert choose(12, 0.125 - 1e-13, 0.95) == choose(12, 0.125 + 1e-13, 0.95)


def test_an_unknown_coverage_does_not_do() -> None:
    assert not covers(None, 0.95)
    assert not covers(float("nan"), 0.95)


def test_a_choice_names_its_method() -> None:
    assert isinstance(choose(2, 0.0, 0.95), Choice)
    assert choose(2, 0.0, 0.95).method.name == "autoregression"


@pytest.mark.parametrize("dependence", [-0.1, 0.96, np.nan])
def test_a_dependence_out_of_range_is_refused(dependence: float) -> None:
    with pytest.raises(StatisticError, match=r"choose, dependence: found .*; expected 0 to 0.95"):
        choose(30, dependence, 0.95)


def test_a_single_block_has_no_choice() -> None:
    with pytest.raises(StatisticError, match=r"choose, n_blocks: found 1; expected at least 2"):
        choose(1, 0.0, 0.95)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_level_that_is_no_share_is_refused(level: float) -> None:
    with pytest.raises(StatisticError, match=r"level: found .*; expected a number strictly between"):
        choose(30, 0.0, level)
    with pytest.raises(StatisticError, match=r"level: found .*; expected a number strictly between"):
        covers(0.95, level)


def test_an_explosive_series_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"autoregressions, dependence: found 1.0; expected between -1 and 1"):
        autoregressions(2, 30, 1.0, np.random.default_rng(0))


def test_simulated_worlds_have_the_dependence_that_was_asked_for() -> None:
    worlds = autoregressions(20_000, 10, 0.6, np.random.default_rng(0))
    assert worlds.var(axis=0) == pytest.approx(np.ones(10), abs=0.05)
    assert np.mean(worlds[:, 1:] * worlds[:, :-1]) == pytest.approx(0.6, abs=0.02)
