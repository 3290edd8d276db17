import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from model_lifecycle.contracts.records import PredictionRecord
from model_lifecycle.errors import StoreError, StoreUnavailable
from model_lifecycle.serving import log_writer
from model_lifecycle.serving.log_writer import LogWriter
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.store import Store
from model_lifecycle.store.engine import PAGES_PER_CHECKPOINT
from model_lifecycle.store.predictions import prediction_row
from postgresql_server import PostgreSQL
from small_disk import SmallDisk
from tiny_release import record

NOW = datetime(2024, 3, 1, tzinfo=UTC)


def test_while_the_log_is_locked_requests_are_refused_and_later_it_goes_on_by_itself(
    api: Any, settings: ServiceSettings, store: Store
) -> None:
    path = Path(settings.store.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = api.ask("POST", "/predict", json={"records": [record(1)]})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "nothing was predicted" in refused.json()["detail"]
        at_once = api.ask("POST", "/predict", json={"records": [record(1)]})
        assert at_once.status_code == 503
        ready = api.ask("GET", "/readyz")
        assert (ready.status_code, ready.json()["log"]) == (503, "unavailable")
        other.execute("ROLLBACK")
    eventually(lambda: bool(api.ask("GET", "/readyz").status_code == 200))
    assert api.predict(record(1))[0]["release"] == "parcels-1"
    assert len(store.predictions_between(NOW, datetime.now(UTC))) == 1


def test_while_the_disk_is_full_requests_are_refused_and_later_it_goes_on_by_itself(
    start: Callable[..., Any], small_disk: SmallDisk
) -> None:
    url = f"sqlite:///{small_disk.path}/store.db"
    api = start(store=url)
    small_disk.fill()
    answers = [
        api.ask("POST", "/predict", json=record(number)) for number in range(200)
    ]  # the first may still find room in what the log has reserved
    acknowledged = sum(answer.status_code == 200 for answer in answers)
    assert {(one.status_code, one.headers["retry-after"]) for one in answers if one.status_code != 200} == {(503, "1")}
    for _ in range(15):  # however often it tries meanwhile
        time.sleep(0.1)
        assert api.ask("GET", "/readyz").json()["log"] == "unavailable"
    small_disk.free()
    eventually(lambda: bool(api.ask("GET", "/readyz").status_code == 200))
    api.predict(record(200))
    with Store.open(url) as store:
        logged = store.predictions_between(datetime(1970, 1, 1, tzinfo=UTC), datetime.now(UTC))
    assert len(logged) == logged.decision_id.nunique() == acknowledged + 1


@pytest.mark.parametrize("backup", [True, False])
def test_a_store_file_that_is_replaced_or_deleted_takes_no_prediction_until_the_service_starts_again(
    start: Callable[..., Any], settings: ServiceSettings, caplog: pytest.LogCaptureFixture, backup: bool
) -> None:
    api, path = start(), Path(settings.store.removeprefix("sqlite:///"))
    with (
        Store.open(settings.store),
        closing(sqlite3.connect(path)) as source,
        closing(sqlite3.connect(path.with_name("copy"))) as copy,
    ):
        source.backup(copy)
    api.predict(record(1))
    path.with_name("copy").replace(path) if backup else path.unlink()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()
    assert api.ask("POST", "/predict", json=record(2)).status_code == 503
    assert api.ask("GET", "/readyz").json()["log"] == "unavailable"
    time.sleep(3 * log_writer.PROBE_SECONDS)  # however often it tries
    assert api.ask("POST", "/predict", json=record(3)).status_code == 503
    assert path.exists() is backup
    assert "the file was replaced, moved or deleted since it was opened" in caplog.text
    again = start()
    again.predict(record(4))
    with Store.open(settings.store) as store:
        assert list(store.predictions_between(NOW, datetime.now(UTC)).decision_id) == ["P-4"]


def test_a_service_that_is_asked_for_nothing_notices_that_its_store_file_is_gone(
    api: Any, settings: ServiceSettings
) -> None:
    path = Path(settings.store.removeprefix("sqlite:///"))
    path.rename(path.with_name("aside"))
    eventually(lambda: bool(api.ask("GET", "/readyz").json()["log"] == "unavailable"))
    path.with_name("aside").rename(path)
    eventually(lambda: bool(api.ask("GET", "/readyz").json()["log"] == "writable"))
    api.predict(record(1))


def test_a_service_that_is_asked_for_nothing_notices_that_its_database_is_away(
    start: Callable[..., Any], postgresql: PostgreSQL, postgresql_url: str
) -> None:
    api = start(store=postgresql_url)
    postgresql.stop()
    try:
        eventually(lambda: bool(api.ask("GET", "/readyz").json()["log"] == "unavailable"))
    finally:
        postgresql.start()
    eventually(lambda: bool(api.ask("GET", "/readyz").json()["log"] == "writable"))
    api.predict(record(1))


def test_a_relaxed_log_answers_before_it_is_written_and_counts_what_it_loses(
    start: Callable[..., Any], settings: ServiceSettings, store: Store
) -> None:
    api = start(log="relaxed")
    with closing(sqlite3.connect(settings.store.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answers = [api.ask("POST", "/predict", json={"records": [record(number)]}) for number in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        third = api.ask("POST", "/predict", json={"records": [record(3)]})
        assert third.status_code == 503  # no more than two batches may be lost
        other.execute("ROLLBACK")
    assert 'model_lifecycle_log_lost_total{replica="replica"} 2.0' in api.ask("GET", "/metrics").text
    eventually(lambda: bool(api.ask("GET", "/readyz").status_code == 200))
    assert api.ask("POST", "/predict", json={"records": [record(4)]}).status_code == 200
    eventually(lambda: len(store.predictions_between(NOW, datetime.now(UTC))) == 1)


def test_feedback_to_a_locked_store_is_refused_and_may_come_again(api: Any, settings: ServiceSettings) -> None:
    label = {"decision_id": "P-1", "label_time": "2024-03-12T10:00:00Z", "outcome": "observed", "value": 1}
    with closing(sqlite3.connect(settings.store.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = api.ask("POST", "/feedback", json={"labels": [label]})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        other.execute("ROLLBACK")
    assert api.ask("POST", "/feedback", json={"labels": [label]}).json()["labels"]["accepted"] == 1


def test_feedback_that_waits_for_a_locked_store_is_refused_when_the_first_is(
    api: Any, settings: ServiceSettings
) -> None:
    label = {"decision_id": "P-1", "label_time": "2024-03-12T10:00:00Z", "outcome": "observed", "value": 1}
    with closing(sqlite3.connect(settings.store.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        answers = api.ask_together("/feedback", [{"labels": [label]}] * 6)
        assert time.monotonic() - started < 2 * log_writer.LOCK_SECONDS
        answers.append(api.ask("POST", "/predict", json=record(1)))
        assert api.ask("GET", "/readyz").json()["log"] == "unavailable"
        started = time.monotonic()
        answers.append(api.ask("POST", "/feedback", json={"labels": [label]}))
        assert time.monotonic() - started < log_writer.LOCK_SECONDS / 2  # now it is known
    assert {(one.status_code, one.headers["retry-after"]) for one in answers} == {(503, "1")}


def test_more_waiting_feedback_than_the_limit_is_refused_with_a_time_to_come_again(
    start: Callable[..., Any], settings: ServiceSettings
) -> None:
    api = start(limits=settings.limits.model_copy(update={"waiting_feedback": 3}))
    label = {"decision_id": "P-1", "label_time": "2024-03-12T10:00:00Z", "outcome": "observed", "value": 1}
    for _ in range(2):  # those that were answered no longer count
        answers = api.ask_together("/feedback", [{"labels": [label]}] * 5)
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert {answer.headers.get("retry-after") for answer in answers} == {None, "1"}


def prediction(number: int) -> PredictionRecord:
    return PredictionRecord(f"id-{number}", "P-1", NOW, NOW, "parcels-1", 0.5, "act", 0.4, 0, {})


class Collected:
    """What became of entries."""

    def __init__(self) -> None:
        self.errors: list[StoreError | None] = []

    def __call__(self, error: StoreError | None) -> None:
        self.errors.append(error)


def test_entries_that_wait_are_written_in_one_transaction(store: Store) -> None:
    commits: list[int] = []

    class Counting(Store):
        def append_predictions(self, records: Any, requests: Any = ()) -> set[str]:
            commits.append(len(records))
            return super().append_predictions(records, requests)

    writer = LogWriter(Counting(store._engine), lambda: None)
    done = Collected()
    for number in range(50):
        writer.submit([prediction(number)], done)
    writer.start()
    writer.close()
    assert commits == [50]
    assert done.errors == [None] * 50
    assert len(store.predictions_between(NOW, datetime.now(UTC))) == 50


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_written_goes_from_the_write_ahead_log_into_the_file(
    store: Store, settings: ServiceSettings, at_once: bool
) -> None:
    path, writer, done = Path(settings.store.removeprefix("sqlite:///")), LogWriter(store, lambda: None), Collected()
    size, written = path.stat().st_size, 0
    writer.start()
    try:
        while written <= PAGES_PER_CHECKPOINT // 2:  # with two pages a row it is due; a commit's own is not
            some = [prediction_row(prediction(written + number)) for number in range(log_writer.ROWS_AT_ONCE)]
            if not (at_once and writer.write_at_once(some)):
                writer.submit(some, done)
            written += len(some)
        eventually(lambda: path.stat().st_size > size, seconds=30)
    finally:
        writer.close()


def test_an_entry_that_the_store_refuses_does_not_take_the_others_with_it(store: Store) -> None:
    writer = LogWriter(store, lambda: None)
    done = {number: Collected() for number in range(3)}
    for number, name in enumerate((1, 1, 2)):
        writer.submit([prediction(name)], done[number])
    writer.start()
    writer.close()
    assert [found.errors[0] is None for found in done.values()] == [True, False, True]
    assert len(store.predictions_between(NOW, datetime.now(UTC))) == 2


def test_no_entry_is_called_written_before_it_is(store: Store) -> None:
    writer = LogWriter(store, lambda: None)
    writer.start()
    seen: list[int] = []

    def write(number: int) -> None:
        written = threading.Event()
        writer.submit([prediction(number)], lambda _: written.set())
        written.wait()
        ids = store.predictions_between(NOW, datetime.now(UTC)).prediction_id
        seen.append(number if f"id-{number}" in set(ids) else -1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    writer.close()
    assert sorted(seen) == list(range(40))


def test_a_mistake_in_the_store_does_not_end_the_writer(store: Store) -> None:
    writer = LogWriter(store, lambda: None)
    done = Collected()
    writer.start()
    writer.submit([None], done)  # type: ignore[list-item]
    eventually(lambda: len(done.errors) == 1)
    writer.submit([prediction(1)], done)
    writer.close()
    assert "AttributeError" in str(done.errors[0])
    assert done.errors[1] is None


def test_someone_who_no_longer_waits_does_not_end_the_writer(store: Store) -> None:
    def gone(_: StoreError | None) -> None:
        raise RuntimeError("the event loop is closed")

    writer, done = LogWriter(store, lambda: None), Collected()
    writer.start()
    writer.submit([prediction(1)], gone)
    writer.submit([prediction(2)], done)
    writer.close()
    assert done.errors == [None]


def test_a_store_that_is_away_is_asked_again_until_it_is_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "PROBE_SECONDS", 0.01)
    answers = iter([StoreUnavailable("still away"), StoreUnavailable("still away"), None])

    def reopen() -> None:
        if (error := next(answers)) is not None:
            raise error

    writer = LogWriter(store, reopen)
    writer.unavailable = "away"
    writer.start()
    eventually(lambda: writer.unavailable is None)
    writer.close()
    assert list(answers) == []
