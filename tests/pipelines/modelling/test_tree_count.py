"""The number of trees is chosen on the validation folds alone, and the same way every time."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.leakage import LeakageEvidence
from model_lifecycle.contracts.modelling import CandidateSpec, ModellingSpec
from model_lifecycle.datasets.trial_journal import TrialFile
from model_lifecycle.errors import ModelError
from model_lifecycle.features.folds import fold_rows, training_rows
from model_lifecycle.models import load_family
from model_lifecycle.pipelines.modelling.nodes import search
from model_lifecycle.pipelines.modelling.nodes.choice import choose
from model_lifecycle.pipelines.modelling.nodes.search import search_candidates
from parcels import MODELLING, QUESTION_WITH_SLICE, RUN, Stages
from tiny_release import SPEC

NO_LEAK: LeakageEvidence = {"passed": True, "leaks": [], "exempt": [], "notes": [], "checks": {}}
MOST, PATIENCE = 90, 4


def _modelling(**changes: Any) -> ModellingSpec:
    trees = {
        "family": "catboost",
        "parameters": {"iterations": MOST, "depth": 3},
        "search": {"learning_rate": (0.2, 0.9)},
        "trials": 3,
        "early_stopping": PATIENCE,
        **changes,
    }
    return ModellingSpec(
        candidates={"constant": MODELLING.candidates["constant"], "trees": CandidateSpec.model_validate(trees)}
    )


def _search(stages: Stages, modelling: ModellingSpec, **given: Any) -> tuple[list[Any], pd.DataFrame]:
    found: tuple[list[Any], pd.DataFrame] = search_candidates(
        stages.train, stages.plan, modelling, SPEC, RUN, QUESTION_WITH_SLICE, stages.feasibility, NO_LEAK, **given
    )
    return found


def _parameters(trials: list[Any]) -> list[dict[str, Any]]:
    return [trial["parameters"] for trial in trials if trial["candidate"] == "trees"]


class Watched:
    """Sees what each fit is told of later rows, and what it answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.losses: list[np.ndarray] = []
        family = load_family("catboost")
        real = family.losses_by_trees  # type: ignore[attr-defined]

        def watch(*given: Any) -> Any:
            self.calls.append(given)
            self.losses.append(real(*given))
            return self.losses[-1]

        monkeypatch.setattr(family, "losses_by_trees", watch, raising=False)


def test_the_folds_alone_choose_the_number_with_the_lowest_mean_loss(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    tried = _parameters(_search(stages, _modelling())[0])
    observed = (stages.train[model_input.OUTCOME] == model_input.OBSERVED).to_numpy()
    for call, fold in zip(watched.calls, list(stages.plan.folds) * 3, strict=True):
        assert len(call[1]) == training_rows(stages.train, fold).sum()
        assert len(call[2][1]) == (fold_rows(stages.train, fold) & observed).sum()
        np.testing.assert_array_equal(
            call[2][0]["weight"], stages.train["weight"].to_numpy()[fold_rows(stages.train, fold) & observed]
        )
    for number, parameters in enumerate(tried):
        first, second = watched.losses[2 * number : 2 * number + 2]
        reached = min(len(first), len(second))
        assert reached < MOST
        assert parameters["iterations"] == 1 + np.argmin(first[:reached] + second[:reached])
    assert (stages.train[model_input.DECISION_TIME] < stages.plan.test.start).all()


def test_the_same_seed_gives_the_same_numbers_and_the_choice_takes_the_best_trials(stages: Stages) -> None:
    trials, out_of_fold = _search(stages, _modelling())
    again, the_same = _search(stages, _modelling())
    assert _parameters(trials) == _parameters(again)
    pd.testing.assert_frame_equal(out_of_fold, the_same)
    choices, _ = choose(trials, out_of_fold, stages.train, _modelling(), QUESTION_WITH_SLICE)
    best = min((one for one in trials if one["candidate"] == "trees"), key=lambda one: float(np.mean(one["loss"])))
    assert choices.candidates["trees"].parameters == best["parameters"]
    assert best["parameters"]["iterations"] < MOST


def test_an_interrupted_search_takes_the_chosen_numbers_over(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _parameters(_search(stages, _modelling())[0])
    real = search._try
    done: list[Any] = []

    def interrupted(*given: Any) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(given)
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(search, "_try", interrupted)
        with pytest.raises(KeyboardInterrupt):
            _search(stages, _modelling(), journal=TrialFile(tmp_path / "journal.jsonl", "v1"))
    watched = Watched(monkeypatch)
    assert _parameters(_search(stages, _modelling(), journal=TrialFile(tmp_path / "journal.jsonl", "v1"))[0]) == whole
    assert len(watched.calls) == 2  # of the third trial alone


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"family": "linear", "parameters": {}, "search": {"C": (0.1, 1.0)}},
            "trees: early_stopping, but family 'linear' has no trees to count; leave it out",
        ),
        ({"parameters": {"depth": 3}}, "trees: early_stopping chooses 'iterations', expected the most there may be in"),
        ({"search": {"iterations": (10, 90)}}, "trees: early_stopping chooses 'iterations', .* no range in `search`"),
    ],
)
def test_early_stopping_that_cannot_be_is_refused_before_anything_is_fitted(
    stages: Stages, changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_try", None)
    with pytest.raises(ModelError, match=message):
        _search(stages, _modelling(**changes))
