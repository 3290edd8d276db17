"""Predictions committed in the caller's own thread, where that takes no waiting."""

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from model_lifecycle.store.engine import PAGES_PER_CHECKPOINT
from model_lifecycle.store.predictions import PredictionRow, statement

logger = logging.getLogger(__name__)

# What a commit writes to the write-ahead log, about: leaves of the indices, and two pages a row.
_PAGES_PER_COMMIT, _PAGES_PER_ROW = 4, 2


class Appender:
    """A connection of its own to a SQLite file, with ``synchronous=NORMAL``; for one thread at a time.

    A commit neither syncs the disk nor waits for a lock: what cannot be written at once is left to
    `Store.append_predictions`, which can wait and says what is wrong. Nor does a commit copy the write-ahead log back
    into the file, so somebody has to call `Store.checkpoint` when it is due.

    Parameters
    ----------
    path : Path
        The file, which has its schema.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA wal_autocheckpoint = 0")
        self._statement = statement("?", 1)
        self._pages = 0

    def append(self, rows: Sequence[PredictionRow]) -> bool:
        """Write rows in one transaction; False if that failed for whatever reason, and then none is there."""
        run = self._connection.execute
        try:
            if len(rows) == 1:
                run(self._statement, rows[0])  # a statement is a transaction by itself
            else:
                run("BEGIN IMMEDIATE")
                self._connection.executemany(self._statement, rows)
                run("COMMIT")
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
            logger.debug("not written at once: %s", error)
            if self._connection.in_transaction:
                run("ROLLBACK")
            return False
        self._pages += _PAGES_PER_COMMIT + _PAGES_PER_ROW * len(rows)
        return True

    def checkpoint_is_due(self) -> bool:
        """Tell whether the write-ahead log has grown enough; once it has said so, it begins to count anew."""
        due = self._pages >= PAGES_PER_CHECKPOINT
        if due:
            self._pages = 0
        return due

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
