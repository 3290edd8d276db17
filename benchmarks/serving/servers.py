"""Ours and the peers, each started alone and stopped again, and asked by wrk."""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from world import BATCH, World, write_bodies

from model_lifecycle.serving.ports import free_ports
from model_lifecycle.serving.process import RunningService, running_service

HERE = Path(__file__).parent
PEER_PYTHON = Path(".venv-peers-serving/bin/python")
START_SECONDS = 120.0
STOP_SECONDS = 30.0
# The same model on the same features; MLflow and JSON keep every bit, so a difference would be another model.
TOLERANCE = 1e-9
CHECKED = 50
NUMBER = "#" * 10  # as wrk.lua looks for it


@dataclass(frozen=True)
class Target:
    """Where requests go."""

    url: str
    path: str
    key: str = ""


@dataclass(frozen=True)
class Peer:
    """How a peer wants one decision, and where its answer has the score."""

    path: str
    body: Callable[[dict[str, Any]], dict[str, Any]]
    score: Callable[[dict[str, Any]], float]


PEERS = {
    "fastapi": Peer("/predict", lambda record: record, lambda answer: answer["score"]),
    "mlflow": Peer("/invocations", lambda record: {"dataframe_records": [record]}, lambda a: a["predictions"][0]),
    "ray": Peer("/predict", lambda record: record, lambda answer: answer["score"]),
    "bentoml": Peer("/predict", lambda record: {"record": record}, lambda answer: answer["score"]),
    "litserve": Peer("/predict", lambda record: record, lambda answer: answer["score"]),
}


@contextmanager
def ours(
    world: World, store_url: str, synchronous: str = "NORMAL", replicas: int = 1, **registry: str
) -> Iterator[tuple[RunningService, Target]]:
    """Start the product's own service with all that it does, and check its answers."""
    config = world.folder / "serve.yml"
    settings = Path("conf/serve/local.yml").read_text()
    config.write_text(re.sub(r"(?m)^synchronous: .*$", f"synchronous: {synchronous}", settings))
    with running_service(
        store_url=store_url,
        log=world.folder / "ours.log",
        config=config,
        replicas=(replicas, replicas),
        release=None if registry else world.release,
        **registry,  # type: ignore[arg-type]
    ) as service:
        target = Target(service.url, "/v1/predict", service.key)
        found = [_ask(target, {"records": [record]})["predictions"][0] for record in world.records[:CHECKED]]
        if not all(answer["history"]["complete"] for answer in found):
            raise RuntimeError("the service has not all of the history")
        _check("ours", [answer["score"] for answer in found], world)
        yield service, target


@contextmanager
def peer(world: World, name: str) -> Iterator[Target]:
    """Start a peer, and check its answers."""
    port, log = free_ports(1)[0], world.folder / f"{name}.log"
    path = f"{PEER_PYTHON.parent.absolute()}{os.pathsep}{os.environ['PATH']}"  # MLflow looks there for uvicorn
    environment = {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": "",
        "RAY_USAGE_STATS_ENABLED": "0",
        "BENTOML_DO_NOT_TRACK": "True",
    }
    command = [str(PEER_PYTHON.absolute()), str(HERE.absolute() / "peer.py"), name, str(port), str(world.folder)]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own script
            command, stdout=output, stderr=output, env=environment, start_new_session=True, cwd=world.folder
        )
    target = Target(f"http://127.0.0.1:{port}", PEERS[name].path)
    try:
        _wait(target, PEERS[name].body(world.features[0]), process, log)
        asked = [_ask(target, PEERS[name].body(record)) for record in world.features[:CHECKED]]
        _check(name, [PEERS[name].score(answer) for answer in asked], world)
        yield target
    finally:
        _stop(process)


def _wait(target: Target, body: Any, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            _ask(target, body)
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"a peer does not answer:\n{log.read_text(errors='replace')[-3000:]}") from None
            time.sleep(0.2)
        else:
            return


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            sys.stderr.write("a peer did not stop by itself\n")
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what it has left behind of its own group


def _ask(target: Target, body: Any) -> Any:
    headers = {"X-API-Key": target.key} if target.key else {}
    response = httpx.post(target.url + target.path, json=body, headers=headers, timeout=30, trust_env=False)
    return response.raise_for_status().json()


def _check(name: str, scores: Sequence[float], world: World) -> None:
    worst = max(abs(one - other) for one, other in zip(scores, world.scores, strict=False))
    if not worst <= TOLERANCE:
        raise RuntimeError(f"{name}: scores differ by up to {worst:g} from the release's own")


def bodies(world: World, name: str) -> Path:
    """Write the single requests of ours or of a peer."""
    if name == "ours":
        return write_bodies(world.folder / "ours.jsonl", [{"records": [record]} for record in _numbered(world)])
    return write_bodies(world.folder / f"{name}.jsonl", [PEERS[name].body(record) for record in world.features])


def batches(world: World) -> Path:
    """Write requests of 1,000 records."""
    records = _numbered(world)
    starts = range(0, len(records) - BATCH + 1, BATCH // 4)
    return write_bodies(world.folder / "batches.jsonl", [{"records": records[s : s + BATCH]} for s in starts])


def _numbered(world: World) -> list[dict[str, Any]]:
    """Return the records with a decision id that begins with a number, which every request writes anew."""
    name = world.scorer.question.decision_id
    return [{**record, name: f"{NUMBER}-{record[name]}"} for record in world.records]


def wrk(target: Target, lines: Path, connections: int, seconds: float) -> dict[str, float]:
    """Load a server with one thread of wrk; latencies in milliseconds."""
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("wrk is not on the path, expected it there (apt-get install wrk)")
    command = [program, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s"]
    command += [str(HERE / "wrk.lua"), target.url, "--", target.path, str(lines), target.key]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - no shell
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return {**found, "requests_a_second": found["requests"] / found["seconds"]}


def median(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure; errors add up."""
    figures = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return {**figures, "errors": sum(run["errors"] for run in runs)}
