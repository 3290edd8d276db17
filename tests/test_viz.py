"""The pipelines in kedro-viz: a real server in a process of its own, in a small project."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from eventually import eventually
from model_lifecycle.cli import cli
from model_lifecycle.serving.ports import free_ports
from small_project import ROOT, Project


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - a server that this test started
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def test_it_serves_the_pipelines_and_ctrl_c_ends_it_without_a_trace(project: Project) -> None:
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-m", "model_lifecycle", "viz", "--no-browser", "--port", str(port)],
        cwd=project.path,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}src"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    project.started.append(process)
    eventually(lambda: process.poll() is not None or _answers(f"http://127.0.0.1:{port}/api/main"), 60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out == f"kedro-viz is starting on http://127.0.0.1:{port}/; Ctrl-C stops\nstopped\n"


def test_a_port_in_use_is_one_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = CliRunner().invoke(cli, ["viz", "--port", str(port)])
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: 127.0.0.1:{port} cannot be used (Address already in use)")


def test_a_folder_that_is_no_project_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["viz", "--port", str(free_ports(1)[0])])
    assert (done.exit_code, done.output) == (
        1,
        f"Error: {tmp_path}: no pyproject.toml, expected the project's folder\n",
    )
