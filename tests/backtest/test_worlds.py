"""A few of the worlds of `make bench-backtest`: left alone where nothing changes, retrained where something does."""

from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def changed(worlds: ModuleType) -> Any:
    return worlds.try_in(worlds.World(0, change=worlds.CHANGE))


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_stationary_world_is_left_alone(worlds: ModuleType, seed: int) -> None:
    found, walks = worlds.try_in(worlds.World(seed))
    assert found["recommendation"]["policy"] == "never"
    assert walks["on performance"].retrainings() == 0


@pytest.mark.slow
def test_where_a_change_makes_retraining_pay_it_is_recommended(changed: Any) -> None:
    found, walks = changed
    told = found["recommendation"]
    assert told["policy"] != "never"
    assert "never" in told["worse"]
    assert told["regret"]["policy"] == "never"
    assert told["regret"]["interval"]["upper"] < 0
    assert walks["on performance"].count("promoted") >= 1


@pytest.mark.slow
def test_the_trigger_fires_after_the_change_and_waits_for_cooldown_and_two_windows(
    changed: Any, worlds: ModuleType
) -> None:
    fired = [event.at for event in changed[1]["on performance"].events if event.kind in ("promoted", "rejected")]
    days = [(moment - worlds.CHANGE).days for moment in fired]
    assert days[0] >= 14
    assert days[0] <= 28
    assert all(later - earlier >= 14 for earlier, later in pairwise(days))


@pytest.mark.slow
def test_a_policy_that_never_retrains_raises_alarms_that_nobody_hears(changed: Any) -> None:
    never = changed[1]["never"]
    assert never.count("alarm") > 5
    assert never.retrainings() == 0


@pytest.mark.slow
def test_the_cost_of_retraining_is_taken_off_once_for_each(changed: Any, worlds: ModuleType) -> None:
    found, walks = changed
    monthly = next(one for one in found["policies"] if one["policy"] == "monthly")
    assert monthly["cost"] == pytest.approx(worlds.COST * walks["monthly"].retrainings())
    assert monthly["total"] == pytest.approx(monthly["value"]["estimate"] * found["decisions"] / 1000 - monthly["cost"])
    assert monthly["gained"][-1] == pytest.approx(
        monthly["total"] - next(one["total"] for one in found["policies"] if one["policy"] == "never")
    )
