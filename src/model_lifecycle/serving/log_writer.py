"""Group commit: one thread writes all waiting predictions in one transaction, and only then are they answered."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model_lifecycle.contracts.records import PredictionRecord
from model_lifecycle.errors import StoreError, StoreUnavailable
from model_lifecycle.store import Store

logger = logging.getLogger(__name__)

# Waiting for a lock longer than this, a client is better off with a 503 and another try.
LOCK_SECONDS = 2.0
PROBE_SECONDS = 0.5
# Bounds how long one transaction holds the write lock of SQLite against other replicas.
MAX_ROWS_PER_COMMIT = 5_000

Done = Callable[[StoreError | None], None]


@dataclass(frozen=True, slots=True)
class _Entry:
    records: Sequence[PredictionRecord]
    done: Done


class LogWriter:
    """Writes predictions in its own thread; remembers whether the store can be written.

    While the store is down, entries are refused at once and the thread tries every half second whether it is back.

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
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._closed = False
        self.unavailable: str | None = None
        self.last_commit_seconds = 0.0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, records: Sequence[PredictionRecord], done: Done) -> None:
        """Queue records; `done` is called in the writer's thread, with None once they are durable or with the error."""
        self._queue.put(_Entry(records, done))

    def waiting(self) -> int:
        """Return how many entries wait for the thread."""
        return self._queue.qsize()

    def close(self) -> None:
        """Write what is queued and end the thread."""
        self._closed = True
        self._queue.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            try:
                entry = self._queue.get(timeout=PROBE_SECONDS if self.unavailable else None)
            except queue.Empty:
                self._probe()
                continue
            if entry is None:
                return
            self._commit(self._gather(entry))

    def _gather(self, first: _Entry) -> list[_Entry]:
        entries, rows = [first], len(first.records)
        while rows < MAX_ROWS_PER_COMMIT:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                break
            if entry is None:
                self._queue.put(None)
                break
            entries.append(entry)
            rows += len(entry.records)
        return entries

    def _commit(self, entries: list[_Entry]) -> None:
        started = time.monotonic()
        error = self._write([record for entry in entries for record in entry.records])
        self.last_commit_seconds = time.monotonic() - started
        if error is not None and not isinstance(error, StoreUnavailable) and len(entries) > 1:
            # One entry holds something that the store refuses: the others must not fail with it.
            for entry in entries:
                _tell(entry, self._write(entry.records))
            return
        for entry in entries:
            _tell(entry, error)

    def _write(self, records: Sequence[PredictionRecord]) -> StoreError | None:
        try:
            self._store.append_predictions(records)
        except StoreUnavailable as error:
            self._mark(str(error))
            return error
        except StoreError as error:
            logger.exception("the store refused %d predictions", len(records))
            return error
        except Exception as error:  # a bug must not end the thread that every answer waits for
            logger.exception("cannot write %d predictions", len(records))
            return StoreError(f"cannot write {len(records)} predictions: {type(error).__name__}")
        self._mark(None)
        return None

    def _probe(self) -> None:
        try:
            self._reopen()
        except StoreError as error:
            self._mark(str(error))
        else:
            self._mark(None)

    def _mark(self, unavailable: str | None) -> None:
        if (unavailable is None) != (self.unavailable is None):
            logger.warning("prediction log: %s", unavailable or "available again")
        self.unavailable = unavailable


def _tell(entry: _Entry, error: StoreError | None) -> None:
    try:
        entry.done(error)
    except Exception:  # whoever waited is gone, and the thread that all others wait for must go on
        logger.exception("a committed entry could not be answered")
