"""Several classes, one of them rare: what their probabilities promise is held against what happens."""

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.contracts.value import ActionValues
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.judge import Rules, judge_windows
from model_lifecycle.monitoring.performance import holdout_figures, judge_performance
from model_lifecycle.monitoring.policy import breaches
from model_lifecycle.monitoring.verdict import WindowVerdict
from model_lifecycle.tasks.multiclass import MulticlassTask
from monitored_traffic import CONTRACT, LIVE, MONITORING, SPEC, WEEK, champion, live, log_of

TASK = MulticlassTask(
    ActionValues.model_validate(
        {"task": "multiclass", "unit": "EUR", "source": "invented for tests"}
        | {"classes": ["usual", "refund", "fraud"], "default": "wait", "unavailable": {"go": -1}}
        | {"actions": {"go": {"usual": -3, "refund": 5, "fraud": 9}, "wait": {"usual": 0, "refund": 0, "fraud": 0}}}
    )
)
POLICY = PolicySpec.model_validate({"cooldown": "14d", "maximum_age": "180d", "minimum_value_per_1000": -1e9})
RULES = Rules(SPEC, CONTRACT, TASK, MONITORING, target="kind")


def _predicted(rows: int, seed: int, days: int) -> np.ndarray:
    """Return probabilities of which days explain some, and what is drawn from them is well calibrated."""
    random = np.random.default_rng(seed)
    margin = 0.3 * random.normal(size=days)[np.arange(rows) * days // rows] + random.normal(size=rows)
    weights = np.column_stack((np.ones(rows), 0.4 * np.exp(margin), np.full(rows, 0.03)))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _drawn(probability: np.ndarray, seed: int) -> np.ndarray:
    uniform = np.random.default_rng(seed).random(len(probability))[:, None]
    return np.asarray((uniform > probability.cumsum(axis=1)).sum(axis=1), dtype=np.float64)


def _champion() -> ChampionFacts:
    prediction = _predicted(4_500, 1, 30)
    target = _drawn(prediction, 2)
    times = np.datetime64("2024-06-01", "us") + np.arange(4_500) * np.timedelta64(576, "s")
    holdout = holdout_figures(TASK, target, prediction, times)
    return champion().model_copy(
        update={
            "constant": TASK.constant(target),
            "errors": None,
            "holdout": ChampionFacts.model_validate(champion().model_dump() | {"holdout": holdout}).holdout,
        }
    )


def _log(prediction: np.ndarray, target: np.ndarray) -> pd.DataFrame:
    log = log_of(live(1))
    outputs = [dict(zip(TASK.value.classes, row, strict=True)) for row in prediction.tolist()]
    return log.assign(
        score=TASK.score(prediction),
        threshold=np.nan,
        decision=TASK.decisions(TASK.actions(prediction, None)),
        outputs=pd.Series(outputs, dtype=object),
        value=target,
    )


def _window(log: pd.DataFrame) -> WindowVerdict:
    return judge_windows(log, _champion(), RULES, LIVE + 2 * WEEK, 2).windows[0]


def _broken(prediction: np.ndarray, target: np.ndarray, facts: ChampionFacts) -> list[str]:
    judged = judge_performance(_log(prediction, target), facts, TASK, WEEK)
    return [one.message for one in breaches(judged, POLICY) if one.rule == "class_share"]


@pytest.mark.parametrize("factor", [2.5, 0.3])
def test_a_class_that_happens_more_or_less_often_than_promised_is_a_breach(factor: float) -> None:
    facts, odds = _champion(), np.array([1.0, factor, 1.0])
    for seed in range(5):
        prediction = _predicted(1_050, 10 + seed, 7)
        truth = prediction * odds / (prediction * odds).sum(axis=1, keepdims=True)
        assert any(one.startswith("share of 'refund'") for one in _broken(prediction, _drawn(truth, 50 + seed), facts))


def test_classes_that_happen_as_promised_are_none() -> None:
    facts = _champion()
    broken = 0
    for seed in range(100):
        prediction = _predicted(1_050, 200 + seed, 7)
        broken += bool(_broken(prediction, _drawn(prediction, 500 + seed), facts))
    assert broken <= 2, f"{broken} of 100 stationary weeks"


def test_a_class_whose_labels_never_come_blocks_the_window_and_is_named() -> None:
    prediction = _predicted(1_050, 3, 7)
    target = _drawn(prediction, 4)
    assert not _window(_log(prediction, target)).blocked()
    kept = target != 2.0
    found = _window(_log(prediction, target)[kept])
    assert found.blocked()
    (message,) = [one.message for one in found.quality if one.rule == "no_outcome"]
    expected = f"expected {prediction[kept, 2].sum():.0f}: do its labels come?"
    assert message == f"none of {kept.sum():,} outcomes is 'fraud', {expected}"


def test_a_rare_class_may_be_absent_from_a_few_rows() -> None:
    prediction = _predicted(1_050, 3, 7)
    few = _log(prediction, np.zeros(1_050))[:300]
    assert prediction[:300, 2].sum() < 10
    assert [one.rule for one in _window(few).quality if one.rule == "no_outcome"] == []


def test_a_probability_out_of_range_is_told_and_left_out_of_every_figure() -> None:
    prediction = _predicted(1_050, 3, 7)
    log = _log(prediction, _drawn(prediction, 4))
    outputs = log["outputs"].tolist()
    spoiled = log.assign(outputs=pd.Series([{**outputs[0], "fraud": 1.5}, *outputs[1:]], index=log.index, dtype=object))
    window, other = _window(spoiled), _window(log.drop(log.index[0]))
    assert [one.rule for one in window.quality if one.rule == "no_prediction"] == ["no_prediction"]
    assert window.performance is not None
    assert other.performance is not None
    assert window.performance.figures == other.performance.figures
