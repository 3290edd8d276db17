"""A slice in which outcomes are hard to tell passes; one in which predictions say more than they know does not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, softmax

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.gates import GateLimits, GateResult
from model_lifecycle.pipelines.evaluation.nodes.figures import compute_figures
from model_lifecycle.pipelines.evaluation.nodes.gates import _slices_hold
from parcels import QUESTION_WITH_SLICE

GATES = GateLimits(slice_auc_drop=0.1)
SIZE, DAYS = 12_000, 30
CLASSES = BusinessQuestion.model_validate(
    {
        **QUESTION_WITH_SLICE.model_dump(),
        "task": "multiclass",
        "value": {
            "task": "multiclass", "unit": "EUR", "source": "invented for tests", "classes": ["a", "b", "c", "d"],
            "default": "wait",
            "actions": {"go": {"a": 1, "b": -1, "c": 0, "d": 0}, "wait": {"a": 0, "b": 0, "c": 0, "d": 0}},
        },
    }
)  # fmt: skip


def _figures(target: np.ndarray, prediction: dict[str, np.ndarray], south: np.ndarray, question: Any) -> Any:
    days = pd.to_timedelta(np.arange(SIZE) * DAYS // SIZE, unit="D")
    columns = {f"prediction_model{name}": values for name, values in prediction.items()}
    scores = pd.DataFrame(
        {
            model_input.DECISION_TIME: pd.Timestamp("2024-06-01T12:00", tz="UTC") + days,
            model_input.TARGET: target,
            model_input.OUTCOME: model_input.OBSERVED,
            model_input.SLICE + "depot": np.where(south, "south", "north"),
            **columns,
            "action_model": 0.0,
        }
    )
    return compute_figures(scores, "model", [], question, GATES, 0.5, only_judged=True)


def _judged(figures: Any) -> GateResult:
    return _slices_hold(figures, GATES)


def _hard(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outcomes, their log-odds, and a part of the rows where the strong input hardly varies."""
    draw = np.random.default_rng(seed)
    south = draw.random(SIZE) < 0.3
    margin = -1 + np.where(south, 0.3, 1.5) * draw.standard_normal(SIZE)
    return (draw.random(SIZE) < expit(margin)).astype(np.float64), margin, south


@pytest.mark.parametrize("seed", range(3))
def test_who_tells_the_true_probability_passes_where_outcomes_are_hard_to_tell(seed: int) -> None:
    target, margin, south = _hard(seed)
    figures = _figures(target, {"": expit(margin)}, south, QUESTION_WITH_SLICE)
    slices = {one["category"]: one for one in figures["slices"]}
    upper = slices["south"]["ranking"]["upper"]
    assert upper < figures["metrics"]["model"]["auc"]["estimate"] - GATES.slice_auc_drop
    assert slices["south"]["promised"] == pytest.approx(slices["south"]["ranking"]["estimate"], abs=0.04)
    assert _judged(figures).passed


@pytest.mark.parametrize("wrong", ["too sure", "shuffled"])
def test_who_promises_more_than_it_knows_in_a_slice_blocks(wrong: str) -> None:
    target, margin, south = _hard()
    draw = np.random.default_rng(1)
    said = margin.copy()
    if wrong == "too sure":
        said[south] = -1 + 5 * (margin[south] + 1)
    else:
        said[south] = draw.permutation(margin[~south])[: south.sum()]
    found = _judged(_figures(target, {"": expit(said)}, south, QUESTION_WITH_SLICE))
    assert not found.passed
    assert "AUC below what is allowed: ['depot=south 0." in found.reason


def _classes(certain: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outcomes and true probabilities of classes of which two are easy to tell and do not occur in the south."""
    draw = np.random.default_rng(2)
    south = draw.random(SIZE) < 0.3
    z = draw.standard_normal(SIZE)
    easy = np.where(draw.random((2, SIZE)) < 0.4, 4.0, -4.0)
    margins = np.stack([0.35 * z, -0.35 * z, *np.where(south, -30.0, easy)], axis=1)
    probability = softmax(margins, axis=1)
    target = (probability.cumsum(axis=1) > draw.random((SIZE, 1))).argmax(axis=1).astype(np.float64)
    if certain:
        margins[south, :2] = draw.permutation(margins[south, :2]) * 6
    return target, softmax(margins, axis=1), south


@pytest.mark.parametrize("certain", [False, True])
def test_a_slice_without_the_easy_classes_is_held_against_what_it_promises(certain: bool) -> None:
    target, probability, south = _classes(certain)
    prediction = {f".{place}": probability[:, place] for place in range(4)}
    figures = _figures(target, prediction, south, CLASSES)
    slices = {one["category"]: one for one in figures["slices"]}
    whole = figures["metrics"]["model"]["auc"]["estimate"]
    assert slices["south"]["outcomes"]["c"] == 0
    assert slices["south"]["ranking"]["upper"] < whole - 0.1
    assert _judged(figures).passed is not certain


@pytest.mark.parametrize("value", [np.nan, None])
def test_a_slice_is_not_excused_by_a_promise_that_cannot_be_computed(value: float | None) -> None:
    target, margin, south = _hard()
    figures = _figures(target, {"": expit(margin)}, south, QUESTION_WITH_SLICE)
    next(one for one in figures["slices"] if one["category"] == "south")["promised"] = value
    found = _judged(figures)
    assert not found.passed
    assert "south" in found.reason
