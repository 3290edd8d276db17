import numpy as np
import pytest
from scipy.stats import t

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.coverage import autoregressions
from model_lifecycle.statistics.trial import trial_interval

WORLDS = 1_500


def _withdrawn(worse: float, dependence: float, days: int = 7, worlds: int = WORLDS) -> float:
    """Return the share of trials that one of the daily looks ends, of a candidate worse by so many spreads of a day."""
    numbers = np.arange(days)

    def ended(world: np.ndarray) -> bool:
        looks = (
            trial_interval(world[:seen] + worse, numbers[:seen], days, last=seen == days) for seen in range(3, days + 1)
        )
        return any(look.lower > 0.0 for look in looks)

    return float(np.mean([ended(one) for one in autoregressions(worlds, days, dependence, np.random.default_rng(5))]))


@pytest.mark.parametrize("dependence", [0.0, 0.3])
@pytest.mark.parametrize("days", [3, 7])
def test_looks_on_every_day_withdraw_an_equal_candidate_in_no_more_than_the_nominal_share(
    days: int, dependence: float
) -> None:
    noise = 2.0 * np.sqrt(0.025 * 0.975 / WORLDS)
    assert _withdrawn(0.0, dependence, days) <= 0.025 + noise


@pytest.mark.parametrize("dependence", [0.0, 0.3])
def test_a_loss_of_two_and_a_half_spreads_of_a_day_is_seen_within_a_week(dependence: float) -> None:
    assert _withdrawn(2.5, dependence, worlds=400) > 0.93


def test_three_days_show_what_is_hopeless() -> None:
    found = trial_interval(np.array([0.49, 0.51, 0.5]), np.arange(3), planned=7, last=False)
    assert found.lower > 0.0


def test_the_half_width_is_a_t_quantile_times_the_error_of_days_that_depend_by_three_tenths() -> None:
    values = np.array([1.0, 3.0, 2.0, 5.0, 4.0, 2.0, 3.0])
    found = trial_interval(values, np.arange(7), planned=7, last=True)
    worth = 7 * 0.7 / 1.3
    assert found.upper - found.estimate == pytest.approx(t.ppf(0.98, 6) * np.sqrt(np.var(values) / (worth - 1.0)))


def test_the_looks_before_the_last_share_a_fifth_of_the_error() -> None:
    values = np.arange(4.0)
    assert trial_interval(values, np.arange(4), planned=7, last=False).level == pytest.approx(1.0 - 0.01 / 4)
    assert trial_interval(values, np.arange(4), planned=7, last=True).level == pytest.approx(0.96)


def test_eight_days_or_more_are_taken_to_depend_by_what_they_show_if_that_is_more() -> None:
    risen = trial_interval(np.arange(12.0), np.arange(12), planned=14, last=False)
    assert risen.dependence > 0.3
    assert trial_interval(np.array([0.0, 1.0] * 6), np.arange(12), planned=14, last=False).dependence == 0.3


def test_two_days_are_refused() -> None:
    with pytest.raises(StatisticError, match="found 2 whole days; expected at least 3"):
        trial_interval(np.array([1.0, 2.0, 3.0]), np.array([0, 0, 1]), planned=7, last=True)
    with pytest.raises(StatisticError, match="planned"):
        trial_interval(np.array([1.0, 2.0]), np.array([0, 1]), planned=2, last=True)
