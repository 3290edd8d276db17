"""The write-ahead log goes back into the database's file in a thread of its own: no commit waits for the disk."""

import logging
import sqlite3
import threading
from pathlib import Path

from model_lifecycle.store.engine import PAGES_PER_CHECKPOINT, Synchronous

logger = logging.getLogger(__name__)

_LOCK_SECONDS = 2.0
# What a commit writes to the write-ahead log, about: leaves of the indices, and two pages a row.
_PAGES_PER_COMMIT, _PAGES_PER_ROW = 4, 2
# The first copies and syncs nearly all while others write, the second what they wrote meanwhile; for the last, which
# others have to wait for, hardly anything is left. Without it the log would grow as long as somebody writes.
_PASSES = ("PASSIVE", "PASSIVE", "FULL")


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
        """Copy the write-ahead log back into the file, first what can be copied while others write."""
        for mode in _PASSES:
            self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()

    def close(self) -> None:
        """End the thread and give the connection back."""
        self._closed = True
        self._is_due.set()
        self._thread.join(timeout=10)
        self._connection.close()

    def _run(self) -> None:
        while self._is_due.wait() and not self._closed:
            self._is_due.clear()
            try:
                self.checkpoint()
            except sqlite3.Error as error:  # whoever writes next finds out whether the store can be written
                logger.warning("the write-ahead log stays for now: %s", error)
