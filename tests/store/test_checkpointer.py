import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from eventually import eventually
from model_lifecycle.contracts.records import PredictionRecord
from model_lifecycle.store import Appender, Checkpointer, PredictionRow, Store
from model_lifecycle.store.engine import PAGES_PER_CHECKPOINT
from model_lifecycle.store.predictions import prediction_row

NOW = datetime(2024, 3, 1, tzinfo=UTC)
ROWS = 500
ONCE = PAGES_PER_CHECKPOINT // ROWS  # enough for one checkpoint
_number = count()


@pytest.fixture
def checkpointer(file_store: Store) -> Iterator[Checkpointer]:
    made = file_store.checkpointer()
    assert made is not None
    yield made
    made.close()


def rows() -> list[PredictionRow]:
    one = prediction_row(PredictionRecord("", "P-1", NOW, NOW, "r", 0.5, "act", 0.4, 7, {"weight": "x" * 2_000}))
    return [one._replace(prediction_id=f"p{next(_number):09}") for _ in range(ROWS)]


def test_the_log_goes_into_the_file_once_it_has_grown_and_not_before(
    appender: Appender, checkpointer: Checkpointer, path: Path
) -> None:
    size = path.stat().st_size
    assert appender.append(rows())
    checkpointer.committed(ROWS)
    assert path.stat().st_size == size
    for _ in range(ONCE):
        eventually(lambda: appender.append(rows()))  # not while the last pass of a checkpoint holds the lock
        checkpointer.committed(ROWS)
    eventually(lambda: path.stat().st_size > size + ONCE * ROWS * 1_000)


def test_while_somebody_writes_the_log_begins_anew_and_nothing_is_lost(
    appender: Appender, checkpointer: Checkpointer, path: Path
) -> None:
    written, deadline = 0, time.monotonic() + 120
    assert appender.append(rows())
    first = written_since(path)
    while written_since(path) == first:
        assert time.monotonic() < deadline
        if appender.append(rows()):  # not while the last pass of a checkpoint holds the lock
            checkpointer.committed(ROWS)
            written += ROWS
    with closing(sqlite3.connect(path)) as connection:
        counted = connection.execute("SELECT count(*), count(DISTINCT prediction_id) FROM predictions").fetchone()
    assert counted == (written + ROWS, written + ROWS)


def written_since(path: Path) -> bytes:
    """Return the salts of the write-ahead log, which are others each time it begins anew."""
    with path.with_name(f"{path.name}-wal").open("rb") as log:
        return log.read(24)[16:]


def test_it_does_not_wait_for_ever_for_who_writes(appender: Appender, checkpointer: Checkpointer, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        checkpointer.checkpoint()
        other.execute("ROLLBACK")
    assert appender.append(rows())


def test_a_checkpoint_that_fails_is_told_and_the_next_one_is_tried(
    checkpointer: Checkpointer, caplog: pytest.LogCaptureFixture
) -> None:
    checkpointer._connection.close()

    def told(times: int) -> Callable[[], bool]:
        return lambda: caplog.text.count("the write-ahead log stays for now") == times

    for times in (1, 2):
        checkpointer.committed(PAGES_PER_CHECKPOINT)
        eventually(told(times))


def test_the_database_of_a_server_needs_none(postgresql_url: str) -> None:
    with Store.open(postgresql_url) as there:
        assert there.checkpointer() is None
