"""A small Kedro project that runs for real, in processes of its own, with this project's settings."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_PYPROJECT = """
[tool.kedro]
package_name = "small_project"
project_name = "small-project"
kedro_init_version = "1.7.0"
source_dir = "src"
"""

_PIPELINE_REGISTRY = """
import time
from pathlib import Path

from kedro.pipeline import node, pipeline

from model_lifecycle.errors import ContractError


def count(rows, seconds):
    Path("started").touch()
    time.sleep(seconds)
    return f"counted {len(rows)} rows"


def refuse(rows):
    raise ContractError("contract 'rows': 1 of 2 rows is late; expected none")


def stumble(rows):
    raise ZeroDivisionError("a mistake in the code")


def register_pipelines():
    return {
        "__default__": pipeline([node(count, ["rows", "params:seconds"], "run_summary", name="count")]),
        "refusing": pipeline([node(refuse, "rows", "nothing", name="refuse")]),
        "stumbling": pipeline([node(stumble, "rows", "nothing", name="stumble")]),
    }
"""

FILES = {
    "pyproject.toml": _PYPROJECT,
    ".telemetry": "consent: false\n",
    "src/small_project/__init__.py": "",
    "src/small_project/settings.py": "from model_lifecycle.settings import *\n",
    "src/small_project/cli.py": "from model_lifecycle.cli import cli\n",
    "src/small_project/pipeline_registry.py": _PIPELINE_REGISTRY,
    "conf/base/parameters.yml": "seconds: 0\n",
    "conf/base/catalog.yml": "run_summary: {type: text.TextDataset, filepath: 'data/${case}/summary.txt'}\n",
    "conf/cases/flight_delays/catalog.yml": "rows: {type: json.JSONDataset, filepath: data/rows.json}\n",
    "conf/local/.gitkeep": "",
    "conf/logging.yml": (ROOT / "conf" / "logging.yml").read_text(encoding="utf-8"),
    "data/rows.json": "[1, 2]",
}


@dataclass(frozen=True)
class Project:
    """A project folder and the means to run ``kedro`` in it."""

    path: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, files: Mapping[str, str]) -> None:
        """Write files by their path inside the project."""
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")

    def start(self, *arguments: str, case: str | None = None) -> subprocess.Popen[str]:
        """Start ``kedro`` in a process of its own."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        for name in ("MODEL_LIFECYCLE_CASE", "MODEL_LIFECYCLE_DATA", "KEDRO_ENV", "KEDRO_LOGGING_CONFIG"):
            environment.pop(name, None)
        if case is not None:
            environment["MODEL_LIFECYCLE_CASE"] = case
        process = subprocess.Popen(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=self.path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        return process

    def stop(self) -> None:
        """End what a failed test left running."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def kedro(self, *arguments: str, case: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``kedro`` to its end."""
        process = self.start(*arguments, case=case)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)
