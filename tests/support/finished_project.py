"""A small but real run of the whole job: a part of the flights, fewer trees, every gate on."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from model_lifecycle.datasets.raw_tables import read_raw_tables, write_raw_tables

ROOT = Path(__file__).resolve().parents[2]
_SOURCES = ("flights", "weather", "planes", "airports", "airlines")
_EVERY = 4  # of the flight numbers, with all of their days, so that a flight keeps its history
_LAST_MONTH = 7  # June is tested on, July is the live traffic


@dataclass(frozen=True)
class FinishedRun:
    """Where a run has left its data, and how to go on from there.

    Attributes
    ----------
    data : Path
        Its data folder: champion, registry, store and reports.
    raw : Path
        The raw tables that it was made from, each in its own file.
    """

    data: Path
    raw: Path

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Return the run of a folder."""
        return cls(folder / "data", folder / "raw")

    def environment(self, data: Path | None = None) -> dict[str, str]:
        """Return the variables under which ``kedro`` and notebooks see this run, or a copy of its data folder."""
        chosen = {
            "KEDRO_ENV": "test",
            "KEDRO_LOGGING_CONFIG": str(ROOT / "conf" / "logging_notebook.yml"),
            "MODEL_LIFECYCLE_DATA": str(data or self.data),
            "PYTHONPATH": str(ROOT / "src"),
        }
        kept = {name: value for name, value in os.environ.items() if name != "MODEL_LIFECYCLE_CASE"}
        return {**kept, **chosen}

    def start(self, *arguments: str, data: Path | None = None) -> subprocess.Popen[str]:
        """Start ``kedro`` with this run's configuration, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=ROOT,
            env=self.environment(data),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def kedro(self, *arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``kedro`` to its end."""
        process = self.start(*arguments, data=data)
        out, err = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def finish_a_run(folder: Path) -> FinishedRun:
    """Write the part of the raw tables, then run raw tables to champion in ``folder/data``."""
    run = FinishedRun.of(folder)
    tables = read_raw_tables(ROOT / "conf", _SOURCES)
    flights = tables["flights"]
    part = flights[(flights["flight"] % _EVERY == 0) & (flights["month"] <= _LAST_MONTH)]
    write_raw_tables(ROOT / "conf", {**tables, "flights": part}, run.raw)
    done = run.kedro("run", "--params", f"raw_folder={run.raw}")
    if done.returncode:
        raise RuntimeError(f"kedro run ended with code {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return run
