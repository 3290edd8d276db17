"""The service's own application over HTTP, a process without Ray, killed in the middle of the traffic."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from model_lifecycle.client import Client
from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.rehearsal.incidents.kill import kill_tree
from model_lifecycle.rehearsal.scorecard.answers import read_answers
from model_lifecycle.rehearsal.traffic import RECORDS_PER_REQUEST, Traffic, traffic_to
from model_lifecycle.serving.ports import free_ports
from model_lifecycle.serving.process import RunningService
from model_lifecycle.store import Store
from tiny_release import START, event, record, tiny_release

KEY = "a-key-that-only-this-test-knows"
REPLICA = """
import sys, uvicorn
from model_lifecycle.serving.application import Application
from model_lifecycle.serving.keys import KeyHash
from model_lifecycle.serving.service import Service
from model_lifecycle.serving.settings import ServiceSettings

settings = ServiceSettings.model_validate_json(sys.argv[1])
application = Application(lambda: Service(settings, KeyHash.of(sys.argv[2]), "replica"))
uvicorn.run(application, host="127.0.0.1", port=settings.port, log_level="warning", access_log=False)
"""
ASKED = 40 * RECORDS_PER_REQUEST
pytestmark = pytest.mark.timeout(240)


class Replicas:
    """Starts one replica after another on the same store."""

    def __init__(self, folder: Path) -> None:
        self.store = f"sqlite:///{folder / 'store.db'}"
        self._folder = folder
        self._release = tiny_release(folder / "releases")
        self.pids: list[int] = []

    @contextmanager
    def __call__(self) -> Iterator[RunningService]:
        (port,) = free_ports(1)
        settings = {
            "port": port,
            "release": str(self._release),
            "registry": f"sqlite:///{self._folder / 'registry.db'}",
            "registry_name": "parcels",
            "store": self.store,
            "key_hash": str(self._folder / "key_hash"),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", REPLICA, json.dumps(settings), KEY],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
            start_new_session=True,
        )
        self.pids.append(process.pid)
        service = RunningService(f"http://127.0.0.1:{port}", KEY, process.pid, self._folder / "log")
        try:
            with Client(service.url, KEY, timeout=2.0, retries=0) as client:
                while not client.is_ready():
                    assert process.poll() is None
                    time.sleep(0.1)
            yield service
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def replicas(tmp_path: Path) -> Replicas:
    made = Replicas(tmp_path)
    with Store.open(made.store) as store:
        store.append_events([event(1, at=START - timedelta(hours=1))])
    return made


def _ask_and_kill(traffic: Traffic, pid: int, records: list[dict[str, object]], counts: Counts) -> None:
    """Ask for all, and kill the service as soon as it has answered some."""
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(traffic.ask, records)
        while counts.records < 4 * RECORDS_PER_REQUEST:
            time.sleep(0.001)
        kill_tree(pid)
        assert len(asking.result(180)) == len(records)


def test_a_service_that_is_killed_under_traffic_loses_nothing_and_answers_nothing_twice(replicas: Replicas) -> None:
    counts = Counts()
    records = [{**record(number), "parcel": f"P-{number}"} for number in range(ASKED)]
    with traffic_to(replicas, replicas.store, counts) as traffic:
        _ask_and_kill(traffic, replicas.pids[0], records, counts)
        restarts = traffic.restarts()
    times = sorted(datetime.fromisoformat(str(one["asked_at"])) for one in records)
    span = (times[0], times[-1] + timedelta(seconds=1))
    with Store.open(replicas.store) as store:
        found = read_answers(store, span, [str(one["parcel"]) for one in records])

    assert len(replicas.pids) == 2
    assert len(restarts) == 1
    assert counts.errors == 0
    assert counts.retries > 0
    assert (found.asked, found.lost, found.twice, found.strange) == (ASKED, 0, 0, 0)
