"""The frame of a run, seen from outside: real ``kedro`` processes in a small project."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from small_project import Project


def test_a_run_shows_plain_progress_ends_with_the_summary_and_warns_of_nothing(project: Project) -> None:
    done = project.kedro("run")
    assert done.returncode == 0
    assert re.fullmatch(
        r"nodes to run: 1\n\[1/1\] count  \d+\.\d s\nnodes done: 1, in \d+ s\n\ncounted 2 rows\n", done.stdout
    )
    assert done.stderr == ""
    assert (project.path / "data/flight_delays/summary.txt").read_text() == "counted 2 rows"


def test_an_error_of_ours_is_one_message_and_its_traceback_is_in_the_log(project: Project) -> None:
    done = project.kedro("run", "--pipelines", "refusing")
    assert done.returncode == 1
    assert done.stderr == "Error: contract 'rows': 1 of 2 rows is late; expected none\n"
    assert "[1/1] refuse  failed after" in done.stdout
    assert "Traceback" in (project.path / "data/lifecycle.log").read_text()


def test_a_bug_keeps_its_traceback(project: Project) -> None:
    done = project.kedro("run", "--pipelines", "stumbling")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: a mistake in the code" in done.stderr


def test_bad_input_ends_in_one_message_that_names_the_place(project: Project) -> None:
    refused = {
        "pipeline": (project.kedro("run", "--pipelines", "refusng"), "the pipeline named 'refusng'"),
        "node": (project.kedro("run", "--nodes", "cuont"), "cuont"),
        "parameter": (project.kedro("run", "--params", "secnds=1"), "--params: unknown key 'secnds'"),
        "environment": (project.kedro("run", "--env", "tset"), "conf/tset"),
        "case": (project.kedro("catalog", "describe-datasets", case="fligths"), "found 'fligths'"),
    }
    (project.path / "data/rows.json").write_text("{")
    refused["malformed file"] = (project.kedro("run"), "data/rows.json")
    (project.path / "data/rows.json").unlink()
    refused["missing file"] = (project.kedro("run"), "data/rows.json")
    for what, (done, place) in refused.items():
        assert done.returncode == 1, what
        assert place in done.stderr, what
        assert "Traceback" not in done.stderr, what


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_run_at_the_same_time_is_refused_and_ctrl_c_ends_the_first_cleanly(project: Project) -> None:
    first = project.start("run", "--params", "seconds=60")
    _wait_for(project.path / "started", first)

    second = project.kedro("run")
    assert second.returncode == 1
    message = rf"Error: another run holds {project.path}/data: process {first.pid}, since \d{{4}}-.*; wait for its end"
    assert re.match(message, second.stderr)
    assert project.kedro("registry", "list").returncode == 0, "reading needs no lock"

    first.send_signal(signal.SIGINT)
    _, told = first.communicate(timeout=30)
    assert first.returncode == 130
    assert told == "\nInterrupted; what was finished before stays as it is.\n"
    assert project.kedro("run").returncode == 0


def test_a_run_that_was_killed_leaves_no_lock_behind(project: Project) -> None:
    first = project.start("run", "--params", "seconds=60")
    _wait_for(project.path / "started", first)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=30)
    assert project.kedro("run").returncode == 0
