"""What the agent goes by."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from model_lifecycle.agent.project import read_project
from model_lifecycle.errors import ConfigurationError


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


def test_a_typo_is_told_by_its_file_and_the_nearest_key_as_by_a_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(Path(__file__).parents[2] / "conf", tmp_path / "conf")
    (tmp_path / "conf" / "local" / "parameters_monitoring.yml").write_text("policy: {cooldwn: 14d}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigurationError,
        match=r"conf/local/parameters_monitoring\.yml: policy\.cooldwn: .* '14d'.*nearest known key 'cooldown'",
    ):
        read_project("local")
    with pytest.raises(ConfigurationError, match=r"--params: policy\.cooldown: found '14 days', expected a duration"):
        read_project("test", {"policy.cooldown": "14 days"})


@pytest.mark.parametrize("given", ["override_by", "override.by"])
def test_an_override_is_for_one_run_and_no_agent_has_one(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    with pytest.raises(ConfigurationError, match=r"override_by: found 'ada', expected none: .* for one run"):
        read_project(None, {given: "ada", "override_reason": "needed before the season"})
