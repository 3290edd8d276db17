"""Runs as processes of their own."""

import os
import signal
import time
from pathlib import Path

import pytest

from eventually import eventually
from model_lifecycle.agent.runs import KedroRun, run_pipelines
from model_lifecycle.errors import LifecycleError
from small_project import Project


@pytest.fixture(autouse=True)
def _in_the_small_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2] / "src"))


def test_a_run_that_fails_is_told_with_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(LifecycleError, match=r"(?s)--pipelines refusing ended with code 1; .*contract 'rows': 1 of 2"):
        run_pipelines(("refusing",), {}, tmp_path / "run.log")


def test_a_run_reads_the_environment_that_it_is_given(project: Project, tmp_path: Path) -> None:
    project.write({"conf/prod/catalog.yml": "run_summary: {type: text.TextDataset, filepath: data/prod.txt}\n"})
    run_pipelines((), {}, tmp_path / "run.log", "prod")
    assert (project.path / "data" / "prod.txt").read_text() == "counted 2 rows"


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_ends_as_after_ctrl_c(project: Project, tmp_path: Path, told: signal.Signals) -> None:
    with KedroRun((), {"seconds": "60"}, tmp_path / "run.log") as run:
        eventually((project.path / "started").exists, seconds=60)
        assert run.running()
        started = time.monotonic()
        if told == signal.SIGTERM:
            os.kill(run.pid, told)
            run.wait()
    assert not run.running()
    assert run.wait() == 130
    assert time.monotonic() - started < 30
