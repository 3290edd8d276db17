"""Calibration, threshold and challenger, all chosen on the validation folds."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.modelling import ModellingSpec
from model_lifecycle.pipelines.modelling.nodes.choice import Choices, choose
from model_lifecycle.statistics.discrimination import roc_auc
from model_lifecycle.tasks.binary import NEVER
from parcels import MODELLING, QUESTION_WITH_SLICE, Stages

ROWS = 4_000
COST = {"number": 1, "state": "complete", "seconds": 0.0, "one_row_microseconds": 1.0, "size_bytes": 1}


def _modelling(**calibrations: Any) -> ModellingSpec:
    candidates = {"base": {"family": "constant", "role": "baseline"}, "model": {"family": "linear"}}
    return ModellingSpec.model_validate({"candidates": candidates, **calibrations})


def _choose(
    score: np.ndarray, target: np.ndarray, outcome: Any = "observed", base: np.ndarray | None = None, **options: Any
) -> tuple[Choices, list[Any]]:
    """Choose between a baseline that says 0.4 (or as given) and a model of the given scores, over two folds."""
    moments = pd.date_range("2024-01-01", periods=len(target), freq="20min", tz="UTC")
    train = pd.DataFrame({model_input.TARGET: target, model_input.OUTCOME: outcome, model_input.DECISION_TIME: moments})
    train[model_input.TARGET] = train[model_input.TARGET].where(train[model_input.OUTCOME] == "observed")
    folds = options.pop("folds", np.arange(len(target)) * 2 // len(target))
    out = pd.DataFrame({"fold": folds, "base": 0.4 if base is None else base, "model": score})
    trials: Any = [
        {"candidate": name, "parameters": {}, "loss": [options.pop(name, 0.5)], **COST} for name in ("base", "model")
    ]
    return choose(trials, out, train, _modelling(**options), QUESTION_WITH_SLICE)


def _drawn(seed: int = 1, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    probability = draw.uniform(0.02, 0.98, rows)
    return probability, (draw.uniform(size=rows) < probability).astype(float)


def _distorted(probability: np.ndarray) -> np.ndarray:
    logit = np.log(probability / (1 - probability))
    return np.asarray(1 / (1 + np.exp(-(3 * logit + 1))))


def test_good_scores_are_left_alone() -> None:
    probability, target = _drawn()
    folds = (np.arange(ROWS) >= 100).astype(int)  # a hundred rows fit a sigmoid worse than what is right already
    assert _choose(probability, target, folds=folds)[0].candidates["model"].calibration.method == "none"


def test_overconfident_scores_get_a_sigmoid_that_undoes_it() -> None:
    probability, target = _drawn()
    calibration = _choose(_distorted(probability), target)[0].candidates["model"].calibration
    assert calibration.method == "sigmoid"
    assert calibration.slope == pytest.approx(1 / 3, rel=0.1)
    np.testing.assert_allclose(calibration.apply(_distorted(probability)), probability, atol=0.03)


def test_with_one_fold_there_is_no_evidence_for_a_calibration() -> None:
    probability, target = _drawn()
    choices, _ = _choose(_distorted(probability), target, folds=np.zeros(ROWS, dtype=int))
    assert choices.candidates["model"].calibration.method == "none"


@pytest.mark.parametrize("calibrations", [("sigmoid",), ()])
def test_scores_that_rank_the_wrong_way_round_stay_as_they_are(calibrations: tuple[str, ...]) -> None:
    probability, target = _drawn()
    choices, _ = _choose(1 - probability, target, calibrations=calibrations)
    assert choices.candidates["model"].calibration.method == "none"


def test_a_constant_that_moves_against_the_outcomes_does_not_stop_the_run() -> None:
    """Over three folds a base rate falls while the outcomes rise: a sigmoid on it would slope downwards."""
    probability, target = _drawn()
    folds = np.arange(ROWS) * 3 // ROWS
    target = np.where(folds == 0, np.arange(ROWS) % 5 == 0, target).astype(float)
    choices, _ = _choose(probability, target, base=np.array([0.45, 0.3, 0.35])[folds], folds=folds)
    assert choices.candidates["base"].calibration.method == "none"


def test_the_order_of_rows_is_told_fold_by_fold_weighted_by_their_rows() -> None:
    """The base rate falls while the outcomes rise: across folds the constants would be worse than chance."""
    probability, target = _drawn()
    folds = (np.arange(ROWS) >= 1_000).astype(int)
    _, leaderboard = _choose(probability, target, base=np.array([0.6, 0.4])[folds], folds=folds, calibrations=("none",))
    found = {row["model"]: row["ranking"] for row in leaderboard}
    first, second = (roc_auc(target[folds == fold], probability[folds == fold]) for fold in (0, 1))
    assert found == {"base": 0.5, "model": pytest.approx(first / 4 + second * 3 / 4)}


def test_a_fold_whose_outcomes_are_all_alike_tells_nothing_of_the_order_and_stops_nothing() -> None:
    probability, target = _drawn()
    folds = np.arange(ROWS) * 2 // ROWS
    alike = np.where(folds == 0, 1.0, target)
    _, leaderboard = _choose(probability, alike, folds=folds, calibrations=("none",))
    found = next(row["ranking"] for row in leaderboard if row["model"] == "model")
    assert found == pytest.approx(roc_auc(target[folds == 1], probability[folds == 1]))
    one_each = folds.astype(float)  # each fold alike in itself: only together do they have an order
    _, leaderboard = _choose(probability, one_each, folds=folds, calibrations=("none",))
    assert next(row["ranking"] for row in leaderboard if row["model"] == "model") == pytest.approx(
        roc_auc(one_each, probability)
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(min_value=0, max_value=10_000), st.floats(min_value=0, max_value=0.4))
def test_no_other_threshold_is_worth_more_over_settled_rows_lost_ones_included(seed: int, lost: float) -> None:
    probability, target = _drawn(seed, rows=300)
    draw = np.random.default_rng(seed).uniform(size=300)
    outcome = np.where(draw < lost, "unavailable", np.where(draw > 0.95, "pending", "observed"))
    choice = _choose(probability, target, outcome, calibrations=("none",))[0].candidates["model"]
    gain = np.where(outcome == "unavailable", -5.0, np.where(target == 1.0, 7.0, -5.0)) * (outcome != "pending")
    found = gain[probability >= choice.threshold].sum()
    assert found == pytest.approx(max(gain[probability >= other].sum() for other in (*probability, NEVER)))


def test_rows_with_an_unavailable_outcome_move_the_threshold() -> None:
    probability, target = _drawn()
    plain, _ = _choose(probability, target)
    outcome = np.where(probability < 0.7, "observed", "unavailable")
    lost, leaderboard = _choose(probability, target, outcome)
    assert plain.candidates["model"].threshold == pytest.approx(5 / 12, abs=0.1)
    assert lost.candidates["model"].threshold == NEVER  # acting on the lost ones costs more than the rest is worth
    assert next(row["value_per_1000"] for row in leaderboard if row["model"] == "model") == 0.0


def test_a_baseline_is_never_the_challenger_however_well_it_does() -> None:
    probability, target = _drawn()
    choices, leaderboard = _choose(probability, target, base=probability, model=0.9)
    assert choices.challenger == "model"
    assert [(row["model"], row["chosen"]) for row in leaderboard] == [("base", False), ("model", True)]


@pytest.mark.parametrize(
    ("noise", "rule", "chosen"), [(0.02, True, "simple"), (0.02, False, "best"), (1.0, True, "best")]
)
def test_a_simpler_candidate_within_a_standard_error_of_the_best_is_preferred(
    noise: float, rule: bool, chosen: str
) -> None:
    """The simple one's log-odds are off by so much noise: too little to be seen in 4,000 rows, or far too much."""
    probability, target = _drawn()
    off = np.random.default_rng(3).normal(0, noise, ROWS)
    simple = 1 / (1 + np.exp(-(np.log(probability / (1 - probability)) + off)))
    times = pd.date_range("2024-01-01", periods=ROWS, freq="20min", tz="UTC")
    train = pd.DataFrame(
        {model_input.TARGET: target, model_input.OUTCOME: "observed", model_input.DECISION_TIME: times}
    )
    out = pd.DataFrame({"fold": np.arange(ROWS) * 2 // ROWS, "base": 0.4, "simple": simple, "best": probability})
    spec = ModellingSpec.model_validate(
        {
            "candidates": {
                "base": {"family": "constant", "role": "baseline"},
                "simple": {"family": "linear"},
                "best": {"family": "catboost"},
            },
            "one_standard_error": rule,
        }
    )
    losses = {"base": 0.7, "simple": 0.5001, "best": 0.5}
    trials: Any = [{"candidate": name, "parameters": {}, "loss": [loss], **COST} for name, loss in losses.items()]
    assert choose(trials, out, train, spec, QUESTION_WITH_SLICE)[0].challenger == chosen


def test_a_pruned_or_failed_trial_is_never_chosen_and_the_leaderboard_counts_it() -> None:
    probability, target = _drawn()
    moments = pd.date_range("2024-01-01", periods=ROWS, freq="20min", tz="UTC")
    train = pd.DataFrame(
        {model_input.TARGET: target, model_input.OUTCOME: "observed", model_input.DECISION_TIME: moments}
    )
    out = pd.DataFrame({"fold": np.arange(ROWS) * 2 // ROWS, "base": 0.4, "model": probability})
    tried: list[tuple[str, list[float]]] = [
        ("complete", [0.5, 0.6]), ("pruned", [0.1]), ("failed", []), ("complete", [0.4, 0.6]), ("pruned", [0.2]),
    ]  # fmt: skip
    trials: Any = [{"candidate": "base", "parameters": {}, "loss": [0.7], **COST}]
    trials += [
        {"candidate": "model", "parameters": {"number": number}, "loss": losses} | COST | {"state": state}
        for number, (state, losses) in enumerate(tried, start=1)
    ]
    choices, leaderboard = choose(trials, out, train, _modelling(), QUESTION_WITH_SLICE)
    assert choices.candidates["model"].parameters == {"number": 4}
    counts = {row["model"]: (row["trials"], row.get("pruned"), row.get("failed")) for row in leaderboard}
    assert counts == {"base": (1, 0, 0), "model": (5, 2, 1)}
    assert next(row["loss"] for row in leaderboard if row["model"] == "model") == 0.5


def test_the_challenger_is_marked_and_every_candidate_is_settled(stages: Stages) -> None:
    assert [row["model"] for row in stages.leaderboard if row["chosen"]] == [stages.choices.challenger]
    assert set(stages.choices.candidates) == set(MODELLING.candidates)


def test_the_leaderboard_tells_how_the_days_of_the_folds_depend_each_fold_by_itself() -> None:
    """The days of each fold are alike; between the folds the level jumps, which is no dependence within one."""
    draw = np.random.default_rng(4)
    day = np.arange(ROWS) // 72
    fold = (day >= 28).astype(int)
    independent = draw.normal(size=day.max() + 1)
    lasting = np.convolve(draw.normal(size=day.max() + 20), np.ones(20) / 4, mode="valid")
    found = []
    for level in (independent, lasting):
        probability = 1 / (1 + np.exp(-(level[day] + 4 * fold - 2)))
        target = (draw.uniform(size=ROWS) < probability).astype(float)
        found.append(_choose(probability, target, folds=fold)[1][1])
    assert [row["days"] for row in found] == [56, 56]
    assert found[0]["dependence"] < 0.35
    assert found[1]["dependence"] > found[0]["dependence"] + 0.2


def test_folds_of_a_single_day_tell_of_no_dependence() -> None:
    probability, target = _drawn(rows=40)
    row = _choose(probability, target)[1][1]
    assert (row["days"], row["dependence"]) == (0, 0.0)
