"""The agent's works on a real registry; the runs are told what to leave behind."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from agent_world import START, AgentWorld
from model_lifecycle.agent import kedro_works, runs, trial
from model_lifecycle.agent.kedro_works import KedroWorks
from model_lifecycle.agent.project import AgentProject
from model_lifecycle.agent.state import Candidate, Order
from model_lifecycle.agent.works import RetrainingFailed
from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.contracts.gates import COMPARED_TAG
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.contracts.retraining import ORDER_TAG
from model_lifecycle.errors import LifecycleError
from model_lifecycle.monitoring.alert_turn import turn_of
from model_lifecycle.monitoring.alerts import Judged, Judgement
from model_lifecycle.releases import verify_release
from model_lifecycle.store import Store
from tiny_release import tiny_release

ORDER = Order(id="20240701T000000Z", as_of=START, reasons=("the loss rose",))


@pytest.fixture
def works(world: AgentWorld, tmp_path: Path) -> KedroWorks:
    monitoring = MonitoringSpec.model_validate({"window": "7d"})
    policy = PolicySpec.model_validate({"cooldown": "1d", "maximum_age": "180d"})
    project = AgentProject(
        "parcels", world.registry.uri, f"sqlite:///{tmp_path}/store.db", tmp_path, policy, monitoring, AlertingSpec()
    )
    project.reporting.mkdir(parents=True)
    return KedroWorks(project, {})


def _plan_run(monkeypatch: pytest.MonkeyPatch, run: Callable[[], int], envs: list[Any] | None = None) -> None:
    """Let every `kedro run` be this call, which returns its exit code, and note its environment."""

    class Run:
        def __init__(self, *given: Any) -> None:
            if envs is not None:
                envs.append(given[-1])

        def __enter__(self) -> "Run":
            return self

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None: ...

        def wait(self) -> int:
            return run()

        def last_lines(self) -> str:
            return "the end"

    for module in (kedro_works, runs):
        monkeypatch.setattr(module, "KedroRun", Run)


_NO_GO = {"go": False, "reasons": [{"gate": "outcome", "passed": False, "reason": "3 late, expected 200"}]}
_LEAK = {"passed": False, "leaks": [{"check": "pairs", "columns": ["b"], "message": "b knows the outcome"}]}


@pytest.mark.parametrize(
    ("name", "found", "reason"),
    [
        ("feasibility", _NO_GO, "outcome: 3 late, expected 200"),
        ("leakage", _LEAK, "leakage: b knows the outcome"),
        ("verdict", {"gates": _NO_GO["reasons"]}, "outcome: 3 late, expected 200"),
    ],
)
def test_a_gate_that_stops_a_retraining_before_or_after_the_search_rejects_it(
    works: KedroWorks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, found: Any, reason: str
) -> None:
    reporting = tmp_path / "08_reporting" / "parcels"

    def run() -> int:
        assert list(reporting.iterdir()) == [], "what an earlier run left is not taken for this one's"
        (reporting / f"{name}.json").write_text(json.dumps(found))
        return 1

    _plan_run(monkeypatch, run)
    for _ in range(2):
        assert works.retrain(ORDER).rejected == (reason,)


def test_every_run_is_of_the_environment_that_the_agent_judges(
    works: KedroWorks, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(works, "_project", replace(works._project, env="prod"))
    _plan_run(monkeypatch, lambda: 1, given)
    for work in (lambda: works.monitor(START), lambda: works.retrain(ORDER)):
        with pytest.raises(LifecycleError, match="ended with code 1"):
            work()
    assert given == ["prod", "prod"]


def test_a_work_that_cannot_write_its_log_fails_as_a_work_does(works: KedroWorks, tmp_path: Path) -> None:
    for name in ("monitoring.log", f"retrain-{ORDER.id}.log"):
        (tmp_path / "logs" / "agent" / name).mkdir(parents=True)
    with pytest.raises(LifecycleError, match=r"^monitor: IsADirectoryError: .*monitoring\.log"):
        works.monitor(START)
    with pytest.raises(LifecycleError, match=r"^retrain: IsADirectoryError: .*retrain-20240701T000000Z\.log"):
        works.retrain(ORDER)


def test_a_retraining_whose_verdict_cannot_be_read_fails_and_tells_what_it_took(
    works: KedroWorks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "08_reporting" / "parcels" / "verdict.json"
    _plan_run(monkeypatch, lambda: bool(place.write_text("{")))
    with pytest.raises(RetrainingFailed, match=r"08_reporting/parcels: no verdict to read \(Expecting") as failed:
        works.retrain(ORDER)
    assert failed.value.seconds > 0.0


def test_a_work_that_finds_something_else_than_it_should_fails_as_a_work_does(
    works: KedroWorks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "compare", lambda *_: float("none"))
    with pytest.raises(LifecycleError, match=r"^compare: ValueError: could not convert string to float: 'none'"):
        works.compare(Candidate(version=1, release="parcels-first"), START, START, START)


def test_the_alarm_of_a_failed_work_fires_an_alert(works: KedroWorks, tmp_path: Path) -> None:
    works.alarm(START, "rolling back", "rolling back failed (1 in a row): no such release")
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        (state,) = store.alert_book.states()
    assert (state.status, state.labels["alertname"], state.labels["metric"]) == (
        "firing",
        "agent",
        "agent.rolling_back",
    )
    assert state.annotations["summary"] == "rolling back failed (1 in a row): no such release"


def test_an_alarm_without_a_champion_resolves_no_other_alert(works: KedroWorks, tmp_path: Path) -> None:
    works.alarm(START, "monitoring", "of the champion")
    empty = replace(works._project, registry=f"sqlite:///{tmp_path}/another.db")
    KedroWorks(empty, {}).alarm(START + timedelta(days=1), "retraining", "in the wrong data folder")
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        found = {state.labels["metric"]: (state.labels["release"], state.status) for state in store.alert_book.states()}
    assert found == {"agent.monitoring": ("parcels-first", "firing"), "agent.retraining": ("none", "firing")}


def test_an_alarm_is_raised_though_the_registry_cannot_be_read(works: KedroWorks, tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_bytes(b"no database" * 1000)
    works.alarm(START, "monitoring", "the registry is damaged")
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        (state,) = store.alert_book.states()
    assert (state.status, state.labels["release"]) == ("firing", "unknown")


def test_a_check_that_is_made_again_after_an_alarm_changes_alerts_for_the_moment_it_was_due(
    works: KedroWorks, tmp_path: Path
) -> None:
    works.alarm(START + timedelta(minutes=2), "monitoring", "the store is away")
    spec = AlertingSpec.model_validate({"rules": {"slow": {"metric": "performance.log_loss", "above": 0}}})
    judged = Judged("slow", "performance.log_loss", START - timedelta(days=7), START, True, "worse", {})
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        judgement = Judgement("parcels-first", START, spec, (judged,), {})
        store.alert_book.take_turn(lambda known: turn_of(known, judgement, START + timedelta(minutes=4)))
        found = {state.labels["alertname"]: state for state in store.alert_book.states()}
    assert {name: state.status for name, state in found.items()} == {"slow": "firing", "agent": "resolved"}
    assert found["agent"].ends_at == found["agent"].starts_at  # none ends before it began


def test_a_retraining_that_fails_tells_what_it_took(works: KedroWorks, monkeypatch: pytest.MonkeyPatch) -> None:
    _plan_run(monkeypatch, lambda: 1)
    with pytest.raises(RetrainingFailed, match="retrain ended with code 1; the end") as failed:
        works.retrain(ORDER)
    assert failed.value.seconds > 0.0


def test_a_person_who_moves_the_champion_while_a_retraining_runs_has_the_last_word(
    works: KedroWorks, world: AgentWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hotfix = world.release("parcels-hotfix")

    def run() -> int:
        path = tiny_release(tmp_path / "releases", "parcels-retrained")
        tags = {ORDER_TAG: ORDER.id, COMPARED_TAG: "parcels-first"}
        world.registry.register(path, verify_release(path).digest, {}, tags)
        world.registry.promote(hotfix, "do not touch", "grace")
        return 0

    _plan_run(monkeypatch, run)
    found = works.retrain(ORDER).candidate
    assert found is not None
    assert (found.release, found.replaces) == ("parcels-retrained", "parcels-first")
    assert works.promote(found, ORDER) == "superseded"
    champion = world.registry.champion()
    assert champion is not None
    assert champion.release_id == "parcels-hotfix"
