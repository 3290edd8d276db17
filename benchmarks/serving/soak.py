"""Ours under load for minutes: how its memory grows, and how fast it is after a hot swap."""

import sys
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

from servers import batches, bodies, ours, wrk
from world import World

from model_lifecycle.registry import Registry
from model_lifecycle.releases import build_release, verify_release
from model_lifecycle.releases.verify import read_release
from model_lifecycle.scoring import Scorer

SAMPLE_SECONDS = 2.0
SETTLED = 0.25  # of the time: until then, caches fill
SWAP_SECONDS = 60.0


def soak(world: World, seconds: float, each: float) -> dict[str, Any]:
    """Load for so long, swap the release under load, and measure before and after."""
    registry = Registry(f"sqlite:///{world.folder}/registry.db", "bench")
    _promote(registry, world.release)
    other = _second_release(world)
    url = f"sqlite:///{world.folder}/store.db"
    world.fill(url)
    single = bodies(world, "ours")
    with ours(world, url, registry_uri=registry.uri, registry_name=registry.name) as (service, target):
        wrk(target, single, 32, 5)
        figures: dict[str, Any] = {"before": _figures(target, world, each)}
        with _Memory(service.pid) as memory:
            figures["load"] = wrk(target, single, 32, seconds)
        figures["memory"] = memory.growth()
        _promote(registry, other)
        with service.client() as client:
            deadline = time.monotonic() + SWAP_SECONDS
            while client.model()["release"] != other.name:
                if time.monotonic() > deadline:
                    raise RuntimeError("the release was not swapped")
                time.sleep(0.05)
        figures["after"] = _figures(target, world, each)
    before, after = figures["before"]["32"], figures["after"]["32"]
    figures["after_over_before"] = {name: after[name] / before[name] for name in ("requests_a_second", "p50", "p99")}
    for name, one in figures.items():
        sys.stdout.write(f"{name}: {one}\n")
    return figures


def _figures(target: Any, world: World, seconds: float) -> dict[str, dict[str, float]]:
    single, many = bodies(world, "ours"), batches(world)
    return {
        "1": wrk(target, single, 1, seconds),
        "32": wrk(target, single, 32, seconds),
        "batch": wrk(target, many, 2, seconds),
    }


def _promote(registry: Registry, release: Path) -> None:
    registry.promote(registry.register(release, verify_release(release).digest, {}, {}), "a benchmark", "bench")


def _second_release(world: World) -> Path:
    files = {name: content for name, content in read_release(world.release).items() if name != "manifest.json"}
    name = world.scorer.release_id + "-again"
    facts = world.scorer.facts.model_copy(update={"release_id": name})
    files |= Scorer(facts, world.scorer.model).to_files()
    return build_release(world.folder / "releases", name, files, {"created_as_of": facts.as_of})


class _Memory:
    """The resident memory of the replicas, in MiB, while it is open."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._samples: list[float] = []
        self._stop = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def growth(self) -> dict[str, float]:
        """Return the mean of the first part after the caches have filled, of the last part, and their difference."""
        kept = self._samples[int(len(self._samples) * SETTLED) :]
        part = max(1, len(kept) // 5)
        first, last = sum(kept[:part]) / part, sum(kept[-part:]) / part
        return {"first_mib": first, "last_mib": last, "growth_mib": last - first, "peak_mib": max(self._samples)}

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            found = [_resident(process) for process in _replicas(self._process)]
            if found:
                self._samples.append(sum(found) / 1024)


def _replicas(process: int) -> list[int]:
    """Return Ray's worker processes with a replica among all that a process has started."""
    session = process
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # The service is the leader of its session, and all that it starts belongs to it or stands below it.
            if b"ServeReplica" in (entry / "cmdline").read_bytes() and _descends(int(entry.name), session):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _descends(process: int, ancestor: int) -> bool:
    while process > 1:
        if process == ancestor:
            return True
        process = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return False


def _resident(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
