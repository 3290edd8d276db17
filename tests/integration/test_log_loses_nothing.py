"""Every acknowledged prediction is in the log exactly once, whatever is killed under load."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from eventually import eventually
from fault_table import FaultTable
from lone_replica import KEY
from model_lifecycle.serving.ports import free_ports
from model_lifecycle.serving.process import running_service
from model_lifecycle.store import Store
from postgresql_server import PostgreSQL
from set_checker import SetCounts, count
from tiny_release import START, record, tiny_release

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 8
pytestmark = [pytest.mark.timeout(600), pytest.mark.skipif(sys.platform != "linux", reason="kills as Linux does")]


@dataclass
class Load:
    """Asks for a new decision each time, and never twice for the same one."""

    url: str
    key: str
    attempted: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def _number(self) -> int:
        with self.lock:
            self.attempted.append(f"P-{len(self.attempted)}")
            return len(self.attempted) - 1

    def _ask(self) -> None:
        with httpx.Client(headers={"X-API-Key": self.key}, timeout=10, trust_env=False) as client:
            while not self.stop.is_set():
                number = self._number()
                try:
                    answer = client.post(self.url + "/v1/predict", json={"records": [record(number)]})
                except httpx.HTTPError:
                    time.sleep(0.05)
                    continue
                if answer.status_code == 200:
                    self.acknowledged.append(answer.json()["predictions"][0]["parcel"])
                else:
                    time.sleep(0.05)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Load until the block ends."""
        threads = [threading.Thread(target=self._ask) for _ in range(WORKERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def more(self, answers: int, seconds: float = 60.0) -> None:
        """Wait for so many further answers."""
        wanted = len(self.acknowledged) + answers
        eventually(lambda: len(self.acknowledged) >= wanted, seconds)


def judged(load: Load, url: str) -> SetCounts:
    """Read the log, publish the counts, and hold them."""
    with Store.open(url) as store:
        read = store.predictions_between(START, datetime.now(UTC) + timedelta(days=1)).decision_id.tolist()
    counts = count(load.attempted, load.acknowledged, read)
    sys.stdout.write(f"{counts}\n")
    assert (counts.lost, counts.unexpected, counts.duplicates) == (0, 0, 0), counts
    assert counts.acknowledged > 0
    return counts


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_release(tmp_path_factory.mktemp("releases"))


@contextmanager
def replica(
    folder: Path, release: Path, store: str, synchronous: str = "NORMAL", before: tuple[str, ...] = ()
) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Run one replica in its own process."""
    port = free_ports(1)[0]
    settings = {
        "release": str(release),
        "registry": f"sqlite:///{folder}/registry.db",
        "registry_name": "parcels",
        "store": store,
        "key_hash": str(folder / "key.json"),
        "synchronous": synchronous,
    }
    command = [*before, sys.executable, str(ROOT / "tests/support/lone_replica.py"), json.dumps(settings), str(port)]
    process = subprocess.Popen(command, cwd=folder, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: ready(url) or process.poll() is not None, 120)
        assert process.poll() is None
        yield process, url
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ready(url: str) -> bool:
    try:
        return httpx.get(url + "/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_after_the_kill_of_a_replica_every_acknowledged_prediction_is_there_once(tmp_path: Path, release: Path) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    with replica(tmp_path, release, store) as (process, url):
        load = Load(url, KEY)
        with load.running():
            load.more(200)
            process.kill()
            process.wait()
    judged(load, store)


@pytest.mark.parametrize(
    ("synchronous", "synced"),
    [("FULL", True), pytest.param("NORMAL", False, marks=pytest.mark.slow), ("OFF", False)],
)
def test_at_full_the_log_is_synced_to_the_disk_before_the_answer_is_sent(
    tmp_path: Path, release: Path, synchronous: str, synced: bool
) -> None:
    """NORMAL syncs at checkpoints; OFF, which is no setting of the product, is the negative control."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not on this machine (apt-get install strace)")
    trace = tmp_path / "trace"
    calls = "trace=fsync,fdatasync,read,recvfrom,write,writev,sendto,sendmsg"
    before = (strace, "-f", "-y", "-s", "64", "-o", str(trace), "-e", calls)
    store = f"sqlite:///{tmp_path}/store.db"
    with replica(tmp_path, release, store, synchronous, before) as (_, url):
        for number in range(2):  # the first commit of a new file syncs at any setting
            answer = httpx.post(
                url + "/v1/predict", json={"records": [record(number)]}, headers={"X-API-Key": KEY}, timeout=60
            )
            assert answer.status_code == 200
    lines = trace.read_text(errors="replace").splitlines()
    asked = max(number for number, line in enumerate(lines) if "POST /v1/predict" in line)
    sent = next(number for number, line in enumerate(lines) if number > asked and "HTTP/1.1 200" in line)
    syncs = [line for line in lines[asked:sent] if "sync(" in line and "store.db-wal" in line]
    assert bool(syncs) is synced, lines[asked : sent + 1]


@pytest.mark.slow
def test_when_the_clock_jumps_every_prediction_is_answered_and_there_once(
    tmp_path: Path, release: Path, fault_table: FaultTable
) -> None:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("libfaketime is not on this machine (apt-get install faketime)")
    clock, store = tmp_path / "clock", f"sqlite:///{tmp_path}/store.db"
    clock.write_text("+0")
    settings = (f"LD_PRELOAD={library}", f"FAKETIME_TIMESTAMP_FILE={clock}", "FAKETIME_NO_CACHE=1")
    with replica(tmp_path, release, store, before=("env", *settings, "FAKETIME_DONT_FAKE_MONOTONIC=1")) as (_, url):
        load = Load(url, KEY)
        with load.running():
            for jump in ("+0", "+1h", "-1h", "+0"):
                clock.write_text(jump)
                load.more(200)
                assert ready(url)
    counts = judged(load, store)
    with Store.open(store) as opened:
        logged = opened.predictions_between(START, datetime.now(UTC) + timedelta(days=1)).logged_at
    assert logged.max() - logged.min() > timedelta(minutes=110)  # it did jump
    assert counts.acknowledged == counts.attempted
    fault_table.add("clock jumps an hour, forth and back", 0.0, 0.0, f"{counts.attempted} predictions, each there once")


@pytest.mark.slow
def test_after_the_kill_of_postgresql_every_acknowledged_prediction_is_there_once(
    tmp_path: Path, release: Path, postgresql: PostgreSQL, postgresql_url: str
) -> None:
    with replica(tmp_path, release, postgresql_url) as (_, url):
        load = Load(url, KEY)
        with load.running():
            for _ in range(3):
                load.more(200)
                os.kill(int((postgresql.folder / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
                eventually(lambda: not ready(url), 30)
                started_again(postgresql)
                load.more(50)
    counts = judged(load, postgresql_url)
    assert counts.attempted > counts.acknowledged


def started_again(postgresql: PostgreSQL) -> None:
    """Start the server as soon as what it left behind has noticed that it is gone."""

    def start() -> bool:
        try:
            postgresql.start()
        except AssertionError:
            return False
        return True

    eventually(start, 60)


@pytest.mark.slow
@pytest.mark.parametrize("victims", ["replica", "all of Ray"])
def test_after_a_kill_in_ray_every_acknowledged_prediction_is_there_once(
    tmp_path: Path, release: Path, victims: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    store = f"sqlite:///{tmp_path}/store.db"
    with running_service(store_url=store, release=release, log=tmp_path / "log", replicas=(2, 2)) as service:
        load = Load(service.url, service.key)
        with load.running():
            for _ in range(3):
                load.more(200)
                kill(family(service.pid, lambda command: "ServeReplica" in command)[:1])
                load.more(200, 120)
            if victims == "all of Ray":
                kill(family(service.pid, lambda _: True))
                eventually(lambda: "the service is over" in service.log.read_text(errors="replace"), seconds=30)
    judged(load, store)


def kill(processes: list[int]) -> None:
    assert processes
    for process in processes:
        os.kill(process, signal.SIGKILL)


def family(ancestor: int, chosen: Callable[[str], bool]) -> list[int]:
    """Return the chosen processes below an ancestor."""
    parents: dict[int, int] = {}
    commands: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            commands[int(entry.name)] = (entry / "cmdline").read_text()
        except OSError:
            continue

    def below(process: int) -> bool:
        while process in parents and process != ancestor:
            process = parents[process]
        return process == ancestor

    return [process for process in commands if process != ancestor and below(process) and chosen(commands[process])]
