"""Which policy is recommended, and how sure that is."""

import numpy as np
import pytest

from model_lifecycle.backtest.recommendation import Earned, difference, recommend
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.errors import StatisticError

GATES = GateLimits()
DAYS, PER_DAY = 120, 5
BLOCK = np.repeat(np.arange(DAYS), PER_DAY)
NOISE = np.random.default_rng(3).normal(0.0, 10.0, len(BLOCK))


def earned(mean: float, retrainings: int, cost: float = 0.0, seed: int = 0) -> Earned:
    own = np.random.default_rng(seed).normal(0.0, 1.0, len(BLOCK))
    own -= own.mean()
    return Earned(mean + NOISE + own, cost, retrainings)


def test_policies_that_cannot_be_told_apart_end_with_the_one_that_retrains_least() -> None:
    found = recommend({"often": earned(5.01, 9, seed=1), "seldom": earned(5.0, 2, seed=2)}, BLOCK, GATES)
    assert (found.policy, found.worse()) == ("seldom", [])


def test_a_policy_that_is_shown_to_earn_less_is_passed_over() -> None:
    found = recommend(
        {"never": earned(0.0, 0, seed=1), "seldom": earned(9.97, 3, seed=2), "often": earned(10.0, 9, seed=3)},
        BLOCK, GATES,
    )  # fmt: skip
    assert (found.policy, found.worse()) == ("seldom", ["never"])
    assert found.best in ("seldom", "often")


def test_a_cost_can_turn_the_recommendation() -> None:
    cheap = {"never": earned(5.0, 0, seed=1), "often": earned(7.0, 9, seed=2)}
    dear = {**cheap, "often": earned(7.0, 9, cost=3.0, seed=2)}
    assert recommend(cheap, BLOCK, GATES).policy == "often"
    found = recommend(dear, BLOCK, GATES)
    assert (found.policy, found.best) == ("never", "never")
    assert found.against_best["often"].estimate == pytest.approx(-1.0, abs=0.3)  # type: ignore[union-attr]


def test_policies_that_did_the_same_differ_by_nothing() -> None:
    same = earned(5.0, 0, seed=1)
    gap = difference(same, same, BLOCK, 0.95, GATES)
    assert gap is not None
    assert (gap.estimate, gap.lower, gap.upper) == (0.0, 0.0, 0.0)


def test_more_policies_ask_for_wider_intervals() -> None:
    two = {"never": earned(0.0, 0, seed=1), "one": earned(10.0, 1, seed=2)}
    four = {**two, "three": earned(0.0, 3, seed=3), "four": earned(0.0, 4, seed=4)}
    assert recommend(two, BLOCK, GATES).level == 0.95
    assert recommend(four, BLOCK, GATES).level == pytest.approx(1 - 0.05 / 3)


def test_too_few_days_tell_nothing() -> None:
    few = BLOCK < 5
    tried = {
        "never": Earned(earned(0.0, 0).value[few], 0.0, 0),
        "often": Earned(earned(100.0, 9, seed=1).value[few], 0.0, 9),
    }
    found = recommend(tried, BLOCK[few], GATES)
    assert found.against_best == {"never": None}
    assert (found.policy, found.best) == ("never", "often")


def test_a_single_day_tells_nothing() -> None:
    day = BLOCK == 0
    mine, other = Earned(earned(1.0, 0).value[day], 0.0, 0), Earned(earned(2.0, 0).value[day], 0.0, 0)
    assert difference(mine, other, BLOCK[day], 0.95, GATES) is None


def test_policies_of_other_decisions_are_not_compared() -> None:
    with pytest.raises(StatisticError, match="600 and 5 decisions, expected the same"):
        difference(earned(1.0, 0), Earned(np.zeros(5), 0.0, 0), BLOCK, 0.95, GATES)
