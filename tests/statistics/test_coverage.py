"""How often a nominal 95% interval holds the truth on days that depend on one another.

Day effects are autoregressive; those of the flagship have autocorrelations between -0.1 and 0.4. 2,000 worlds
each, so a share has a standard error of half a point.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import expit

from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.discrimination import average_precision, roc_auc
from model_lifecycle.statistics.intervals import (
    Interval,
    clustered_mean_interval,
    jackknife_interval,
    paired_difference_interval,
)

WORLDS = 2_000
ROWS_A_DAY = 20
LOWEST, HIGHEST = 0.93, 0.97
DEPENDENCE = [0.0, 0.2, 0.4, 0.56]


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


@pytest.mark.parametrize("days", [28, 61])
@pytest.mark.parametrize("autocorrelation", DEPENDENCE)
def test_intervals_of_means_cover_as_often_as_they_say(days: int, autocorrelation: float) -> None:
    block = block_ids(times_of(days), DAY)

    def interval(rng: np.random.Generator) -> Interval:
        losses = day_effects(rng, days, autocorrelation)[block] + rng.normal(size=block.size)
        return clustered_mean_interval(losses, block)

    assert LOWEST <= coverage(interval, truth=0.0) <= HIGHEST


@pytest.mark.parametrize("autocorrelation", DEPENDENCE)
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
    found = coverage(lambda rng: jackknife_interval(statistic, block, *classified_days(rng, 30, 60)), truth)
    assert LOWEST <= found <= HIGHEST
