"""The service as it is started for real: Ray Serve, HAProxy, replicas, a registry and a store on disk."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from eventually import eventually
from model_lifecycle.client import Client, RequestRefused
from model_lifecycle.contracts.records import LabelRecord
from model_lifecycle.errors import ServingError
from model_lifecycle.releases import verify_release
from model_lifecycle.serving.process import RunningService, running_service
from model_lifecycle.store import Store
from served_world import World
from swaps import swap
from tiny_release import START, event, record, tiny_release

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(300)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_it_predicts_and_logs(client: Client, world: World) -> None:
    answers = client.predict([record(1), record(2, depot="east")])
    assert [answer.release for answer in answers] == ["parcels-1", "parcels-1"]
    assert answers[1].unknown == ("depot",)
    with Store.open(world.store_url) as store:
        logged = store.predictions_between(START, START + timedelta(days=100))
    assert {answer.prediction_id for answer in answers} <= set(logged.prediction_id)


def test_predictions_pass_by_rays_own_way_and_everything_else_takes_it(service: RunningService) -> None:
    def rays(path: str) -> bool:
        response = httpx.post(service.url + path, json=record(1), headers={"X-API-Key": service.key}, trust_env=False)
        assert response.status_code == 200
        return "x-request-id" in response.headers  # Ray gives one to each answer

    eventually(lambda: not rays("/v1/predict"))  # right after the start, all may still go through Ray's own proxy
    assert [rays(path) for path in ("/v1/predict", "/predict", "/v1/explain")] == [False, False, True]


def test_without_the_key_it_does_not(service: RunningService) -> None:
    with Client(service.url, "wrong") as stranger, pytest.raises(RequestRefused, match="answered 401"):
        stranger.predict([record(1)])


def test_an_event_that_is_fed_back_is_in_the_next_answers_history(client: Client) -> None:
    before = client.predict([record(1)])[0].watermark
    assert client.feedback(events=[event(100)])["events"] == {"accepted": 1, "duplicates": 0}
    eventually(lambda: client.predict([record(1)])[0].watermark == before + 1)


def test_a_label_is_taken_once(client: Client) -> None:
    label = LabelRecord("P-1", START + timedelta(days=12), "observed", 1.0, None, datetime.now(UTC))
    assert client.feedback(labels=[label, label])["labels"]["accepted"] == 1


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [(0.0, 0, "scores its 3 smoke records as it was built to"), (1e-9, 1, ": found scores [")],
)
def test_the_images_check_holds_the_scores_against_those_of_the_release(
    service: RunningService, client: Client, world: World, tmp_path: Path, error: float, code: int, told: str
) -> None:
    release = str(client.model()["release"])
    smoke = json.loads((world.folder / "releases" / release / "smoke.json").read_text(encoding="utf-8"))
    # The release was made before there was a history: what it says now is what it should have said.
    smoke["predictions"][0] = client.predict(smoke["records"])[0].score + error
    smoke["predictions"][1:] = [answer.score for answer in client.predict(smoke["records"][1:])]
    place = tmp_path / "data" / "06_models" / "parcels" / "releases" / release
    place.mkdir(parents=True)
    (place / "smoke.json").write_text(json.dumps(smoke), encoding="utf-8")
    asked = subprocess.run(
        [sys.executable, ROOT / ".ci" / "ask.py", service.url],
        cwd=tmp_path,
        env={**os.environ, "MODEL_LIFECYCLE_API_KEY": service.key},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert asked.returncode == code, asked.stderr
    assert told in asked.stdout + asked.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_what_a_replica_logs_is_in_the_commands_output(service: RunningService, client: Client, world: World) -> None:
    def told() -> bool:
        client.predict([record(1)])  # the file is looked at when a key comes
        line = f" ERROR .* model_lifecycle.serving.keys: the keys stay as they were: {re.escape(str(world.keys))}: not "
        return re.search(line, service.log.read_text(encoding="utf-8")) is not None

    assert not told()
    world.keys.write_text("{bad", encoding="utf-8")
    world.keys.chmod(0o600)
    try:
        eventually(told)
    finally:
        world.keys.unlink()
    assert client.predict([record(1)])


def test_a_promotion_is_followed_under_traffic_without_a_failed_request(client: Client, world: World) -> None:
    stop, seen = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            seen.append(client.predict([record(1)])[0].release)

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        try:
            eventually(lambda: len(seen) > 50)
            world.promote("parcels-2", seed=8)
            eventually(lambda: seen[-1] == "parcels-2", seconds=30)
        finally:
            stop.set()
        for future in asking:
            future.result()
    assert set(seen) == {"parcels-1", "parcels-2"}


@pytest.mark.parametrize("cycles", [3, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_promotions_and_rollbacks_under_traffic_fail_no_request_and_are_followed_within_five_seconds(
    service: RunningService, world: World, cycles: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tiny_release(world.folder / "releases", f"parcels-swap-{cycles}", seed=9)
    version = world.registry.register(path, verify_release(path).digest, {}, {})
    found = swap(service, world.registry, version, cycles, world.store_url)
    with capsys.disabled():
        print(f"\n{found}")  # noqa: T201 - the figures are what this test is for
    assert found.failed == []
    assert found.differing_from_log == 0
    assert found.slowest_follow < 5
    if cycles >= 50:  # few cycles say too little of a 99th percentile
        assert found.swap_p99 <= 2 * found.steady_p99


def test_a_second_service_on_the_same_port_is_refused(service: RunningService, world: World, tmp_path: Path) -> None:
    port = int(service.url.rsplit(":", 1)[1])
    with (
        pytest.raises(ServingError, match=rf"127\.0\.0\.1:{port} cannot be used \(Address already in use\)"),
        running_service(
            store_url=world.store_url,
            registry_uri=world.registry.uri,
            registry_name=world.registry.name,
            log=tmp_path / "second.log",
            port=port,
        ),
    ):
        pass


@LINUX
def test_on_ctrl_c_running_requests_finish_and_no_process_and_no_port_is_left(world: World, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = "k" * 32
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "model_lifecycle", "serve", "--port", str(port), "--store", world.store_url),
            *("--registry", world.registry.uri, "--registry-name", "parcels"),
        ],
        cwd=ROOT,
        env={**os.environ, "MODEL_LIFECYCLE_API_KEY": key, "TMPDIR": "/tmp", "PLANTED": str(tmp_path)},  # noqa: S108
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    log.close()
    try:
        with Client(f"http://127.0.0.1:{port}", key, retries=0) as client:
            eventually(client.is_ready, seconds=120)
            assert len(_processes(tmp_path)) > 5
            with ThreadPoolExecutor(1) as pool:
                running = pool.submit(client.predict, [record(number) for number in range(5000)])
                time.sleep(0.05)
                os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the command and all it has started
                assert len(running.result()) == 5000
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()
    assert (tmp_path / "log").read_text().splitlines()[-1] == "stopped"
    eventually(lambda: _processes(tmp_path) == [])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def _processes(planted: Path) -> list[str]:
    """Return the processes that carry this test's own environment variable, however they are called."""
    mark = f"PLANTED={planted}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0") and (folder / "cmdline").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
