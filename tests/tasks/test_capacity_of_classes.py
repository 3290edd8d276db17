"""A day's capacity is spent where an action is expected to gain most, and foresight spends it best."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.contracts.value import ActionValues, Capacity, ValueMatrix
from model_lifecycle.errors import ModelError
from model_lifecycle.tasks.base import ACT, Task
from model_lifecycle.tasks.binary import BinaryTask
from model_lifecycle.tasks.multiclass import MulticlassTask, _midway

SOURCE: Any = {"unit": "EUR", "source": "an assumption"}
TICKETS = ActionValues.model_validate(
    SOURCE
    | {"classes": ["plain", "refund", "fraud"], "default": "queue", "unavailable": {"pay": -8, "look": -9}}
    | {
        "actions": {
            "queue": {"plain": 0, "refund": 0, "fraud": 0},
            "pay": {"plain": -8, "refund": 12, "fraud": -40},
            "look": {"plain": -9, "refund": -9, "fraud": 150},
        }
    }
)
LIMITED = TICKETS.model_copy(update={"capacity": Capacity(share=0.2)})
QUEUE, PAY, LOOK = 0.0, 1.0, 2.0
MORNING, DAY = np.datetime64("2024-03-10T00:00", "us"), np.timedelta64(1, "D")
HOUR = np.timedelta64(1, "h")


def _world(rows: int = 3000, seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return true probabilities, targets, a few without an outcome, and times of 25 decisions a day."""
    draw = np.random.default_rng(seed)
    logits = np.column_stack((np.zeros(rows), draw.normal(-0.5, 1, rows), draw.normal(-4, 1.2, rows)))
    prediction = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    target = (draw.uniform(size=rows)[:, None] > prediction.cumsum(axis=1)).sum(axis=1).clip(0, 2).astype(np.float64)
    lost = draw.uniform(size=rows) < 0.02
    return prediction, np.where(lost, np.nan, target), lost, MORNING + np.arange(rows) * DAY // 25


def _worth(task: Task, action: np.ndarray, target: np.ndarray, lost: np.ndarray, times: np.ndarray) -> float:
    return float(task.gains(target, lost, task.done(action, times)).sum())


@pytest.mark.parametrize("seed", [4, 5])
def test_the_threshold_of_classes_is_worth_most_under_the_rule_of_the_day(seed: int) -> None:
    task = MulticlassTask(LIMITED)
    prediction, target, lost, times = _world(seed=seed)
    found = task.threshold(prediction, target, lost, times)
    assert found is not None
    worth = {
        least: _worth(task, task.actions(prediction, least), target, lost, times)
        for least in (None, found, *task.score(prediction)[::5])
    }
    assert worth[found] > 1.2 * worth[None]
    assert worth[found] > 0.97 * max(worth.values())


ORDERS = ValueMatrix.model_validate(
    SOURCE
    | {
        "act": {"positive": 30, "negative": -10, "unavailable": 5},
        "leave": {"positive": 0, "negative": 0, "unavailable": 0},
    }
)


@pytest.mark.parametrize("seed", [4, 5])
@pytest.mark.parametrize(
    ("limited", "free"),
    [
        (MulticlassTask(LIMITED), MulticlassTask(TICKETS)),
        (BinaryTask(ORDERS.model_copy(update={"capacity": Capacity(share=0.1)})), BinaryTask(ORDERS)),
    ],
)
def test_a_capacity_is_spent_by_what_predictions_promise(limited: Task, free: Task, seed: int) -> None:
    """No outcome is looked at, and with true probabilities nearly as much is gained as with the best threshold."""
    prediction, target, lost, times = _world(seed=seed)
    if isinstance(limited, BinaryTask):
        prediction, target = prediction[:, 1], (target == 1.0).astype(np.float64)
    best = limited.actions(prediction, limited.threshold(prediction, target, lost, times))
    worth = [
        _worth(limited, action, target, lost, times)
        for action in (limited.at_its_word(prediction, times), best, free.at_its_word(prediction, times))
    ]
    assert worth[0] > 0.93 * worth[1]
    assert worth[0] > 1.2 * worth[2]
    nothing = prediction * 0.0 if prediction.ndim == 1 else np.eye(3)[np.zeros(len(prediction), dtype=np.int64)]
    assert set(limited.decisions(limited.at_its_word(nothing, times))) <= {"leave", "queue"}


def test_without_a_capacity_the_highest_expected_value_decides() -> None:
    assert MulticlassTask(TICKETS).threshold(*_world()) is None
    assert "threshold" not in MulticlassTask(TICKETS).rule()
    with pytest.raises(ModelError, match="a threshold of classes is for a capacity; found none"):
        MulticlassTask(TICKETS)._limited_curve(*_world())


def test_below_the_threshold_the_default_action_is_taken() -> None:
    prediction = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.0, 1.0, 0.0], [0.8, 0.1, 0.1]])
    task = MulticlassTask(LIMITED)  # the best action gains 0, 8, 12 and 6.9
    assert task.actions(prediction, None).tolist() == [QUEUE, PAY, PAY, LOOK]
    assert task.actions(prediction, 7.5).tolist() == [QUEUE, PAY, PAY, QUEUE]
    assert task.actions(prediction, task.score(prediction)[1]).tolist() == [QUEUE, PAY, PAY, QUEUE]
    assert "when its expected gain is at least the threshold; 'queue' is what happens" in task.rule()


def test_where_nothing_pays_no_expected_gain_reaches_the_threshold() -> None:
    prediction, target, lost, times = _world()
    task = MulticlassTask(LIMITED)
    never = task.threshold(prediction, np.zeros(len(target)), lost, times)
    assert never == 301.0  # twice the 150 of a fraud that is looked at, and 1
    assert (task.actions(np.eye(3), never) == QUEUE).all()


def test_a_threshold_lies_between_scores_and_the_same_rows_reach_it() -> None:
    score = np.array([0.0, 2.0, 3.0, 3.0])
    assert _midway(score, 2.4) == 2.5
    assert _midway(score, 3.0) == 2.5
    assert _midway(score, 0.0) == 0.0
    assert _midway(np.array([1.0, np.nextafter(1.0, 2.0)]), np.nextafter(1.0, 2.0)) == np.nextafter(1.0, 2.0)


def test_the_value_curve_shows_the_threshold_in_use_at_its_top() -> None:
    prediction, target, lost, times = _world()
    task = MulticlassTask(LIMITED)
    found = task.threshold(prediction, target, lost, times)
    curve = task.value_curve(target, lost, prediction, times, found)
    assert found is not None
    assert curve.chosen == found
    value = _worth(task, task.actions(prediction, found), target, lost, times) / len(target)
    assert curve.value.max() == pytest.approx(value)
    assert "at most 20% of a day's decisions" in curve.note


@given(st.integers(1, 60), st.integers(1, 99), st.integers(0, 2**32 - 1))
def test_foresight_spends_each_day_on_its_best_gains(rows: int, percent: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    task = MulticlassTask(TICKETS.model_copy(update={"capacity": Capacity(share=percent / 100)}))
    times = MORNING + draw.integers(0, 96, rows) * HOUR
    target, lost = draw.integers(0, 3, rows).astype(np.float64), draw.uniform(size=rows) < 0.1
    action = task.foresight(target, lost, times)
    assert task.done(action, times).tolist() == action.tolist()
    best = np.where(lost, 0.0, np.array([0.0, 12.0, 150.0])[target.astype(int)])
    day = (times - MORNING) // DAY
    most = sum(
        np.sort(best[day == one])[::-1][: percent * int((day == one).sum()) // 100].sum() for one in np.unique(day)
    )
    assert task.gains(target, lost, action).sum() == most
    other = task.done(draw.integers(0, 3, rows).astype(np.float64), times)
    assert task.gains(target, lost, other).sum() <= most


@given(st.integers(1, 60), st.integers(0, 2**32 - 1), st.sampled_from([0.0, -5.0, 45.0]))
def test_foresight_of_a_yes_or_no_differs_from_first_come_only_by_what_an_unknown_outcome_is_worth(
    rows: int, seed: int, unavailable: float
) -> None:
    draw = np.random.default_rng(seed)
    worth = {"positive": 30, "negative": -10, "unavailable": unavailable}
    matrix = ValueMatrix.model_validate(
        SOURCE | {"act": worth, "leave": dict.fromkeys(worth, 0), "capacity": {"share": 0.3}}
    )
    task = BinaryTask(matrix)
    times = MORNING + draw.integers(0, 96, rows) * HOUR
    target, lost = draw.integers(0, 2, rows).astype(np.float64), draw.uniform(size=rows) < 0.2
    action = task.foresight(target, lost, times)
    first_come = task.done((task.gains(target, lost, ACT) > 0).astype(np.float64), times)
    if unavailable <= 0:
        assert action.tolist() == first_come.tolist()
    else:
        assert task.gains(target, lost, action).sum() >= task.gains(target, lost, first_come).sum()
        assert action.sum() == first_come.sum()
