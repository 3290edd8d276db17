"""Feedback goes into the store in a thread of its own, one request at a time."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from model_lifecycle.contracts.records import EventRecord, LabelRecord
from model_lifecycle.errors import StoreUnavailable
from model_lifecycle.serving.log_writer import LogWriter
from model_lifecycle.serving.predictor import RETRY_SECONDS
from model_lifecycle.serving.problem import Problem
from model_lifecycle.serving.types import EventCounts, FeedbackAnswer, LabelCounts
from model_lifecycle.store import Store


class FeedbackWriter:
    """Writes labels and events; refuses them at once while the prediction log is known to be away.

    When the store cannot be written for one request, those that came meanwhile are refused with it: they have waited
    as well, and in turns each would wait for all before it.

    Parameters
    ----------
    store : Store
        Where they go.
    writer : LogWriter
        Knows whether the store can be written, and finds out when it can be again.
    waiting : int
        Requests that may wait for the thread; beyond them, 429.
    """

    def __init__(self, store: Store, writer: LogWriter, waiting: int) -> None:
        self._store = store
        self._writer = writer
        self._most = waiting
        self._asked = 0
        self._failed_at = 0.0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="feedback")

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._pool.shutdown()

    async def write(self, labels: Sequence[LabelRecord], events: Sequence[EventRecord]) -> FeedbackAnswer:
        """Write what one request brought; it is durable on return.

        Raises
        ------
        Problem
            429 when too many requests wait, 503 when the store cannot be written.
        """
        if self._writer.unavailable is not None:
            raise _unavailable()
        if self._asked >= self._most:
            raise Problem(429, f"{self._asked} requests with feedback wait; try again", retry_after=RETRY_SECONDS)
        self._asked += 1
        loop = asyncio.get_running_loop()
        work = self._pool.submit(self._write, labels, events, time.monotonic())
        # A client that goes away does not end the work: it counts until it is done.
        work.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        return await asyncio.wrap_future(work)

    def _done(self) -> None:
        self._asked -= 1

    def _write(self, labels: Sequence[LabelRecord], events: Sequence[EventRecord], came_at: float) -> FeedbackAnswer:
        if self._writer.unavailable is not None or came_at <= self._failed_at:
            raise _unavailable()
        try:
            receipt = self._store.append_labels(labels)
            new = self._store.append_events(events)
        except StoreUnavailable as error:
            self._failed_at = time.monotonic()
            raise _unavailable() from error
        return FeedbackAnswer(
            LabelCounts(receipt.accepted, receipt.duplicates, receipt.corrections, receipt.unknown),
            EventCounts(new, len(events) - new),
        )


def _unavailable() -> Problem:
    return Problem(
        503, "the store cannot be written now; sending the same feedback again is safe", retry_after=RETRY_SECONDS
    )
