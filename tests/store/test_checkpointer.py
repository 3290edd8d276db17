import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from eventually import eventually
from model_lifecycle.contracts.records import PredictionRecord
from model_lifecycle.errors import StoreError
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


@pytest.fixture
def reader(appender: Appender, path: Path) -> Iterator[sqlite3.Connection]:
    """Who reads a state of the store from before."""
    assert appender.append(rows())
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM predictions").fetchall()
        yield connection


def test_who_reads_an_old_state_neither_stalls_nor_refuses_two_who_write(
    file_store: Store, checkpointer: Checkpointer, path: Path, reader: sqlite3.Connection
) -> None:
    took: list[float] = []
    failed: list[Exception] = []
    stop = threading.Event()

    def write() -> None:
        with Store.open(f"sqlite:///{path}", "NORMAL", timeout=2.0) as store:
            while not stop.is_set():
                started = time.monotonic()
                try:
                    store.append_predictions(rows()[:20])
                except StoreError as error:
                    failed.append(error)
                took.append(time.monotonic() - started)
                time.sleep(0.004)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    for _ in range(3):
        time.sleep(0.1)  # so that there is something to copy
        checkpointer.checkpoint()
    stop.set()
    for writer in writers:
        writer.join()
    assert failed == []
    assert max(took) < 1.2  # a pass that waits as long as a writer does takes 2 s


def test_once_a_reader_has_gone_the_log_begins_anew_though_not_at_each_checkpoint_before(
    appender: Appender,
    checkpointer: Checkpointer,
    path: Path,
    reader: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = written_since(path)
    modes: list[str] = []
    run = checkpointer._pass

    def told(mode: str) -> tuple[int, int, int]:
        modes.append(mode)
        return run(mode)

    monkeypatch.setattr(checkpointer, "_pass", told)
    for _ in range(3):
        assert appender.append(rows())
        checkpointer.checkpoint()
    assert modes == ["PASSIVE"] * 2 + ["FULL"] * 5 + ["PASSIVE"] * 4
    reader.execute("ROLLBACK")
    monkeypatch.setattr(checkpointer, "_full_from", 0.0)
    checkpointer.checkpoint()
    assert appender.append(rows())
    assert written_since(path) != first


def test_a_log_that_a_reader_makes_grow_is_told_once(
    appender: Appender,
    checkpointer: Checkpointer,
    reader: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for size, times in ((2**40, 0), (1, 1), (1, 1)):
        monkeypatch.setattr("model_lifecycle.store.checkpointer.WAL_BYTES", size)
        assert appender.append(rows())
        checkpointer.checkpoint()
        assert caplog.text.count("somebody reads a state of the store from before it") == times


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
