"""The search moves in time order, is repeatable, and stops before it starts when the answer is no-go."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.leakage import LeakageEvidence
from model_lifecycle.contracts.modelling import ModellingSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.errors import GateBlocked, ModelError
from model_lifecycle.pipelines.modelling.nodes.search import search_candidates
from model_lifecycle.statistics.proper_scores import log_loss
from parcels import MODELLING, RUN, Stages
from tiny_release import SPEC

NO_LEAK: LeakageEvidence = {"passed": True, "leaks": [], "exempt": [], "notes": [], "checks": {}}


def _search(stages: Stages, modelling: ModellingSpec = MODELLING, run: RunSpec = RUN, **changes: Any) -> Any:
    given = {"train": stages.train, "plan": stages.plan, "feasibility": stages.feasibility, **changes}
    return search_candidates(given["train"], given["plan"], modelling, SPEC, run, given["feasibility"], NO_LEAK)


def _untimed(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    timed = ("seconds", "one_row_microseconds")
    return [{key: value for key, value in trial.items() if key not in timed} for trial in trials]


def test_the_same_seed_gives_the_same_trials_and_predictions(stages: Stages) -> None:
    trials, out_of_fold = _search(stages)
    assert _untimed(trials) == _untimed(stages.trials)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(out_of_fold, stages.out_of_fold)


def test_another_seed_searches_elsewhere(stages: Stages) -> None:
    trials, _ = _search(stages, run=RUN.model_copy(update={"seed": 9}))
    assert _untimed(trials) != _untimed(stages.trials)  # type: ignore[arg-type]


def test_every_row_of_the_folds_is_predicted_once_and_no_other(stages: Stages) -> None:
    out = stages.out_of_fold
    decided = stages.train[model_input.DECISION_TIME].iloc[out.index]
    for number, fold in enumerate(stages.plan.folds):
        inside = out["fold"] == number
        assert (decided[inside.to_numpy()] >= fold.start).all()
        assert (decided[inside.to_numpy()] < fold.end).all()
    assert len(out) == (stages.train[model_input.DECISION_TIME] >= stages.plan.folds[0].start).sum()
    assert out.notna().all(axis=None)


def test_the_kept_predictions_are_those_of_the_best_trial(stages: Stages) -> None:
    for name in MODELLING.candidates:
        best = min((t for t in stages.trials if t["candidate"] == name), key=lambda t: np.mean(t["loss"]))
        rows = stages.train.iloc[stages.out_of_fold.index]
        first = ((rows[model_input.OUTCOME] == "observed") & (stages.out_of_fold["fold"] == 0).to_numpy()).to_numpy()
        found = log_loss(rows[model_input.TARGET].to_numpy()[first], stages.out_of_fold[name].to_numpy()[first])
        assert found == pytest.approx(best["loss"][0], abs=1e-12)


def test_the_first_trial_takes_the_parameters_as_given(stages: Stages) -> None:
    trees = MODELLING.candidates["trees"]
    given = trees.model_copy(update={"parameters": {**trees.parameters, "learning_rate": 0.2}, "trials": 1})
    trials, _ = _search(stages, MODELLING.model_copy(update={"candidates": {**MODELLING.candidates, "trees": given}}))
    assert trials[-1]["parameters"] == {"iterations": 20, "depth": 3, "learning_rate": 0.2}


def test_a_fold_without_an_observed_outcome_is_refused(stages: Stages) -> None:
    last = stages.train[model_input.DECISION_TIME] >= stages.plan.folds[1].start
    train = stages.train.assign(row_outcome=stages.train[model_input.OUTCOME].mask(last, "pending"))
    with pytest.raises(ModelError, match=r"validation fold 1: no observed outcome, expected some; move run.as_of"):
        _search(stages, train=train)


def test_a_parameter_that_the_family_does_not_know_is_refused(stages: Stages) -> None:
    wrong = MODELLING.candidates["logistic"].model_copy(update={"parameters": {"CC": 1.0}})
    modelling = MODELLING.model_copy(update={"candidates": {**MODELLING.candidates, "logistic": wrong}})
    with pytest.raises(ModelError, match=r"linear: .*CC"):
        _search(stages, modelling)


def test_no_go_blocks_before_any_model_is_fitted(stages: Stages) -> None:
    failed = {"gate": "enough to gain", "passed": False, "reason": "found 3, expected 500", "figures": {}}
    unknown = {"gate": "gain can be seen", "passed": False, "reason": "found 9, expected 7", "figures": {}}
    passed = {"gate": "enough positive outcomes", "passed": True, "reason": "plenty", "figures": {}}
    feasibility = {**stages.feasibility, "go": False, "reasons": [passed, failed, unknown]}
    modelling = ModellingSpec.model_validate(
        {"candidates": {"a": {"family": "no such", "role": "baseline"}, "b": {"family": "no such"}}}
    )
    message = "feasibility says no-go: found 3, expected 500; found 9, expected 7"
    with pytest.raises(GateBlocked, match=f"^{re.escape(message)}$"):
        _search(stages, modelling, feasibility=feasibility)


def test_a_trial_that_fails_is_left_out_and_a_candidate_of_which_all_fail_stops_the_run(
    stages: Stages, caplog: pytest.LogCaptureFixture
) -> None:
    trees = MODELLING.candidates["trees"]
    fixed = {**trees.parameters, "depth": 5}
    half = trees.model_copy(update={"parameters": fixed, "search": {"depth": (4, 400)}, "log_scale": (), "trials": 4})
    found, out_of_fold = _search(stages, modelling=_with_trees(half))
    tried = [trial for trial in found if trial["candidate"] == "trees"]
    assert 0 < len(tried) < 4
    assert "trial" in caplog.text
    assert "failed: catboost: parameters" in caplog.text
    assert np.isfinite(out_of_fold["trees"]).all()
    fixed["depth"] = 35
    none = trees.model_copy(update={"parameters": fixed, "search": {"depth": (30, 40)}, "log_scale": (), "trials": 2})
    with pytest.raises(ModelError, match=r"trees: all 2 trials failed, the last one: catboost: parameters"):
        _search(stages, modelling=_with_trees(none))


def _with_trees(trees: Any) -> Any:
    return MODELLING.model_copy(update={"candidates": {**MODELLING.candidates, "trees": trees}})
