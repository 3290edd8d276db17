"""When a search ends and when a trial is given up, on losses made by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts.modelling import CandidateSpec
from model_lifecycle.contracts.trials import Trial
from model_lifecycle.pipelines.modelling.nodes.trials import (
    best_loss,
    data_digest,
    is_hopeless,
    loss_of,
    progress,
    search_key,
    why_it_ends,
)
from parcels import MODELLING, QUESTION_WITH_SLICE, RUN, Stages
from tiny_release import SPEC

SEARCH = {"depth": (2, 9)}


def candidate(**settings: Any) -> CandidateSpec:
    return CandidateSpec.model_validate({"family": "catboost", "search": SEARCH, "trials": 100, **settings})


def trials(*losses: float | list[float] | None, seconds: float = 30.0) -> list[Trial]:
    """Return trials of two folds: one loss for both, a list for each, one of a single fold is pruned, None failed."""
    made: list[Trial] = []
    for number, loss in enumerate(losses, start=1):
        folds = [] if loss is None else loss if isinstance(loss, list) else [loss, loss]
        state: Any = {0: "failed", 1: "pruned", 2: "complete"}[len(folds)]
        one: Trial = {
            "candidate": "trees",
            "number": number,
            "state": state,
            "parameters": {},
            "loss": folds,
            "seconds": seconds,
        }
        made.append({**one, "error": "no such depth"} if state == "failed" else one)
    return made


def test_only_a_complete_trial_has_a_loss_and_can_be_the_best() -> None:
    tried = trials([0.1], 0.5, None, [0.3, 0.4])
    assert list(map(loss_of, tried)) == [np.inf, 0.5, np.inf, 0.35]
    assert best_loss(tried) == 0.35
    assert best_loss(()) == np.inf


@pytest.mark.parametrize(
    ("settings", "tried", "end"),
    [
        ({"trials": 2}, trials(0.5), None),
        ({"trials": 2}, trials(0.5, 0.4), "2 of 2 trials are done"),
        ({"search": {}, "trials": None}, trials(0.5), "1 of 1 trials are done"),
        ({"trials": None, "minutes": 1.01}, trials(0.5, 0.4), None),
        ({"trials": None, "minutes": 1.0}, trials(0.5, 0.4), "1 min are spent"),
        ({"trials": 3, "minutes": 1.0}, trials(0.5, 0.4), "1 min are spent"),
        ({"trials": 2, "minutes": 9.0}, trials(0.5, 0.4), "2 of 2 trials are done"),
        ({"minutes": 0.001}, [], None),
        ({"patience": 2}, trials(0.5, 0.6), None),
        ({"patience": 2}, trials(0.5, 0.6, 0.5), "2 trials in a row without a better one"),
        ({"patience": 2}, trials(0.5, [0.6], None), "2 trials in a row without a better one"),
        ({"patience": 2}, trials(0.5, 0.6, 0.49), None),
        ({"patience": 3}, trials(None), None),
        ({"minutes": 600.0}, trials(*[None] * 9), None),
        ({"minutes": 600.0}, trials(*[None] * 10), "the first 10 trials failed"),
        ({"minutes": 600.0}, trials(0.5, *[None] * 10), None),
    ],
)
def test_a_search_ends_by_whichever_comes_first(settings: dict[str, Any], tried: list[Trial], end: str | None) -> None:
    assert why_it_ends(candidate(**settings), tried) == end


def test_a_trial_is_compared_with_the_median_of_the_complete_ones_on_the_same_folds() -> None:
    spec = candidate(startup_trials=3, startup_folds=1)
    before = trials([0.5, 0.9], [0.6, 0.1], [0.7, 0.1], [0.1])  # the last one was pruned and does not count
    assert not is_hopeless([0.6], spec, before)
    assert is_hopeless([0.601], spec, before)
    assert not is_hopeless([0.6, 0.19], spec, before)  # means of both folds: 0.7, 0.35, 0.4
    assert is_hopeless([0.6, 0.21], spec, before)


def test_nothing_is_pruned_before_enough_trials_and_folds_nor_when_it_is_switched_off() -> None:
    spec = candidate(startup_trials=3, startup_folds=1)
    assert not is_hopeless([9.0], spec, trials(0.5, 0.5, [0.1], None))
    assert is_hopeless([9.0], spec, trials(0.5, 0.5, 0.5))
    assert not is_hopeless([9.0], spec.model_copy(update={"pruning": "none"}), trials(0.5, 0.5, 0.5))
    five = trials(*[0.5] * 5)
    assert not is_hopeless([9.0, 9.0], candidate(), five[:4]), "five trials are the default"
    assert not is_hopeless([9.0], candidate(), five), "and two folds"
    assert is_hopeless([9.0, 9.0], candidate(), five)


@pytest.mark.parametrize(
    ("settings", "tried", "line"),
    [
        (
            {"trials": 4},
            trials(0.5, 0.4),
            "trial 2 of 4 complete, loss 0.4000, best so far 0.4000; 30.0 s, 1.0 min so far, at most 1.0 min to go",
        ),
        (
            {"trials": None, "minutes": 5.0},
            trials(0.5, [0.6]),
            (
                "trial 2 pruned after fold 1, loss 0.6000, best so far 0.5000; 30.0 s, 1.0 min so far, "
                "at most 4.0 min to go"
            ),
        ),
        (
            {"trials": 100, "minutes": 0.75},
            trials(0.5, 0.6),
            ("trial 2 of 100 complete, loss 0.6000, best so far 0.5000; 30.0 s, 1.0 min so far, at most 0.0 min to go"),
        ),
        ({"trials": 2}, trials(0.5, None), "trial 2 of 2 failed: no such depth"),
    ],
)
def test_the_progress_tells_place_loss_best_and_time(settings: dict[str, Any], tried: list[Trial], line: str) -> None:
    assert progress(candidate(**settings), tried) == line


def test_the_data_of_a_search_are_what_it_reads_in_the_order_of_the_rows(stages: Stages) -> None:
    digest = data_digest(stages.train, SPEC)
    assert digest == data_digest(stages.train.assign(unread=1), SPEC)
    assert digest != data_digest(stages.train.iloc[::-1], SPEC)
    for column in (*SPEC.names(), "row_outcome"):
        other = stages.train[column].astype(object).where(stages.train.index != 7)
        assert digest != data_digest(stages.train.assign(**{column: other.astype(stages.train[column].dtype)}), SPEC)


def test_two_searches_are_the_same_only_if_everything_is(stages: Stages) -> None:
    trees, data = MODELLING.candidates["trees"], "d1"
    less = stages.plan.model_copy(update={"folds": stages.plan.folds[:1]})
    in_order, reversed_ranges = {"a": (1, 2), "b": (1, 2)}, {"b": (1, 2), "a": (1, 2)}
    question = QUESTION_WITH_SLICE
    ordered, reverse = (trees.model_copy(update={"search": one}) for one in (in_order, reversed_ranges))
    keys = [
        search_key("trees", trees, data, stages.plan, SPEC, RUN, question),
        search_key("other", trees, data, stages.plan, SPEC, RUN, question),
        search_key("trees", trees.model_copy(update={"trials": 3}), data, stages.plan, SPEC, RUN, question),
        search_key("trees", reverse, data, stages.plan, SPEC, RUN, question),
        search_key("trees", ordered, data, stages.plan, SPEC, RUN, question),
        search_key("trees", trees, "d2", stages.plan, SPEC, RUN, question),
        search_key("trees", trees, data, less, SPEC, RUN, question),
        search_key("trees", trees, data, stages.plan, SPEC, RUN.model_copy(update={"seed": 1}), question),
        search_key("trees", trees, data, stages.plan, SPEC, RUN.model_copy(update={"threads": 3}), question),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert keys[0] == search_key("trees", trees, data, stages.plan, SPEC, RUN, question)
    assert pd.Series(keys).str.fullmatch("[0-9a-f]{64}").all()
