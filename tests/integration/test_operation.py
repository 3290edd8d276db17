"""The service under changing load and with parts of it broken: slow, and only where it can be seen from outside.

Each prints what it measured: error rate, and how long until all was well again.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from eventually import eventually
from model_lifecycle.registry import Registry
from model_lifecycle.releases import verify_release
from model_lifecycle.serving.process import RunningService, running_service
from postgresql_server import PostgreSQL
from steady_load import Load, steady_load
from tiny_release import record, tiny_release

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
SETTINGS = """
registry: {registry}
registry_name: parcels
store: {store}
key_hash: {folder}/key.json
replicas: {{target_ongoing_requests: 2, upscale_delay_seconds: 2, downscale_delay_seconds: 5}}
"""


class World:
    """A registry with a champion, settings, and services that run on them."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder, self.store = folder, store
        self.registry = Registry(f"sqlite:///{folder}/registry.db", "parcels")
        self.registry.promote(self.register("parcels-1"), "a test", "test")
        self.config = folder / "serve.yml"
        self.config.write_text(SETTINGS.format(registry=self.registry.uri, store=store, folder=folder))

    def register(self, release_id: str) -> int:
        """Build and register a release."""
        path = tiny_release(self.folder / "releases", release_id, seed=len(release_id))
        return self.registry.register(path, verify_release(path).digest, {}, {})

    @contextmanager
    def serve(self, replicas: tuple[int, int]) -> Iterator[RunningService]:
        """Run a service."""
        with running_service(
            store_url=self.store,
            registry_uri=self.registry.uri,
            registry_name="parcels",
            config=self.config,
            replicas=replicas,
            log=self.folder / "service.log",
        ) as service:
            yield service


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, f"sqlite:///{tmp_path}/store.db")


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def said(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")  # noqa: T201 - the figures are what these tests are for

    return said


def replicas_seen(service: RunningService, times: int = 30) -> set[str]:
    """Return the replicas that answer."""
    seen = set()
    for _ in range(times):
        with service.client() as client:  # a connection each: one stays with its replica
            seen.add(str(client.model()["replica"]))
    return seen


def test_a_step_of_load_brings_a_second_replica_and_its_end_takes_it_away(
    world: World, tell: Callable[[str], None]
) -> None:
    with world.serve((1, 2)) as service:
        assert len(replicas_seen(service)) == 1
        stop = threading.Event()

        def ask() -> int:
            asked = 0
            with service.client(timeout=60) as client:
                while not stop.is_set():
                    client.predict([record(number) for number in range(2000)])
                    asked += 1
            return asked

        with ThreadPoolExecutor(12) as pool:
            began = time.monotonic()
            asking = [pool.submit(ask) for _ in range(12)]
            try:
                eventually(lambda: len(replicas_seen(service, 10)) == 2, seconds=120)
                up = time.monotonic() - began
            finally:
                stop.set()
            requests = sum(future.result() for future in asking)
        ended = time.monotonic()
        eventually(lambda: len(replicas_seen(service)) == 1, seconds=120)
        down = time.monotonic() - ended
        tell(f"autoscaling: 2 replicas after {up:.1f} s of load, 1 again {down:.1f} s after it, {requests} requests")


def processes(service: RunningService, part: str) -> list[int]:
    """Return the processes of a service, by a part of their command lines: its own session's and their children."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if part in command and (session == service.pid or _descends(folder, service.pid)):
            found.append(int(folder.name))
    return found


def _descends(folder: Path, ancestor: int) -> bool:
    while folder.name not in ("0", "1"):
        if int(folder.name) == ancestor:
            return True
        try:
            folder = Path("/proc") / (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            return False
    return False


def recovery(load: Load, broken: float) -> tuple[float, float]:
    """Return the share of requests that failed since a fault, and the seconds until the last of them was sent."""
    since = load.between(broken, time.monotonic())
    failed = [one for one in since if one.failure is not None]
    return len(failed) / len(since), max((one.sent - broken for one in failed), default=0.0)


def well_again(load: Load, seconds: float) -> bool:
    """Whether nothing failed lately."""
    lately = load.between(time.monotonic() - seconds, time.monotonic())
    return len(lately) > 20 and not any(one.failure for one in lately)


@pytest.mark.parametrize(("part", "limit"), [("ray::ServeReplica", 60.0), ("haproxy", 60.0)])
def test_a_killed_process_is_replaced(world: World, tell: Callable[[str], None], part: str, limit: float) -> None:
    with world.serve((2, 2)) as service:
        eventually(lambda: len(replicas_seen(service)) == 2, seconds=60)
        with steady_load(service) as load:
            eventually(lambda: len(load.asked) > 50, seconds=60)
            assert load.failed() == []
            (victim, *_) = processes(service, part)
            broken = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            time.sleep(3)
            eventually(lambda: well_again(load, 5), seconds=limit + 10)
            share, seconds = recovery(load, broken)
        tell(f"{part} killed: {share:.1%} of requests failed, the last {seconds:.1f} s after it")
        assert seconds < limit


def test_a_database_that_is_killed_is_refused_for_and_comes_back(
    postgresql: PostgreSQL, postgresql_url: str, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with World(tmp_path, postgresql_url).serve((1, 1)) as service:
        with steady_load(service) as load:
            eventually(lambda: len(load.asked) > 50, seconds=60)
            postgresql.stop()
            try:
                eventually(lambda: len(load.failed()) > 20, seconds=60)
            finally:
                postgresql.start()
            back = time.monotonic()
            eventually(lambda: well_again(load, 3), seconds=60)
            share, seconds = recovery(load, back)
        refused = [one.failure for one in load.failed() if one.failure]
        assert all("503" in reason or "429" in reason for reason in refused), sorted(set(refused))[:3]
        tell(
            f"database killed and started: refused with 503 meanwhile; after it {share:.1%} failed for {seconds:.1f} s"
        )
        assert seconds < 15


def test_a_release_that_is_damaged_on_disk_does_not_reach_the_answers(
    world: World, tell: Callable[[str], None]
) -> None:
    version = world.register("parcels-22")
    with world.serve((1, 1)) as service:
        with steady_load(service) as load:
            eventually(lambda: len(load.asked) > 20, seconds=60)
            world.registry.promote(version, "a test", "test")
            damaged = world.registry.version(version).path / "model" / "catboost.cbm"
            damaged.chmod(0o644)
            damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
            with service.client() as client:
                eventually(lambda: _has_decided(client.model()), seconds=20)
            world.registry.rollback("damaged", "test")
            eventually(lambda: well_again(load, 3), seconds=30)
        tell(f"release damaged on disk: {len(load.failed())} of {len(load.asked)} requests failed")
        assert load.failed() == []


def _has_decided(model: Mapping[str, object]) -> bool:
    return model["refused"] is not None or model["release"] == "parcels-22"  # loaded before the damage


def test_clients_that_send_slowly_do_not_hold_up_the_others(world: World, tell: Callable[[str], None]) -> None:
    with world.serve((1, 1)) as service:
        port = int(service.url.rsplit(":", 1)[1])
        slow = []
        with steady_load(service) as load:
            eventually(lambda: len(load.asked) > 50, seconds=60)
            began = time.monotonic()
            for _ in range(50):
                connection = socket.create_connection(("127.0.0.1", port))
                connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
                slow.append(connection)
            for _ in range(10):
                time.sleep(0.5)
                for connection in slow:
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        continue
            share, _ = recovery(load, began)
        for connection in slow:
            connection.close()
        tell(f"50 slow clients: {share:.1%} of the others' requests failed")
        assert share == 0
