"""Every trial is a run in MLflow below the run of its search, in the file or on the server of the registry."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from model_lifecycle.contracts.trials import SearchReport, Trial
from model_lifecycle.datasets.trial_log import TrialLog
from model_lifecycle.registry import Registry, open_client

COST: Any = {"seconds": 1.5, "one_row_microseconds": 12.0, "size_bytes": 700}


def trial(number: int, state: Any = "complete", losses: tuple[float, ...] = (0.5, 0.4), **changes: Any) -> Trial:
    made: Any = {
        "candidate": "trees",
        "number": number,
        "state": state,
        "parameters": {"depth": number, "mode": "Plain"},
        "loss": list(losses),
        **COST,
        **changes,
    }
    found: Trial = made
    return found


FAILED: Any = {
    key: value
    for key, value in trial(3, "failed", (), error="no such depth " * 100).items()
    if key not in {"one_row_microseconds", "size_bytes"}
}
REPORT: SearchReport = {
    "challenger": "trees",
    "best": {"trees": 1, "linear": 1},
    "tags": {"as_of": "2013-07-01T00:00:00+00:00", "seed": "0"},
    "trials": [trial(1, candidate="linear"), trial(1), trial(2, "pruned", (0.7,)), FAILED],
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry file with nothing in it; making one takes seconds, so tests copy it."""
    file = tmp_path_factory.mktemp("registry") / "registry.db"
    open_client(f"sqlite:///{file}")
    return file


@pytest.fixture
def uri(empty: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(empty, tmp_path / 'registry.db')}"


def runs(uri: str, kind: str) -> list[Any]:
    """Return the runs of the experiment by name, oldest first."""
    client = open_client(uri)
    experiment = client.get_experiment_by_name("parcels")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], f"tags.kind = '{kind}'", order_by=["attributes.start_time"])
    return list(found)


def test_every_trial_is_a_run_with_its_parameters_losses_costs_and_state(uri: str) -> None:
    TrialLog(uri, "parcels").save(REPORT)
    (parent,) = runs(uri, "search")
    linear, best, pruned, failed = runs(uri, "trial")
    assert {run.data.tags["mlflow.parentRunId"] for run in (linear, best, pruned, failed)} == {parent.info.run_id}
    assert [run.info.run_name for run in (linear, best, pruned, failed)] == [
        "linear 1", "trees 1", "trees 2", "trees 3",
    ]  # fmt: skip
    assert best.data.params == {"depth": "1", "mode": "Plain"}
    assert best.data.metrics == {"loss": 0.4, "mean_loss": 0.45, **COST}
    history = open_client(uri).get_metric_history(best.info.run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(0, 0.5), (1, 0.4)]
    assert best.info.end_time - best.info.start_time == pytest.approx(1500, abs=2)
    assert pruned.data.metrics == {"loss": 0.7, **COST}, "the mean of fewer folds is not comparable"
    assert failed.data.metrics == {"seconds": 1.5}
    assert failed.data.tags["error"] == FAILED["error"][:500]
    assert [run.info.status for run in (best, pruned, failed)] == ["FINISHED", "KILLED", "FAILED"]
    told = {key: best.data.tags[key] for key in ("as_of", "seed", "candidate", "number", "state")}
    assert told == {**REPORT["tags"], "candidate": "trees", "number": "1", "state": "complete"}
    marks = [(run.data.tags["best"], run.data.tags["challenger"]) for run in (linear, best, pruned, failed)]
    assert marks == [("true", "false"), ("true", "true"), ("false", "false"), ("false", "false")]


def test_the_parent_tells_what_the_search_came_to(uri: str) -> None:
    TrialLog(uri, "parcels").save(REPORT)
    (parent,) = runs(uri, "search")
    assert parent.info.run_name == "search as of 2013-07-01"
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics == {"trials": 4, "complete": 2, "pruned": 1, "failed": 1}
    assert parent.data.tags["challenger"] == "trees"
    assert parent.info.end_time - parent.info.start_time == pytest.approx(6000, abs=2)


def test_every_search_adds_a_parent_and_the_newest_is_loaded(uri: str) -> None:
    log = TrialLog(uri, "parcels")
    assert not log.exists()
    with pytest.raises(DatasetError, match=r"experiment 'parcels': no search yet; run `kedro run` first"):
        log.load()
    log.save(REPORT)
    first = log.load()
    time.sleep(0.005)  # MLflow counts in milliseconds
    log.save(REPORT)
    assert log.exists()
    assert log.load() != first
    assert {run.info.run_id for run in runs(uri, "search")} == {first, log.load()}
    assert not TrialLog(uri, "another case").exists()


def test_to_look_for_a_search_makes_no_file(tmp_path: Path) -> None:
    assert not TrialLog(f"sqlite:///{tmp_path / 'registry.db'}", "parcels").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_could_not_be_tracked_as_a_whole_is_marked_as_failed(uri: str) -> None:
    wrong = trial(2, parameters={"a name:\nthat MLflow refuses": 1})
    with pytest.raises(DatasetError, match=r"tracking sqlite:.*, experiment 'parcels': cannot track 2 trials"):
        TrialLog(uri, "parcels").save({**REPORT, "trials": [trial(1), wrong]})
    assert [run.info.status for run in runs(uri, "search")] == ["FAILED"]


def test_the_registry_in_the_same_file_works_on(uri: str) -> None:
    TrialLog(uri, "parcels").save(REPORT)
    registry = Registry(uri, "parcels")
    assert (registry.champion(), registry.releases(), registry.history()) == (None, [], [])


def test_fifty_trials_are_tracked_in_seconds(uri: str) -> None:
    started = time.perf_counter()
    TrialLog(uri, "parcels").save({**REPORT, "trials": [trial(number) for number in range(1, 51)]})
    assert time.perf_counter() - started < 30  # 2 to 4 s measured; a busy machine is no fault


def test_a_server_that_is_not_there_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    log = TrialLog("http://me:secret@127.0.0.1:1", "parcels")
    with pytest.raises(DatasetError, match=r"tracking http://\*\*\*@127.0.0.1:1, .*cannot track 4 trials") as caught:
        log.save(REPORT)
    assert "secret" not in f"{caught.value} {caught.value.__cause__} {log}"


def test_a_local_file_leaves_nothing_beside_itself(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    TrialLog(uri, "parcels").save(REPORT)
    assert [path.name for path in tmp_path.iterdir()] == ["registry.db"]
