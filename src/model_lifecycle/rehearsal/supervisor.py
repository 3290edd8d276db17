"""Whoever keeps a service up: notices that it answers no more, starts it again, and knows nothing of incidents."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from model_lifecycle.client import Client
from model_lifecycle.errors import ServingError
from model_lifecycle.serving.process import RunningService

PROBE_SECONDS = 1.0
_TRIES = 3  # probes without an answer after which a service is taken for dead


@dataclass(frozen=True, slots=True)
class Restart:
    """One time that the service was found dead: seconds of the wall's clock until it answered again."""

    seconds: float


@dataclass
class Supervisor:
    """Keeps one service running, on another port with another key after each restart.

    Parameters
    ----------
    boot : callable
        Starts a service, as a context that stops it.
    connect : callable
        Makes a client for a service.
    """

    boot: Callable[[], AbstractContextManager[RunningService]]
    connect: Callable[[RunningService], Client]
    restarts: list[Restart] = field(default_factory=list)
    _running: ExitStack = field(default_factory=ExitStack)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def recover(self, client: Client) -> Client:
        """Return a client of a service that answers: the same one if it does, else that of a new service.

        Raises
        ------
        ServingError
            If the service does not come up again.
        """
        with self._lock:
            if client is not self.client or self._answers():
                return self.client
            began = time.monotonic()
            try:
                self._running.close()
            except ServingError:  # what was killed leaves its port behind for a moment; the new one takes another
                self._running = ExitStack()
            self._start()
            self.restarts.append(Restart(time.monotonic() - began))
            return self.client

    def _start(self) -> None:
        with ExitStack() as stack:
            self.service = stack.enter_context(self.boot())
            self.client = stack.enter_context(self.connect(self.service))
            self._running = stack.pop_all()

    def _answers(self) -> bool:
        with self.service.client(timeout=PROBE_SECONDS, retries=0) as probe:
            for number in range(_TRIES):
                time.sleep(PROBE_SECONDS * bool(number))
                if probe.is_ready():
                    return True
        return False
