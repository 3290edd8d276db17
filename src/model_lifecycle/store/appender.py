"""Predictions committed in the caller's own thread, where that takes no waiting."""

import logging
import sqlite3
from collections.abc import Sequence

from model_lifecycle.store.engine import CACHE_KIB, WAL_BYTES
from model_lifecycle.store.file import StoreFile
from model_lifecycle.store.predictions import PredictionRow, statement

logger = logging.getLogger(__name__)


class Appender:
    """A connection of its own to a SQLite file, with ``synchronous=NORMAL``; for one thread at a time.

    A commit neither syncs the disk nor waits for a lock: what cannot be written at once is left to
    `Store.append_predictions`, which can wait and says what is wrong. Nor does a commit copy the write-ahead log back
    into the file: that is left to a `Checkpointer`.

    Parameters
    ----------
    file : StoreFile
        The file, which has its schema.
    """

    def __init__(self, file: StoreFile) -> None:
        self._file = file
        self._connection = sqlite3.connect(file.path, timeout=0, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA wal_autocheckpoint = 0")
        self._connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._statement = statement("?", 1)

    def append(self, rows: Sequence[PredictionRow]) -> bool:
        """Write rows in one transaction; False if that failed for whatever reason, and then none is there.

        Nor is one there that was committed to a file that no longer stands at its path.
        """
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
        return self._file.in_place()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
