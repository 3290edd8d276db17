"""Promotions and rollbacks under steady traffic, and what is demanded of them."""

import time
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from eventually import eventually
from model_lifecycle.registry import Registry
from model_lifecycle.serving.process import RunningService
from model_lifecycle.store import Store
from steady_load import Asked, Load, p99, steady_load
from tiny_release import START

STEADY_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Swapped:
    """What the cycles showed; times in seconds."""

    cycles: int
    requests: int
    failed: list[Asked]
    slowest_follow: float
    steady_p99: float
    swap_p99: float
    differing_from_log: int

    def __str__(self) -> str:
        return (
            f"{self.cycles} cycles of promotion and rollback, {self.requests} requests: {len(self.failed)} failed, "
            f"{self.differing_from_log} differ from the log; all replicas follow within {self.slowest_follow:.2f} s; "
            f"p99 {self.steady_p99 * 1000:.1f} ms steady, {self.swap_p99 * 1000:.1f} ms during swaps "
            f"({self.swap_p99 / self.steady_p99:.2f} times)"
        )


def swap(service: RunningService, registry: Registry, version: int, cycles: int, store_url: str) -> Swapped:
    """Promote a version and roll it back, so many times, while requests are answered."""
    champion = registry.champion()
    assert champion is not None
    names = {True: registry.version(version).release_id, False: champion.release_id}
    follows, swaps = [], []
    with steady_load(service) as load:
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > STEADY_SECONDS and len(load.asked) > 50, seconds=60)
        steady = load.between(began, time.monotonic())
        for _ in range(cycles):
            for forth in (True, False):
                moved = time.monotonic()
                if forth:
                    registry.promote(version, "a test", "test")
                else:
                    registry.rollback("a test", "test")
                follows.append(_followed(load, names[forth], time.monotonic()))
                swaps += load.between(moved, time.monotonic())
    return Swapped(
        cycles=cycles,
        requests=len(load.asked),
        failed=load.failed(),
        slowest_follow=float(np.max(follows)),
        steady_p99=p99(steady),
        swap_p99=p99(swaps),
        differing_from_log=_differing(load, store_url),
    )


def _followed(load: Load, release: str, moved: float) -> float:
    """Return how long after a move the last answer of another release was asked for."""
    last = moved

    def only_the_new_one() -> bool:
        nonlocal last
        since = load.between(moved, time.monotonic())
        last = max([moved, *(one.sent for one in since if one.release != release)])
        # Each replica has been asked many times since.
        return sum(one.sent > last for one in since) >= 40

    eventually(only_the_new_one, seconds=60)
    return last - moved


def _differing(load: Load, store_url: str) -> int:
    """Count answers whose row in the log is absent, there twice or of another release."""
    with Store.open(store_url) as store:
        rows = store.predictions_between(START, START + timedelta(days=100))
    logged = rows.set_index("prediction_id")["release"]
    assert logged.index.is_unique
    answered = [one for one in load.asked if one.failure is None]
    return sum(logged.get(one.prediction_id) != one.release for one in answered)
