"""Which categories of a declared slice are judged, and what the gate makes of those that are too small."""

from typing import Any

import pytest

from model_lifecycle.contracts.business_question import Slice
from model_lifecycle.pipelines.evaluation.nodes.evidence import evaluate
from model_lifecycle.reporting.evidence import GateEvidence
from parcels import GATES, QUESTION_WITH_SLICE, Stages


def _judged(stages: Stages, *slices: Slice) -> tuple[Any, GateEvidence]:
    question = QUESTION_WITH_SLICE.model_copy(update={"slices": slices})
    figures, verdict = evaluate(
        stages.scores, stages.challenger, stages.leaderboard, question, GATES, stages.plan, None, stages.refit
    )
    return figures["slices"], next(gate for gate in verdict["gates"] if gate["gate"] == "slices")


def _sizes(stages: Stages) -> list[tuple[Any, int]]:
    """Return the depots with their labelled rows, the largest first."""
    observed = stages.scores[stages.scores["row_outcome"] == "observed"]
    return list(observed["row_slice_depot"].value_counts().items())


def test_important_slices_of_which_none_has_enough_rows_block(stages: Stages) -> None:
    small = ", ".join(f"{name} {count}" for name, count in _sizes(stages))
    (told,), found = _judged(stages, Slice(column="depot", minimum_rows=400))
    assert (told["rows"], told["too_small"], told["ranking"]) == (567, 2, None)
    assert not found["passed"]
    assert found["reason"].endswith(f"not to be judged: ['depot (labelled rows: {small}; expected at least 400 each)']")


def test_an_important_slice_that_is_merely_too_small_among_others_is_told(stages: Stages) -> None:
    larger, smaller = _sizes(stages)
    (judged, told), found = _judged(stages, Slice(column="depot", minimum_rows=larger[1]))
    assert (judged["category"], "too_small" in judged) == (larger[0], False)
    assert (told["rows"], told["too_small"]) == (smaller[1], 1)
    assert smaller[0] in told["reason"]
    assert found["passed"]
    assert found["reason"].endswith("; 1 more are too small to judge")


@pytest.mark.parametrize("slices", [(), (Slice(column="depot", kind="sensitive", minimum_rows=400),)])
def test_without_important_slices_there_is_nothing_to_hold(stages: Stages, slices: tuple[Slice, ...]) -> None:
    found = _judged(stages, *slices)[1]
    assert (found["passed"], found["reason"]) == (True, "no important slices are declared")
