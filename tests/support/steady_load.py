"""Steady traffic against a running service, and what became of each request."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from model_lifecycle.errors import ServingError
from model_lifecycle.serving.process import RunningService
from tiny_release import record


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it was sent and answered (monotonic seconds), by which release, or why it failed."""

    sent: float
    answered: float
    release: str | None
    prediction_id: str | None
    failure: str | None = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.answered - self.sent


@dataclass
class Load:
    """What was asked so far."""

    asked: list[Asked] = field(default_factory=list)

    def between(self, start: float, end: float) -> list[Asked]:
        """Return the requests that were sent in a span of time."""
        return [one for one in list(self.asked) if start <= one.sent < end]

    def failed(self) -> list[Asked]:
        """Return the requests that were not answered."""
        return [one for one in list(self.asked) if one.failure is not None]


@contextmanager
def steady_load(service: RunningService, clients: int = 4, per_second: float = 60.0) -> Iterator[Load]:
    """Ask for predictions at a steady rate, without retries, until the block ends."""
    load, stop = Load(), threading.Event()
    pause = clients / per_second

    def ask(number: int) -> None:
        with service.client(retries=0) as client:
            while not stop.wait(pause):
                sent = time.monotonic()
                try:
                    (answer,) = client.predict([record(number)])
                    load.asked.append(Asked(sent, time.monotonic(), answer.release, answer.prediction_id))
                except ServingError as error:
                    load.asked.append(Asked(sent, time.monotonic(), None, None, str(error)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def p99(asked: Sequence[Asked]) -> float:
    """Return the 99th percentile of the seconds that requests took."""
    return float(np.quantile([one.seconds for one in asked], 0.99)) if asked else float("nan")
