"""The search moves in time order, is repeatable, and stops before it starts when the answer is no-go."""

import logging
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.leakage import LeakageEvidence
from model_lifecycle.contracts.modelling import ModellingSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.datasets.trial_journal import TrialFile
from model_lifecycle.errors import GateBlocked, ModelError
from model_lifecycle.pipelines.modelling.nodes import search
from model_lifecycle.pipelines.modelling.nodes.choice import choose
from model_lifecycle.pipelines.modelling.nodes.search import search_candidates
from model_lifecycle.statistics.proper_scores import log_losses
from model_lifecycle.tasks.binary import BinaryTask
from parcels import MODELLING, QUESTION_WITH_SLICE, RUN, Stages
from tiny_release import SPEC

NO_LEAK: LeakageEvidence = {"passed": True, "leaks": [], "exempt": [], "notes": [], "checks": {}}


def _search(stages: Stages, modelling: ModellingSpec = MODELLING, run: RunSpec = RUN, **changes: Any) -> Any:
    given = {"train": stages.train, "plan": stages.plan, "feasibility": stages.feasibility, **changes}
    fixed = [given.pop(name) for name in ("train", "plan", "feasibility")]
    return search_candidates(fixed[0], fixed[1], modelling, SPEC, run, QUESTION_WITH_SLICE, fixed[2], NO_LEAK, **given)


def _with_trees(trees: Any) -> Any:
    return MODELLING.model_copy(update={"candidates": {**MODELLING.candidates, "trees": trees}})


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
        found = log_losses(
            rows[model_input.TARGET].to_numpy()[first], stages.out_of_fold[name].to_numpy()[first]
        ).mean()
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


def test_a_trial_that_fails_is_told_and_kept_and_a_candidate_of_which_all_fail_stops_the_run(
    stages: Stages, caplog: pytest.LogCaptureFixture
) -> None:
    trees = MODELLING.candidates["trees"]
    fixed = {**trees.parameters, "depth": 5}
    half = trees.model_copy(update={"parameters": fixed, "search": {"depth": (4, 400)}, "log_scale": (), "trials": 4})
    found, out_of_fold = _search(stages, modelling=_with_trees(half))
    tried = [trial for trial in found if trial["candidate"] == "trees"]
    assert [trial["state"] for trial in tried].count("failed") in range(1, 4)
    for trial in tried:
        failed = trial["state"] == "failed"
        assert ("error" in trial, trial["loss"] == [], "size_bytes" in trial) == (failed, failed, not failed)
    assert re.search(r"trees: trial \d of 4 failed: catboost: parameters", caplog.text)
    assert np.isfinite(out_of_fold["trees"]).all()
    fixed["depth"] = 35
    none = trees.model_copy(update={"parameters": fixed, "search": {"depth": (30, 40)}, "log_scale": (), "trials": 2})
    with pytest.raises(ModelError, match=r"trees: all 2 trials failed, the last one: catboost: parameters"):
        _search(stages, modelling=_with_trees(none))


def _trees(**changes: Any) -> Any:
    """Return the models with other settings of the search among the trees."""
    return _with_trees(MODELLING.candidates["trees"].model_copy(update=changes))


# Of six trials some are pruned, some better than all before.
PRUNING = _trees(trials=6, startup_trials=2, startup_folds=1, search={"learning_rate": (0.001, 0.5), "depth": (2, 5)})


class Clock:
    """Every trial takes a minute: it is asked at the beginning and at the end of each."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> float:
        self.asked += 1
        return self.asked // 2 * 60.0


class Fits:
    """Counts the trials that are run, and stops the process at the one of the test's choice."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stop_at: int | None = None) -> None:
        self.done = 0
        self.stop_at = stop_at
        self._real = search._try
        monkeypatch.setattr(search, "_try", self)

    def __call__(self, *given: Any) -> Any:
        if self.done == self.stop_at:
            raise KeyboardInterrupt
        self.done += 1
        return self._real(*given)


@pytest.fixture(scope="module")
def whole(stages: Stages) -> tuple[list[Any], pd.DataFrame]:
    """A search that was not interrupted."""
    found: tuple[list[Any], pd.DataFrame] = _search(stages, PRUNING)
    return found


def test_a_hopeless_trial_ends_after_its_first_fold_and_is_told_as_pruned(
    stages: Stages, whole: tuple[list[Any], pd.DataFrame]
) -> None:
    tried = [trial for trial in whole[0] if trial["candidate"] == "trees"]
    states = [trial["state"] for trial in tried]
    assert states[:2] == ["complete", "complete"]
    assert set(states) == {"complete", "pruned"}
    assert {len(trial["loss"]) for trial in tried if trial["state"] == "pruned"} == {1}
    unpruned, _ = _search(stages, _trees(**{**PRUNING.candidates["trees"].model_dump(), "pruning": "none"}))
    assert {(trial["state"], len(trial["loss"])) for trial in unpruned} == {("complete", 2)}


@pytest.mark.parametrize("after", [0, 1, 2, 4, 7])
def test_an_interrupted_search_goes_on_to_the_same_trials_and_the_same_choice(
    stages: Stages,
    whole: tuple[list[Any], pd.DataFrame],
    after: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "journal.jsonl"
    fits = Fits(monkeypatch, stop_at=after)
    with pytest.raises(KeyboardInterrupt):
        _search(stages, PRUNING, journal=TrialFile(file, "v1"))
    fits.stop_at = None
    trials, out_of_fold = _search(stages, PRUNING, journal=TrialFile(file, "v1"))
    assert fits.done == len(whole[0]) == 8
    assert _untimed(trials) == _untimed(whole[0])
    pd.testing.assert_frame_equal(out_of_fold, whole[1])
    choices = [
        choose(one, out, stages.train, PRUNING, QUESTION_WITH_SLICE)[0] for one, out in (whole, (trials, out_of_fold))
    ]
    assert choices[0] == choices[1]
    assert not file.exists()


def test_trials_that_are_taken_over_teach_the_sampler_like_those_that_are_run(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ten trials are drawn blindly; only then do the losses before them count."""
    given = {"trials": 13, "parameters": {"iterations": 2}, "search": {"learning_rate": (0.01, 0.9), "depth": (1, 6)}}
    whole, _ = _search(stages, _trees(**given))
    fits = Fits(monkeypatch, stop_at=2 + 11)
    with pytest.raises(KeyboardInterrupt):
        _search(stages, _trees(**given), journal=TrialFile(tmp_path / "j", "v1"))
    fits.stop_at = None
    again, _ = _search(stages, _trees(**given), journal=TrialFile(tmp_path / "j", "v1"))
    assert fits.done == 2 + 13
    assert _untimed(again) == _untimed(whole)


def test_a_search_that_came_to_its_end_is_run_again(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = Fits(monkeypatch)
    for _ in range(2):
        _search(stages, journal=TrialFile(tmp_path / "journal.jsonl", "v1"))
    assert fits.done == 2 * 4


def test_a_search_that_failed_as_a_whole_leaves_no_journal(stages: Stages, tmp_path: Path) -> None:
    journal = TrialFile(tmp_path / "journal.jsonl", "v1")
    with pytest.raises(ModelError, match="trees: all 2 trials failed"):
        _search(stages, _trees(parameters={"depth": 35}, search={"depth": (30, 40)}), journal=journal)
    assert not (tmp_path / "journal.jsonl").exists()


@pytest.mark.parametrize("what", ["data", "seed", "folds", "candidate", "code"])
def test_a_journal_of_anything_else_is_not_taken_over(
    stages: Stages, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "journal.jsonl"
    fits = Fits(monkeypatch, stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        _search(stages, journal=TrialFile(file, "v1"))
    weight = stages.train["weight"].mask(stages.train.index == 7, 1.25)
    earlier = stages.plan.folds[0].model_copy(update={"start": stages.plan.folds[0].start - timedelta(hours=1)})
    changes: dict[str, dict[str, Any]] = {
        "data": {"train": stages.train.assign(weight=weight)},
        "seed": {"run": RUN.model_copy(update={"seed": 1})},
        "folds": {"plan": stages.plan.model_copy(update={"folds": (earlier, stages.plan.folds[1])})},
        "candidate": {},
        "code": {},
    }
    modelling = _trees(search={"learning_rate": (0.05, 0.31)}) if what == "candidate" else MODELLING
    fits.stop_at, fits.done = None, 0
    _search(stages, modelling, journal=TrialFile(file, "v2" if what == "code" else "v1"), **changes[what])
    # Of the changed candidate all is run again; the two before it are what they were.
    assert fits.done == (2 if what == "candidate" else 4)


def test_minutes_end_a_search_and_one_that_is_taken_up_again_counts_those_that_are_spent(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modelling = _trees(trials=None, minutes=2.5)
    trials, _ = _search(stages, modelling, clock=Clock())
    assert [trial["seconds"] for trial in trials if trial["candidate"] == "trees"] == [60.0, 60.0, 60.0]
    fits = Fits(monkeypatch, stop_at=4)
    journal = TrialFile(tmp_path / "journal.jsonl", "v1")
    with pytest.raises(KeyboardInterrupt):
        _search(stages, modelling, journal=journal, clock=Clock())
    fits.stop_at = None
    again, _ = _search(stages, modelling, journal=journal, clock=Clock())
    assert fits.done == 5
    assert _untimed(again) == _untimed(trials)


def test_the_progress_is_told_with_the_best_so_far(stages: Stages, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _search(stages, clock=Clock())
    assert re.search(
        r"trees: trial 1 of 2 complete, loss (0\.\d{4}), best so far \1; 60\.0 s, 1\.0 min so far, "
        r"at most 1\.0 min to go",
        caplog.text,
    )
    assert "trees: 2 of 2 trials are done, best loss 0." in caplog.text


def test_a_loss_that_is_no_number_fails_the_trial(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BinaryTask, "raw_losses", lambda *_: np.array([np.nan]))
    with pytest.raises(ModelError, match=r"constant: losses \[nan, nan\], expected finite ones"):
        _search(stages)
