"""The command line refuses early what cannot work."""

import signal
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent_world import AgentWorld, decision
from model_lifecycle.agent import project as agent_project
from model_lifecycle.agent.kedro_works import KedroWorks
from model_lifecycle.agent.project import AgentProject
from model_lifecycle.agent.runs import Background
from model_lifecycle.cli import cli
from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.monitoring.policy import Decision
from model_lifecycle.store import Store


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--now", "2024-07-01T00:00:00Z"], "--now: expected --once beside it"),
        (["--until", "tomorrow"], "--until: found 'tomorrow', expected an ISO 8601 time with its offset"),
        (["--until", "2024-07-01"], "--until: found '2024-07-01', expected a time with its offset"),
        (["--once", "--now", "2024-07-01T00:00:00Z", "--clock", "x"], "--now and --clock: expected one of them"),
        (
            ["--once", "--now", "2999-01-01T00:00:00Z"],
            "--now: found '2999-01-01T00:00:00Z', expected no later time than",
        ),
        (["--lease", "0.1"], "--lease: found 0.1, expected 1 second or more"),
    ],
)
def test_what_cannot_work_is_refused_with_what_was_found(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(cli, ["watch", *arguments])
    assert result.exit_code == 1
    assert told in result.output


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGHUP])
def test_an_agent_that_is_told_to_end_ends_its_run_and_gives_the_lead_back(
    world: AgentWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: signal.Signals
) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    monitoring = MonitoringSpec.model_validate({"window": "7d"})
    policy = PolicySpec.model_validate({"cooldown": "1d", "maximum_age": "180d"})
    found = AgentProject("parcels", world.registry.uri, store, tmp_path, policy, monitoring, AlertingSpec())
    monkeypatch.setattr(agent_project, "read_project", lambda *_: found)
    run = Background(["-c", "import time; time.sleep(600)"], tmp_path / "run.log")

    def monitor(_works: KedroWorks, _until: datetime) -> Decision:
        with run:
            signal.raise_signal(told)
        return decision("nothing")

    monkeypatch.setattr(KedroWorks, "monitor", monitor)
    done = CliRunner().invoke(cli, ["watch"])
    assert done.exit_code == 130
    assert f"{told.name}: the agent ends its run, if there is one, and gives the lead back" in done.output
    assert not run.running()
    with Store.open(store) as opened:
        assert opened.agent_book.leader() is None
