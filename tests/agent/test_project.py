"""What the agent goes by."""

from datetime import timedelta
from pathlib import Path

import pytest

from model_lifecycle.agent.project import read_project


def test_what_its_runs_are_given_holds_for_the_agent_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    found = read_project(None, {"policy.rollout.canary": "9d", "alerting.deliver": "false"})
    assert found.policy.rollout.canary == timedelta(days=9)
    assert not found.alerting.deliver


@pytest.mark.parametrize(("env", "variable", "found"), [("test", "", "test"), (None, "test", "test"), (None, "", None)])
def test_the_environment_that_was_read_is_known_for_the_runs(
    monkeypatch: pytest.MonkeyPatch, env: str | None, variable: str, found: str | None
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setenv("KEDRO_ENV", variable)
    assert read_project(env).env == found
