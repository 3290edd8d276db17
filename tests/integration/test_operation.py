"""The service under changing load and with parts of it broken: slow, and only where it can be seen from outside.

What each fault costs stands in a table at the end of the tests: the share of requests that failed, and how long until
all was well again.
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
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from eventually import eventually
from fault_table import FaultTable
from listening import processes_of
from model_lifecycle.registry import Registry
from model_lifecycle.releases import verify_release
from model_lifecycle.serving.process import RunningService, running_service
from model_lifecycle.store import Store
from overload import overload
from postgresql_server import PostgreSQL
from small_disk import SmallDisk
from steady_load import Load, steady_load
from tiny_release import START, record, tiny_release

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
limits: {{waiting_rows: 1000}}
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


@pytest.fixture(scope="module")
def hardy(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("hardy")
    return World(folder, f"sqlite:///{folder}/store.db")


@pytest.fixture(scope="module")
def two(hardy: World) -> Iterator[RunningService]:
    """A service of two replicas, for faults after each of which all is as before."""
    with hardy.serve((2, 2)) as service:
        yield service


@pytest.fixture
def load(two: RunningService) -> Iterator[Load]:
    """Steady traffic that is answered, by both replicas."""
    eventually(lambda: len(replicas_seen(two)) == 2, seconds=60)
    with steady_load(two) as asked:
        eventually(lambda: well_again(asked, 2), seconds=60)
        yield asked


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
            with service.client(timeout=60, retries=50) as client:
                while not stop.is_set():
                    client.predict([record(number) for number in range(100)])
                    asked += 1
            return asked

        with ThreadPoolExecutor(8) as pool:
            began = time.monotonic()
            asking = [pool.submit(ask) for _ in range(8)]
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


def recovery(load: Load, broken: float) -> tuple[float, float]:
    """Return the share of requests that failed since a fault, and the seconds until the last of them was sent."""
    since = load.between(broken, time.monotonic())
    failed = [one for one in since if one.failure is not None]
    return len(failed) / len(since), max((one.sent - broken for one in failed), default=0.0)


def well_again(load: Load, seconds: float) -> bool:
    """Whether nothing failed lately."""
    lately = load.between(time.monotonic() - seconds, time.monotonic())
    return len(lately) > 20 and not any(one.failure for one in lately)


@pytest.mark.parametrize(("part", "limit"), [("ray::ServeReplica", 60.0), ("bin/haproxy", 60.0)])
def test_a_killed_process_is_replaced(
    two: RunningService, load: Load, fault_table: FaultTable, part: str, limit: float
) -> None:
    (victim, *_) = processes_of(two.pid, part)
    broken = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    time.sleep(3)
    eventually(lambda: well_again(load, 5), seconds=limit + 10)
    share, seconds = recovery(load, broken)
    fault_table.add(f"{part.rpartition('/')[2]} killed", share, seconds, "until the last failure; 60 requests/s")
    assert seconds < limit
    assert victim not in processes_of(two.pid, part)


def test_a_release_that_is_damaged_on_disk_does_not_reach_the_answers(
    hardy: World, two: RunningService, load: Load, fault_table: FaultTable
) -> None:
    version, broken = hardy.register("parcels-22"), time.monotonic()
    hardy.registry.promote(version, "a test", "test")
    damaged = hardy.registry.version(version).path / "model" / "catboost.cbm"
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    with two.client() as client:
        eventually(lambda: _has_decided(client.model()), seconds=20)
    hardy.registry.rollback("damaged", "test")
    eventually(lambda: well_again(load, 3), seconds=30)
    fault_table.add(
        "release damaged on disk", *recovery(load, broken), "refused, or loaded before; the champion answers"
    )
    assert load.failed() == []


def _has_decided(model: Mapping[str, object]) -> bool:
    return model["refused"] is not None or model["release"] == "parcels-22"  # loaded before the damage


@pytest.mark.parametrize("vital", ["raylet", "gcs_server"])
def test_without_ray_the_service_says_so_ends_and_leaves_nothing(
    world: World, vital: str, fault_table: FaultTable
) -> None:
    with world.serve((1, 1)) as service:
        family = processes_of(service.pid, "")
        os.kill(processes_of(service.pid, f"/{vital} ")[0], signal.SIGKILL)
        killed = time.monotonic()
        eventually(lambda: "the service is over" in service.log.read_text(errors="replace"), seconds=30)
        took = time.monotonic() - killed
    eventually(lambda: not any(_lives(one) for one in family), seconds=10)
    fault_table.add(f"{vital} killed", 1.0, took, "the service ends with an error, to be started again")


def _lives(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def test_clients_that_send_slowly_do_not_hold_up_the_others(
    two: RunningService, load: Load, fault_table: FaultTable
) -> None:
    port, slow = int(two.url.rsplit(":", 1)[1]), []
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
    share, seconds = recovery(load, began)
    for connection in slow:
        connection.close()
    fault_table.add("50 clients that send slowly", share, seconds, "of the others' requests")
    assert share == 0


def test_overload_is_refused_at_once_and_leaves_nothing_behind(
    two: RunningService, load: Load, fault_table: FaultTable
) -> None:
    """One minute of five times as much as can be answered, in batches of 100 rows; 1,000 rows may wait in a replica."""
    time.sleep(5)
    steady = median(load, 5)
    found = overload(two, [record(number) for number in range(100)], seconds=60, connections=48)
    ended = time.monotonic()
    eventually(lambda: well_again(load, 1) and median(load, 1) <= 2 * steady, seconds=30)
    back = time.monotonic() - ended
    fault_table.add(
        "overload for 60 s",
        1 - found.answered / found.asked,
        back,
        f"{found.asked / found.answered:.1f} times what was answered; refusals took {found.p99 * 1000:.0f} ms "
        f"(p99); then back to {steady * 1000:.1f} ms (median)",
    )
    assert found.asked >= 5 * found.answered
    assert found.strange == []
    assert found.p99 < 5
    assert back < 10


def median(load: Load, seconds: float) -> float:
    """Return the median of what requests took lately."""
    lately = load.between(time.monotonic() - seconds, time.monotonic())
    return float(np.median([one.seconds for one in lately]))


def test_a_database_that_is_killed_is_refused_for_and_comes_back(
    postgresql: PostgreSQL, postgresql_url: str, tmp_path: Path, fault_table: FaultTable
) -> None:
    with World(tmp_path, postgresql_url).serve((1, 1)) as service, steady_load(service) as load:
        eventually(lambda: len(load.asked) > 50, seconds=60)
        postgresql.stop()
        try:
            eventually(lambda: len(load.failed()) > 20, seconds=60)
        finally:
            postgresql.start()
        back = time.monotonic()
        eventually(lambda: well_again(load, 3), seconds=60)
        refused(load)
        share, seconds = recovery(load, back)
        fault_table.add("database killed", share, seconds, "since it was back; 503 with Retry-After meanwhile")
        assert seconds < 15


def test_a_full_disk_is_refused_for_and_goes_on_when_there_is_room(
    small_disk: SmallDisk, tmp_path: Path, fault_table: FaultTable
) -> None:
    url = f"sqlite:///{small_disk.path}/store.db"
    with World(tmp_path, url).serve((1, 1)) as service, steady_load(service) as load, service.client() as client:
        eventually(lambda: len(load.asked) > 50, seconds=60)
        small_disk.fill()
        eventually(lambda: len(load.failed()) > 20, seconds=60)
        assert not client.is_ready()
        small_disk.free()
        back = time.monotonic()
        eventually(lambda: well_again(load, 3), seconds=60)
        share, seconds = recovery(load, back)
        refused(load)
        fault_table.add("disk full", share, seconds, "since there was room; 503 with Retry-After meanwhile")
        assert seconds < 15
    with Store.open(url) as store:
        logged = set(store.predictions_between(START, datetime.now(UTC) + timedelta(days=1)).prediction_id)
    assert {one.prediction_id for one in load.asked if one.failure is None} <= logged


def refused(load: Load) -> None:
    """Hold that what failed was refused."""
    reasons = {one.failure for one in load.failed() if one.failure}
    assert all("503" in reason or "429" in reason for reason in reasons), sorted(reasons)[:3]
