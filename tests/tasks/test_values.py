"""What decisions are worth, by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from model_lifecycle.contracts.value import ActionValues, Capacity, QuantityCost, ValueMatrix
from model_lifecycle.tasks.binary import NEVER, BinaryTask
from model_lifecycle.tasks.multiclass import MulticlassTask
from model_lifecycle.tasks.regression import RegressionTask

SOURCE: Any = {"unit": "EUR", "source": "an assumption"}
MATRIX = ValueMatrix.model_validate(
    SOURCE
    | {"act": {"positive": 30, "negative": -10, "unavailable": 5}}
    | {"leave": {"positive": 0, "negative": 0, "unavailable": 0}}
)
COST = QuantityCost.model_validate(SOURCE | {"under": 3, "over": 1, "default": 2, "unavailable": -0.5})
ACTIONS = ActionValues.model_validate(
    SOURCE
    | {"classes": ["a", "b"], "default": "wait", "unavailable": {"go": -1}}
    | {"actions": {"go": {"a": 5, "b": -3}, "wait": {"a": 1, "b": 0}}}
)
HOUR, DAY = np.timedelta64(1, "h"), np.timedelta64(1, "D")
MORNING = np.datetime64("2024-03-10T00:00", "us")


def test_a_plan_is_worth_what_it_saves_against_the_default() -> None:
    target, unavailable = np.array([10.0, 0.0, np.nan]), np.array([False, False, True])
    found = RegressionTask(COST).gains(target, unavailable, np.array([8.0, 1.0, 4.0]))
    # the default 2 costs 24 and 2; the plans cost 6 and 1; two units more than the default lose 0.5 each
    assert found.tolist() == [18.0, 1.0, -1.0]
    assert RegressionTask(COST).objective.quantile == 0.75


def test_an_action_is_worth_what_it_gains_over_the_default() -> None:
    task = MulticlassTask(ACTIONS)
    found = task.gains(np.array([0.0, 1.0, np.nan]), np.array([False, False, True]), np.zeros(3))
    assert found.tolist() == [4.0, -3.0, -1.0]
    # go is worth 5 p - 3 (1 - p), waiting p: even at 3/7
    assert task.decisions(task.actions(np.array([[0.5, 0.5], [0.4, 0.6]]), None)) == ["go", "wait"]
    assert task.foresight(np.array([0.0, 1.0]), np.zeros(2, dtype=bool), np.repeat(MORNING, 2)).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        (COST, {"under": 0}, "greater than 0"),
        (COST, {"under": 99, "over": 1}, "the plan is the 0.99 quantile, outside an interval that holds 0.8"),
        (ACTIONS, {"default": "sit"}, r"actions \['sit'\] are not described"),
        (ACTIONS, {"classes": ["a", "b", "a"]}, r"classes \['a'\] are named twice"),
        (ACTIONS, {"actions": {"go": {"a": 5}, "wait": {"a": 1, "b": 0}}}, r"action 'go' has values for \['a'\]"),
        (MATRIX, {"capacity": {"share": 1.5}}, "less than 1"),
    ],
)
def test_values_that_make_no_sense_are_refused(kind: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        type(kind).model_validate(kind.model_dump() | changes)


def test_a_day_does_the_first_actions_until_it_is_full() -> None:
    times = MORNING + np.array([5, 1, 2, 3, 4, 25, 26, 27, 28, 29]) * HOUR
    action = np.array([1.0, 0, 1, 1, 1, 1, 1, 0, 0, 0])
    # two of five a day: at 2 and 3 o'clock, and the first two of the next day
    assert Capacity(share=0.4).done(action, 0.0, times).tolist() == [0, 0, 1, 1, 0, 1, 1, 0, 0, 0]


def test_days_begin_on_the_clocks_of_the_zone() -> None:
    times = np.array(["2024-07-01T03:00", "2024-07-01T05:00"], dtype="datetime64[us]")  # 23:00 and 01:00 in New York
    assert Capacity(share=0.5, time_zone="America/New_York").done(np.ones(2), 0.0, times).tolist() == [0, 0]
    more = np.repeat(times, 2)
    assert Capacity(share=0.5, time_zone="America/New_York").done(np.ones(4), 0.0, more).sum() == 2
    assert Capacity(share=0.5).done(np.ones(4), 0.0, more).sum() == 2
    assert Capacity(share=0.5, time_zone="America/New_York").done(np.ones(4), 0.0, more).tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("percent", [7, 29, 57, 58])
def test_a_share_of_a_hundred_is_as_many(percent: int) -> None:
    done = Capacity(share=percent / 100).done(np.ones(100), 0.0, np.repeat(MORNING, 100))
    assert done.sum() == percent


@given(st.integers(1, 60), st.integers(1, 99), st.integers(0, 2**32 - 1))
def test_no_day_does_more_than_its_share_and_nothing_is_done_that_was_not_wanted(
    rows: int, percent: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    times = MORNING + draw.integers(0, 96, rows) * HOUR
    action = draw.integers(0, 2, rows).astype(np.float64)
    done = Capacity(share=percent / 100).done(action, 0.0, times)
    day = (times - MORNING) // DAY
    for one in np.unique(day):
        mine = day == one
        assert done[mine].sum() == min(action[mine].sum(), percent * mine.sum() // 100)
    assert (done <= action).all()


def test_the_threshold_rises_when_capacity_is_short() -> None:
    draw = np.random.default_rng(3)
    probability = draw.uniform(size=4000)
    target = (draw.uniform(size=4000) < probability).astype(np.float64)
    times = MORNING + np.sort(draw.integers(0, 40 * 24, 4000)) * HOUR
    nobody = np.zeros(4000, dtype=bool)
    free, limited = (BinaryTask(MATRIX.model_copy(update={"capacity": limit})) for limit in (None, Capacity(share=0.1)))
    low = free.threshold(probability, target, nobody, times)
    high = limited.threshold(probability, target, nobody, times)
    assert low is not None
    assert high is not None
    assert low < 0.35
    assert high > 0.7
    worth = {
        at: limited.gains(target, nobody, limited.done(limited.actions(probability, at), times)).mean()
        for at in (low, high)
    }
    assert worth[high] > 1.3 * worth[low]
    assert limited.threshold(probability, np.zeros(4000), nobody, times) == NEVER
    assert "at most 10% of a day's decisions" in limited.rule()


@pytest.mark.parametrize("value", [1e16, -1e160, float("inf"), True, "3", None])
def test_a_label_whose_squares_would_not_stay_finite_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"a number within ±9007199254740991 for outcome 'observed'"):
        RegressionTask(COST).read_label(value)


def test_a_large_amount_is_a_label() -> None:
    assert RegressionTask(COST).read_label(9e15) == 9e15


@pytest.mark.parametrize("share", [0.01, 0.002, 0.001])
def test_a_small_capacity_is_worth_what_the_best_threshold_makes_of_it(share: float) -> None:
    draw = np.random.default_rng(2)
    days, rows = 40, 2000
    times = np.repeat(MORNING + np.arange(days) * DAY, rows) + np.tile(np.arange(rows) * np.timedelta64(40, "s"), days)
    probability = 1 / (1 + np.exp(6 - 1.5 * draw.standard_normal(days * rows)))
    target = (draw.random(days * rows) < probability).astype(np.float64)
    nobody = np.zeros(days * rows, dtype=bool)
    task = BinaryTask(MATRIX.model_copy(update={"capacity": Capacity(share=share)}))
    gain, calendar = task.gains(target, nobody, 1.0), Capacity(share=share).calendar(times)

    def worth(threshold: float) -> float:
        return float((gain * calendar.done(task.actions(probability, threshold), 0.0)).sum())

    found = task.threshold(probability, target, nobody, times)
    assert found is not None
    near = np.sort(probability)[::-1][: int(3 * share * days * rows)]  # every score that can matter
    assert worth(found) > 0.99 * max(worth(one) for one in near[:: max(1, len(near) // 400)])
