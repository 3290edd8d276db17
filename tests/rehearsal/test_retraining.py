"""What came of a retraining, told by what it leaves behind."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from model_lifecycle.errors import LifecycleError
from model_lifecycle.registry import Registry
from model_lifecycle.rehearsal.retraining import Retraining
from small_project import Project

AS_OF = datetime(2013, 7, 22, 4, tzinfo=UTC)
# Stands for the default run: leaves a verdict, and fails as a blocked gate does.
_BLOCKED = """
import json
from pathlib import Path

from kedro.pipeline import node, pipeline

from model_lifecycle.errors import GateBlocked


def judge(rows):
    gates = [
        {"gate": "evidence", "passed": True, "reason": "enough"},
        {"gate": "champion", "passed": False, "reason": "worse by 0.1"},
    ]
    Path("verdict.json").write_text(json.dumps({"gates": gates}))
    raise GateBlocked("1 of 2 gates hold the release back")


def register_pipelines():
    return {"__default__": pipeline([node(judge, "rows", "nothing", name="judge")])}
"""
_AS_OF = "run: {as_of: null}\n"


@pytest.fixture(autouse=True)
def _in_the_small_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2] / "src"))


def _retrain(project: Project) -> Retraining:
    (project.path / "conf" / "base" / "parameters_run.yml").write_text(_AS_OF)
    registry = Registry(f"sqlite:///{project.path}/registry.db", "parcels")
    return Retraining(AS_OF, {}, registry, project.path, project.path / "run.log")


def test_a_gate_that_blocks_is_a_rejection_with_its_reason(project: Project) -> None:
    project.write({"src/small_project/pipeline_registry.py": _BLOCKED})
    found = _retrain(project).outcome()
    assert found.rejected == ("champion: worse by 0.1",)
    assert not found.promoted


def test_a_run_that_ends_well_and_moves_no_champion_promotes_nothing(project: Project) -> None:
    found = _retrain(project).outcome()
    assert (found.promoted, found.rejected, found.champion) == (False, (), "")


def test_the_verdict_of_an_earlier_run_is_not_taken_for_this_ones(project: Project) -> None:
    project.write({"verdict.json": json.dumps({"gates": [{"gate": "old", "passed": False, "reason": "old"}]})})
    assert _retrain(project).outcome().rejected == ()


def test_a_run_that_fails_without_a_verdict_is_an_error(project: Project) -> None:
    broken = _BLOCKED.replace('Path("verdict.json").write_text(json.dumps({"gates": gates}))', "")
    project.write({"src/small_project/pipeline_registry.py": broken})
    with pytest.raises(LifecycleError, match="ended with code 1 and no gate said no"):
        _retrain(project).outcome()
