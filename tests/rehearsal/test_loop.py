"""The loop itself, on real flights: two days of traffic against a champion that a real run has made."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from eventually import eventually
from model_lifecycle.rehearsal.folder import only_one

ROOT = Path(__file__).resolve().parents[2]
CASE = "flight_delays"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@dataclass(frozen=True)
class World:
    """A user's data folder with a champion in it."""

    data: Path

    def environment(self, mark: str = "") -> dict[str, str]:
        """Return the environment of a command on that folder; the mark finds all that it starts."""
        own = {"MODEL_LIFECYCLE_DATA": str(self.data), "PYTHONPATH": str(ROOT / "src"), "PLANTED": mark}
        return {**os.environ, **own}

    def loop(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the loop to its end."""
        command = [sys.executable, "-m", "model_lifecycle", "loop", *options]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, timeout=900, check=False
        )

    def digests(self) -> dict[str, str]:
        """Return what stands in the user's own files, the loop's left out."""
        files = sorted(file for file in self.data.rglob("*") if file.is_file())
        own = [file for file in files if file.relative_to(self.data).parts[0] != "loop"]
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in own}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("data"))
    subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--params", "modelling.candidates.catboost.trials=1"],
        cwd=ROOT,
        env=made.environment(),
        check=True,
        timeout=1200,
    )
    return made


def test_two_days_are_played_judged_and_counted_and_the_users_own_files_stay(world: World) -> None:
    before = world.digests()
    done = world.loop("--days", "2", "--fault", "celsius")
    assert done.returncode == 0, done.stdout + done.stderr
    reporting = world.data / "loop" / "celsius" / "08_reporting" / CASE
    card = json.loads((reporting / "scorecard.json").read_text())
    counts = card["counts"]
    assert (card["requests"]["decisions_asked"], card["requests_lost"]) == (1911, 0)
    assert card["value"]["loop_per_1000"] == pytest.approx(card["value"]["frozen_per_1000"])  # nothing was promoted
    assert "What was done" in (reporting / "monitoring_over_time.html").read_text()
    assert "of 1,911" in (reporting / "scorecard.html").read_text()
    assert (counts["errors"], counts["windows"], counts["records"]) == (0, 1, 1911)
    assert counts["labels"] > 1500
    assert counts["events"] > 3000
    assert sum(counts["releases"].values()) == counts["records"]
    assert "fault planted: the weather feed reports degrees Celsius" in done.stdout
    assert "policy: " in done.stdout
    assert f"  records     {counts['records']:,}\n" in done.stdout
    assert counts["decisions"]["act"] + counts["decisions"]["leave"] == counts["records"]
    assert world.digests() == before


def test_without_a_champion_it_says_what_to_do(tmp_path: Path) -> None:
    done = World(tmp_path).loop("--days", "1")
    assert done.returncode == 1
    assert done.stderr.endswith("nothing to rehearse with; run `make run` first\n")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_leaves_no_process_and_no_lock(world: World, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out, _started(world, str(tmp_path), out) as process:
        eventually(lambda: "first answer of release" in (tmp_path / "out").read_text(), seconds=400)
        assert len(_processes(str(tmp_path))) > 5
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.wait(120) == 130
    eventually(lambda: _processes(str(tmp_path)) == [])
    with only_one(world.data / "loop"):
        pass


@contextmanager
def _started(world: World, mark: str, out: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a loop in a process group of its own; kill it if the test fails."""
    process = subprocess.Popen(
        [sys.executable, "-m", "model_lifecycle", "loop", "--days", "20"],
        cwd=ROOT,
        env=world.environment(mark),
        stdout=out,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()


def _processes(mark: str) -> list[str]:
    """Return the processes that carry the mark, however they are called."""
    wanted = f"PLANTED={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0") and (folder / "cmdline").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
