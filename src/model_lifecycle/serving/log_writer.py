"""Group commit: all waiting predictions are one transaction, and only then are they answered."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from model_lifecycle.contracts.records import PredictionRecord, RequestRecord
from model_lifecycle.errors import StoreError, StoreUnavailable
from model_lifecycle.serving.problem import where
from model_lifecycle.store import Appender, Checkpointer, PredictionRow, Store

logger = logging.getLogger(__name__)

# Waiting for a lock longer than this, a client is better off with a 503 and another try.
LOCK_SECONDS = 2.0
PROBE_SECONDS = 0.5
# Bounds how long one transaction holds the write lock of SQLite against other replicas.
MAX_ROWS_PER_COMMIT = 5_000
# More take longer than it takes to hand them to the thread.
ROWS_AT_ONCE = 64
# A client that repeats a request does so within hours; a week leaves room for a queue that was held up.
REQUESTS_KEPT = timedelta(days=7)
FORGET_SECONDS = 3600.0

Done = Callable[[StoreError | None], None]


@dataclass(frozen=True, slots=True)
class _Entry:
    records: Sequence[PredictionRecord | PredictionRow]
    done: Done
    request: RequestRecord | None


class RequestTaken(StoreError):
    """A request with this idempotency key is in the store already; nothing was written for this one."""


class LogWriter:
    """Writes predictions, in its own thread or at once; remembers whether the store can be written.

    While the store is down, entries are refused at once and the thread tries every half second whether it is back. A
    file that was replaced or deleted under the service is down until it stands at its path again: what else stands
    there has other events and other keys, so it takes a new start.

    Parameters
    ----------
    store : Store
        Where the predictions go.
    reopen : callable
        Opens the store anew and closes it again; raises `StoreError` while it cannot be written.
    """

    def __init__(self, store: Store, reopen: Callable[[], None]) -> None:
        self._store = store
        self._reopen = reopen
        self._appender: Appender | None = None
        self._checkpointer: Checkpointer | None = None
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._closed = False
        self._forgotten_at = 0.0
        self.unavailable: str | None = None
        self.last_commit_seconds = 0.0

    def start(self) -> None:
        """Start the thread."""
        self._appender, self._checkpointer = self._store.appender(), self._store.checkpointer()
        self._thread.start()

    def write_at_once(self, rows: Sequence[PredictionRow]) -> bool:
        """Write rows in the caller's thread; tell whether they are durable, else they are to be submitted.

        A thread that hands over its work and waits for two others to give it back the interpreter pays several times
        what such a commit takes.
        """
        if self._appender is None or len(rows) > ROWS_AT_ONCE or self.unavailable is not None:
            return False
        started = time.monotonic()
        if not self._appender.append(rows):
            return False
        self.last_commit_seconds = time.monotonic() - started
        self._grown(len(rows))
        return True

    def submit(
        self,
        records: Sequence[PredictionRecord | PredictionRow],
        done: Done,
        request: RequestRecord | None = None,
    ) -> None:
        """Queue records; `done` is called in the writer's thread, with None once they are durable or with the error.

        With the request that they answer, they are written only if its key is new: else the error is `RequestTaken`.
        """
        self._queue.put(_Entry(records, done, request))

    def waiting(self) -> int:
        """Return how many entries wait for the thread."""
        return self._queue.qsize()

    def close(self) -> None:
        """Write what is queued and end the thread."""
        self._closed = True
        self._queue.put(None)
        self._thread.join(timeout=10)
        appender, checkpointer = self._appender, self._checkpointer
        self._appender = self._checkpointer = None
        for one in (appender, checkpointer):
            if one is not None:
                one.close()

    def _run(self) -> None:
        while True:
            try:
                entry = self._queue.get(timeout=PROBE_SECONDS)
            except queue.Empty:
                self._probe()
                continue
            if entry is None:
                return
            self._commit(self._gather(entry))

    def _grown(self, rows: int) -> None:
        if self._checkpointer is not None:
            self._checkpointer.committed(rows)

    def _gather(self, first: _Entry) -> list[_Entry]:
        entries, rows = [first], len(first.records)
        while rows < MAX_ROWS_PER_COMMIT:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                break
            if entry is None:
                self._queue.put(entry)
                break
            entries.append(entry)
            rows += len(entry.records)
        return entries

    def _commit(self, entries: list[_Entry]) -> None:
        started = time.monotonic()
        taken: set[str] = set()
        error = self._write(entries, taken)
        self.last_commit_seconds = time.monotonic() - started
        if error is not None and not isinstance(error, StoreUnavailable) and len(entries) > 1:
            # One entry holds something that the store refuses: the others must not fail with it.
            for entry in entries:
                _tell(entry, self._write([entry], taken), taken)
        else:
            for entry in entries:
                _tell(entry, error, taken)
        if any(entry.request for entry in entries):
            self._forget()

    def _forget(self) -> None:
        """Delete the keys of old requests, once an hour."""
        if time.monotonic() - self._forgotten_at < FORGET_SECONDS and self._forgotten_at:
            return
        self._forgotten_at = time.monotonic()
        try:
            self._store.forget_requests(datetime.now(UTC) - REQUESTS_KEPT)
        except StoreError as error:
            logger.warning("old requests stay for now: %s", error)

    def _write(self, entries: Sequence[_Entry], taken: set[str]) -> StoreError | None:
        records = [record for entry in entries for record in entry.records]
        try:
            taken |= self._store.append_predictions(records, [one.request for one in entries if one.request])
        except StoreUnavailable as error:
            self._mark(str(error))
            return error
        except StoreError as error:
            logger.error("the store refused %d predictions: %s", len(records), where(error))
            return error
        except Exception as error:  # a bug must not end the thread that every answer waits for
            logger.error("cannot write %d predictions: %s", len(records), where(error))
            return StoreError(f"cannot write {len(records)} predictions: {type(error).__name__}")
        self._mark(None)
        self._grown(len(records))
        return None

    def _probe(self) -> None:
        try:
            self._store.check_there()
            if self.unavailable is not None:
                self._reopen()
        except StoreError as error:
            self._mark(str(error))
        else:
            self._mark(None)

    def _mark(self, unavailable: str | None) -> None:
        if (unavailable is None) != (self.unavailable is None):
            logger.warning("prediction log: %s", unavailable or "available again")
        self.unavailable = unavailable


def _tell(entry: _Entry, error: StoreError | None, taken: set[str]) -> None:
    if error is None and entry.request is not None and entry.request.key in taken:
        error = RequestTaken(f"a request with the idempotency key {entry.request.key!r} was answered before")
    try:
        entry.done(error)
    except Exception as gone:  # whoever waited is gone, and the thread that all others wait for must go on
        logger.error("a committed entry could not be answered: %s", where(gone))
