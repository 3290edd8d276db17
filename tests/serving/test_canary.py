"""The canary in a running service, told by a real registry."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from model_lifecycle.registry import Registry
from model_lifecycle.releases import verify_release
from model_lifecycle.serving.canary import CanaryGuard
from model_lifecycle.serving.settings import CanaryLimits, ControlSettings, ServiceSettings
from model_lifecycle.store import Store
from model_lifecycle.trials import Trials
from tiny_release import START, record, tiny_release

Start = Callable[..., Any]
RECORDS = [record(number) for number in range(200)]


@pytest.fixture
def registry(settings: ServiceSettings) -> Registry:
    return Registry(settings.registry, settings.registry_name)


@pytest.fixture
def trials(registry: Registry) -> Trials:
    return Trials(registry)


@pytest.fixture
def live(start: Start, registry: Registry, release: Path) -> Any:
    registry.promote(register(registry, release), "a test", "test")
    return start(release=None, canary=CanaryLimits(latency_seconds=30))


def register(registry: Registry, path: Path) -> int:
    return registry.register(path, verify_release(path).digest, {}, {})


def begin(trials: Trials, registry: Registry, folder: Path, live: Any, share: float = 0.3) -> int:
    """Put a second release on trial and wait until the service has it."""
    version = register(registry, tiny_release(folder, "parcels-2", seed=8))
    trials.begin("canary", version, share=share, reason="a test", by="test")
    eventually(lambda: live.service.model()["canary"] is not None)
    return version


def test_a_canary_answers_its_share_and_the_log_tells_who_answered(
    live: Any, trials: Trials, registry: Registry, store: Store, tmp_path: Path
) -> None:
    begin(trials, registry, tmp_path, live)
    answers = live.predict(*RECORDS)
    assert [answer["parcel"] for answer in answers] == [one["parcel"] for one in RECORDS]
    share = sum(answer["role"] == "canary" for answer in answers) / len(answers)
    assert 0.2 < share < 0.4
    assert {(answer["role"], answer["release"]) for answer in answers} == {
        ("champion", "parcels-1"),
        ("canary", "parcels-2"),
    }
    logged = store.predictions_between(START, START + timedelta(days=100)).set_index("prediction_id")
    for answer in answers:
        row = logged.loc[answer["prediction_id"]]
        assert (row.role, row.release, row.score, row.decision_id) == (
            answer["role"],
            answer["release"],
            answer["score"],
            answer["parcel"],
        )


def test_the_same_decision_is_answered_by_the_same_release_again(
    live: Any, trials: Trials, registry: Registry, tmp_path: Path
) -> None:
    begin(trials, registry, tmp_path, live)
    first, second = (
        {one["parcel"]: (one["role"], one["score"]) for one in live.predict(*records)}
        for records in (RECORDS, RECORDS[::-1])
    )
    assert first == second


def test_a_canary_that_fails_is_answered_for_and_withdrawn(
    live: Any, trials: Trials, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(trials, registry, tmp_path, live)
    scorer = live.service._canaries.current.release.scorer

    def fails(_: object) -> object:
        raise ValueError("a bug in the new features")

    monkeypatch.setitem(scorer.__dict__, "columns", fails)
    assert {answer["role"] for answer in live.predict(*RECORDS)} == {"champion"}
    eventually(lambda: trials.current("canary") is None)
    last = trials.history()[-1]
    assert (last.action, last.by) == ("end", "service replica")
    assert "decisions failed, limit 1.00%; the last with ValueError at test_canary.py:" in last.reason
    eventually(lambda: live.service.model()["canary"] is None)


def test_a_canary_that_is_damaged_is_refused_and_its_trial_ends(
    live: Any, trials: Trials, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny_release(tmp_path, "parcels-2")
    version = register(registry, path)
    model = path / "model" / "catboost.cbm"
    model.chmod(0o644)
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    monkeypatch.setattr("model_lifecycle.trials.verify_release", lambda *_: None)  # the damage came just after
    trials.begin("canary", version, share=1.0, reason="a test", by="test")
    eventually(lambda: trials.current("canary") is None)
    assert "refused: " in trials.history()[-1].reason
    assert live.predict(record(1))[0]["role"] == "champion"
    assert "catboost.cbm': changed" in live.service.model()["canary"]["refused"]


def test_a_canary_whose_files_are_away_stays_on_trial_and_answers_once_they_are_back(
    live: Any, trials: Trials, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny_release(tmp_path, "parcels-2", seed=8)
    version = register(registry, path)
    path.rename(tmp_path / "away")
    monkeypatch.setattr("model_lifecycle.trials.verify_release", lambda *_: None)
    trials.begin("canary", version, share=0.3, reason="a test", by="test")
    eventually(lambda: live.service.model()["canary"] is not None)
    assert "no folder" in live.service.model()["canary"]["refused"]
    assert trials.current("canary") is not None
    (tmp_path / "away").rename(path)
    eventually(lambda: bool(live.service.model()["canary"].get("release") == "parcels-2"))


def test_a_promoted_canary_is_the_champion(live: Any, trials: Trials, registry: Registry, tmp_path: Path) -> None:
    version = begin(trials, registry, tmp_path, live, share=0.2)
    registry.promote(version, "a test", "test")
    eventually(lambda: live.service.model()["release"] == "parcels-2" and live.service.model()["canary"] is None)
    assert {(one["role"], one["release"]) for one in live.predict(*RECORDS)} == {("champion", "parcels-2")}


def test_slow_calls_breach_once_they_are_more_than_one_in_a_hundred() -> None:
    guard = CanaryGuard(CanaryLimits(latency_seconds=0.05, minimum_breaches=3))
    for call in range(400):
        guard.answered(1, 0.06 if call % 200 == 0 else 0.01)
    assert guard.breach is None
    for _ in range(3):
        guard.answered(1, 0.06)
    assert guard.breach == "p99 of the last 403 model calls is 60.0 ms, limit 50 ms"


def test_few_failures_among_many_decisions_are_no_breach() -> None:
    guard = CanaryGuard(CanaryLimits(error_share=0.02, window=500))
    guard.answered(500, 0.01)
    guard.failed(5, ValueError("x"))
    assert guard.breach is None
    guard.failed(6, ValueError("x"))
    assert guard.breach is not None


def test_withheld_advice_is_told_and_logged(start: Start, store: Store) -> None:
    api = start(control=ControlSettings(share=0.5))
    answers = api.predict(*RECORDS)
    withheld = [one for one in answers if one["action"] != one["decision"]]
    advised = [one for one in answers if one["decision"] == "act"]
    assert 0.3 < len(withheld) / len(advised) < 0.7
    assert {(one["decision"], one["action"], one["propensity"]) for one in withheld} == {("act", "leave", 0.5)}
    logged = store.predictions_between(START, START + timedelta(days=100)).set_index("prediction_id")
    assert {
        (row.action, row.propensity) for row in logged.loc[[one["prediction_id"] for one in withheld]].itertuples()
    } == {("leave", 0.5)}
