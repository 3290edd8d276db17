"""The write-ahead log goes back into the database's file in a thread of its own: no commit waits for the disk."""

import logging
import sqlite3
import threading
import time
from pathlib import Path

from model_lifecycle.store.engine import PAGES_PER_CHECKPOINT, WAL_BYTES, Synchronous

logger = logging.getLogger(__name__)

# The last pass takes the write lock and then waits for whoever reads an older state: far less than a writer waits for
# that lock. Several short tries find the gap between two long commits as well as one long one does.
_LOCK_SECONDS = 0.03
_TRIES, _TRY_AGAIN_SECONDS = 5, 0.1
# A reader who was in the way of all tries stays for a while, so the next last pass comes later, and later again.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0
# What a commit writes to the write-ahead log, about: leaves of the indices, and two pages a row.
_PAGES_PER_COMMIT, _PAGES_PER_ROW = 4, 2
_BYTES_PER_PAGE = 4096


class Checkpointer:
    """Checkpoints a SQLite file, with a connection of its own.

    Parameters
    ----------
    path : Path
        The file.
    synchronous : {"NORMAL", "FULL", "EXTRA"}
        As those who write to it have it.
    """

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        self._connection = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False)
        self._connection.execute(f"PRAGMA synchronous = {synchronous}")
        self._pages = 0
        self._pause = _FIRST_PAUSE_SECONDS
        self._full_from = 0.0
        self._warned = False
        self._is_due = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="checkpointer", daemon=True)
        self._thread.start()

    def committed(self, rows: int) -> None:
        """Tell that so many rows were committed; called by several threads, it may lose count of a few."""
        self._pages += _PAGES_PER_COMMIT + _PAGES_PER_ROW * rows
        if self._pages >= PAGES_PER_CHECKPOINT:
            self._pages = 0
            self._is_due.set()

    def checkpoint(self) -> None:
        """Copy the write-ahead log back into the file, first what can be copied while others write.

        The first pass copies and syncs nearly all, the second what was written meanwhile; for the last, which writers
        have to wait for, hardly anything is left. Without it the log would grow as long as somebody writes; and it
        does grow as long as somebody reads a state from before.
        """
        self._pass("PASSIVE")
        _, pages, copied = self._pass("PASSIVE")
        if time.monotonic() >= self._full_from:
            for _ in range(_TRIES):
                busy, pages, copied = self._pass("FULL")
                if not busy:
                    self._pause, self._full_from, self._warned = _FIRST_PAUSE_SECONDS, 0.0, False
                    return
                time.sleep(_TRY_AGAIN_SECONDS)
            if copied < pages:  # not a writer, but a reader
                self._full_from = time.monotonic() + self._pause
                self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
        self._warn(pages, copied)

    def close(self) -> None:
        """End the thread and give the connection back."""
        self._closed = True
        self._is_due.set()
        self._thread.join(timeout=10)
        self._connection.close()

    def _pass(self, mode: str) -> tuple[int, int, int]:
        """Return whether somebody was in the way, the pages of the log, and how many of them are in the file."""
        busy, pages, copied = self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return busy, pages, copied

    def _warn(self, pages: int, copied: int) -> None:
        if not self._warned and copied < pages and pages * _BYTES_PER_PAGE > WAL_BYTES:
            self._warned = True
            logger.warning(
                "the write-ahead log has %d MiB and grows with each commit: somebody reads a state of the store from "
                "before it (a report, a copy, a person); it goes back into the file once that ends",
                pages * _BYTES_PER_PAGE >> 20,
            )

    def _run(self) -> None:
        while self._is_due.wait() and not self._closed:
            self._is_due.clear()
            try:
                self.checkpoint()
            except sqlite3.Error as error:  # whoever writes next finds out whether the store can be written
                logger.warning("the write-ahead log stays for now: %s", error)
