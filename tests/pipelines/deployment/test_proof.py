"""A release that does not boot, or scores otherwise in service than offline, is held back."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.pipelines.deployment.nodes import proof
from model_lifecycle.pipelines.deployment.nodes.packing import parity_features, select_parity_rows
from model_lifecycle.pipelines.deployment.nodes.proof import prove_in_service
from model_lifecycle.pipelines.feature_engineering.nodes import make_model_input, plan_split
from model_lifecycle.releases.packed import WrittenRelease
from model_lifecycle.reporting.evidence import GateEvidence
from model_lifecycle.scoring import Scorer
from model_lifecycle.serving.live_history import LiveHistory
from model_lifecycle.store import Store
from parcels import GATES, QUESTION_WITH_SLICE, RUN, SPLIT, Stages
from tiny_release import SPEC

RELEASE = WrittenRelease("parcels-1", Path("nowhere"), "0" * 64)


def _prove(stages: Stages, release: WrittenRelease = RELEASE) -> list[GateEvidence]:
    parity = select_parity_rows(stages.primary, stages.test, SPEC, QUESTION_WITH_SLICE, GATES)
    found = prove_in_service(release, stages.challenger, parity, stages.events, GATES)
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


def _history_alone(scorer: Scorer) -> Callable[..., AbstractContextManager[Any]]:
    """Return a service that takes its history from its store as the real one does, without the processes."""

    def start(*, store_url: str, history_margin: timedelta, **_: Any) -> AbstractContextManager[Any]:
        with Store.open(store_url) as store:
            history = LiveHistory(store, SPEC, history_margin, poll_seconds=1.0).snapshot.history

        def predict(records: list[dict[str, object]]) -> list[Any]:
            found = scorer.score(scorer.columns(records), history)
            decisions = scorer.task.decisions(found.action)
            return [
                SimpleNamespace(score=score, outputs=None, decision=decision, release=RELEASE.release_id)
                for score, decision in zip(found.prediction, decisions, strict=True)
            ]

        return nullcontext(SimpleNamespace(client=lambda: nullcontext(SimpleNamespace(predict=predict))))

    return start


@pytest.mark.parametrize("days", [0, 3, 20])
@pytest.mark.parametrize("every", [1, 10])
def test_parity_holds_however_long_before_the_newest_event_and_however_far_apart_its_rows_were_decided(
    monkeypatch: pytest.MonkeyPatch, stages: Stages, days: int, every: int
) -> None:
    split = SPLIT.model_copy(update={"label_delay": timedelta(days=days)})
    plan = plan_split(stages.primary, split, RUN, QUESTION_WITH_SLICE)
    _, test = make_model_input(stages.primary, stages.events, SPEC, stages.state, plan, QUESTION_WITH_SLICE)
    parity = select_parity_rows(stages.primary, test[::every], SPEC, QUESTION_WITH_SLICE, GATES)
    assert stages.events["known_at"].max() - parity["asked_at"].max() > pd.Timedelta(days=days - 1)
    monkeypatch.setattr(proof, "running_service", _history_alone(stages.challenger))
    found = prove_in_service(RELEASE, stages.challenger, parity, stages.events, GATES)["gates"]
    assert found[1]["reason"].endswith("at most 0, expected at most 0; 0 decisions differ")
    assert _passed(found) == {"package boots": True, "parity": True}
