"""A release that does not boot, or scores otherwise in service than offline, is held back."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_lifecycle.pipelines.deployment.nodes import proof
from model_lifecycle.pipelines.deployment.nodes.packing import parity_features, select_history, select_parity_rows
from model_lifecycle.pipelines.deployment.nodes.proof import prove_in_service
from model_lifecycle.releases.packed import WrittenRelease
from model_lifecycle.reporting.evidence import GateEvidence
from parcels import GATES, QUESTION_WITH_SLICE, Stages
from tiny_release import SPEC

RELEASE = WrittenRelease("parcels-1", Path("nowhere"), "0" * 64)


def _prove(stages: Stages, release: WrittenRelease = RELEASE) -> list[GateEvidence]:
    parity = select_parity_rows(stages.primary, stages.test, SPEC, QUESTION_WITH_SLICE, GATES)
    found = prove_in_service(release, stages.challenger, parity, select_history(stages.events, SPEC), GATES)
    assert found["digest"] == release.digest
    return found["gates"]


def _answering(monkeypatch: pytest.MonkeyPatch, stages: Stages, **answer: Any) -> list[GateEvidence]:
    """Return the verdict on a service whose answers are the offline ones, but for what is planted."""
    parity = select_parity_rows(stages.primary, stages.test, SPEC, QUESTION_WITH_SLICE, GATES)
    score = stages.challenger.predict(parity_features(parity, SPEC))
    task, threshold = stages.challenger.task, stages.challenger.threshold
    given = {
        "score": score,
        "decisions": task.decisions(task.actions(score, threshold)),
        "names": {"parcels-1"},
        **answer,
    }
    monkeypatch.setattr(proof, "_ask", lambda *_: (given["score"], given["decisions"], given["names"]))
    return _prove(stages)


def _passed(found: list[GateEvidence]) -> dict[str, bool]:
    return {gate["gate"]: gate["passed"] for gate in found}


def test_a_release_that_is_not_there_fails_both_gates_with_the_last_words_of_the_service(stages: Stages) -> None:
    found = _prove(stages)
    assert _passed(found) == {"package boots": False, "parity": False}
    assert found[0]["reason"].startswith("the service failed: the service ended with code ")
    assert "nowhere" in found[0]["reason"]


def test_equal_answers_of_the_right_release_pass(monkeypatch: pytest.MonkeyPatch, stages: Stages) -> None:
    found = _answering(monkeypatch, stages)
    assert _passed(found) == {"package boots": True, "parity": True}
    assert found[1]["reason"].startswith(
        "30 predictions in service differ from the offline ones by at most 0, expected at most 0;"
    )


def test_answers_of_another_release_do_not_count_as_booted(monkeypatch: pytest.MonkeyPatch, stages: Stages) -> None:
    found = _answering(monkeypatch, stages, names={"parcels-1", "parcels-0"})
    assert _passed(found)["package boots"] is False
    assert "['parcels-0', 'parcels-1']" in found[0]["reason"]


@pytest.mark.parametrize("planted", [1e-9, math.nan])
def test_one_score_that_differs_fails_the_parity(
    monkeypatch: pytest.MonkeyPatch, stages: Stages, planted: float
) -> None:
    parity = select_parity_rows(stages.primary, stages.test, SPEC, QUESTION_WITH_SLICE, GATES)
    score = stages.challenger.predict(parity_features(parity, SPEC)).copy()
    score[7] += planted
    found = _answering(monkeypatch, stages, score=score)
    assert _passed(found) == {"package boots": True, "parity": False}
    assert all(math.isfinite(figure) for gate in found for figure in gate["figures"].values())


def test_one_decision_that_differs_fails_the_parity_though_all_scores_agree(
    monkeypatch: pytest.MonkeyPatch, stages: Stages
) -> None:
    parity = select_parity_rows(stages.primary, stages.test, SPEC, QUESTION_WITH_SLICE, GATES)
    score, task = stages.challenger.predict(parity_features(parity, SPEC)), stages.challenger.task
    decisions = task.decisions(task.actions(score, stages.challenger.threshold))
    decisions[3] = "leave" if decisions[3] == "act" else "act"
    found = _answering(monkeypatch, stages, decisions=decisions)
    assert _passed(found)["parity"] is False
    assert found[1]["reason"].endswith("1 decisions differ")


def test_missing_answers_fail_the_parity(monkeypatch: pytest.MonkeyPatch, stages: Stages) -> None:
    found = _answering(monkeypatch, stages, score=np.array([0.5]), act=np.array([True]))
    assert found[1]["reason"] == "1 answers to 30 requests"
    assert _passed(found)["parity"] is False
