import os
import secrets
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event

from model_lifecycle.contracts.records import RequestRecord
from model_lifecycle.errors import StoreError, StoreUnavailable
from model_lifecycle.store import Store
from model_lifecycle.store.schema import audit
from postgresql_server import PostgreSQL

from .records import LATER, START, execute, prediction


def test_a_second_opening_finds_what_the_first_wrote(url: str) -> None:
    with Store.open(url) as first:
        first.append_predictions([prediction(1)])
    with Store.open(url) as second:
        assert list(second.predictions_between(START, LATER)["prediction_id"]) == ["p1"]


def test_a_schema_of_a_later_version_is_refused(url: str) -> None:
    Store.open(url).close()
    execute(url, "UPDATE model_lifecycle_revision SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"found schema revision 9999, expected \d{4} or an earlier one; use"):
        Store.open(url)


def test_tables_of_another_program_are_refused_and_left_alone(url: str) -> None:
    execute(url, "CREATE TABLE events (name TEXT)")
    with pytest.raises(StoreError, match=r"found tables \['events'\] without model_lifecycle_revision"):
        Store.open(url)
    execute(url, "INSERT INTO events VALUES ('kept')")


def test_many_threads_may_open_a_new_store_at_once(url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        for opened in list(pool.map(Store.open, [url] * 6)):
            assert opened.latest_sequence() == 0
            opened.close()


def test_the_sqlite_file_and_its_folder_are_made_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "store.db"
    with Store.open(f"sqlite:///{path}") as store:
        store.append_predictions([prediction(1)])
        files = list(path.parent.iterdir())
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert path.with_name("store.db-wal") in files


def test_the_folder_of_a_new_sqlite_file_is_this_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Store.open(f"sqlite:///{tmp_path}/new/folder/store.db").close()
        (tmp_path / "there").mkdir()
        Store.open(f"sqlite:///{tmp_path}/there/store.db").close()
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "new/folder", "there")}
    assert modes == {"new": 0o755, "new/folder": 0o700, "there": 0o777}


@pytest.mark.parametrize(("synchronous", "number"), [("NORMAL", 1), ("FULL", 2), ("EXTRA", 3)])
def test_sqlite_flushes_as_it_was_asked_to(tmp_path: Path, synchronous: Any, number: int) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}", synchronous=synchronous) as store:
        connection = store._engine.raw_connection()
        assert connection.cursor().execute("PRAGMA synchronous").fetchone() == (number,)
        connection.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "not a file"),
        ("sqlite:///:memory:", "not a file"),
        ("mysql://user:secret@host/db", r"store mysql://user:\*\*\*@host/db: database 'mysql' is not supported"),
        ("store.db", "cannot be read, expected sqlite:///<file> or postgresql://"),
    ],
)
def test_a_url_of_no_supported_database_is_refused(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        Store.open(url)


def test_an_unknown_synchronous_is_refused(tmp_path: Path) -> None:
    mode: Any = "OFF"
    with pytest.raises(StoreError, match="synchronous is 'OFF', expected one of"):
        Store.open(f"sqlite:///{tmp_path / 'store.db'}", synchronous=mode)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"name,value\n" * 100)
    with pytest.raises(StoreError, match=r"cannot open it: .*not a database"):
        Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == b"name,value\n" * 100


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable, match=r"cannot open it: .*file"):
        Store.open(f"sqlite:///{tmp_path / 'file' / 'store.db'}")


def test_a_locked_sqlite_file_is_unavailable_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store.open(f"sqlite:///{path}", timeout=0.1) as store:
        store.append_predictions([prediction(1)])
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"store sqlite:.*cannot append 1 predictions: database is locked"):
            store.append_predictions([prediction(2)])
        assert len(store.predictions_between(START, LATER)) == 1  # readers go on
        holder.close()
        store.append_predictions([prediction(2)])
        assert len(store.predictions_between(START, LATER)) == 2


def test_a_full_disk_is_unavailable_and_leaves_what_was_there(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.append_predictions([prediction(1)])
        connection = store._engine.raw_connection()
        pages = connection.cursor().execute("PRAGMA page_count").fetchone()[0]
        connection.cursor().execute(f"PRAGMA max_page_count = {pages}")
        connection.close()
        with pytest.raises(StoreUnavailable, match="cannot append 500 predictions: database or disk is full"):
            store.append_predictions([prediction(number) for number in range(2, 502)])
        assert list(store.predictions_between(START, LATER)["prediction_id"]) == ["p1"]


def test_a_server_that_is_not_there_is_unavailable_and_its_password_is_not_told() -> None:
    with pytest.raises(StoreUnavailable, match="cannot open it") as caught:
        Store.open("postgresql://ada:secret@127.0.0.1:1/db", timeout=2)
    assert "secret" not in str(caught.value)


def test_a_store_outlives_a_restart_of_its_server(postgresql: PostgreSQL, postgresql_url: str) -> None:
    with Store.open(postgresql_url, timeout=5) as store:
        store.append_predictions([prediction(1)])
        postgresql.stop()
        try:
            with pytest.raises(StoreUnavailable, match="cannot append 1 predictions"):
                store.append_predictions([prediction(2)])
        finally:
            postgresql.start()
        store.append_predictions([prediction(2)])
        postgresql.stop()
        postgresql.start()
        store.append_predictions([prediction(3)])  # nobody asked in between: not one call fails
        assert len(store.predictions_between(START, LATER)) == 3


def test_of_a_transaction_with_an_id_that_is_there_already_nothing_stays_and_the_store_goes_on(url: str) -> None:
    with Store.open(url) as store:
        store.append_predictions([prediction(99)])
        many = [prediction(number) for number in range(100)]  # more than one statement, the last one fails
        request = RequestRecord("key", "digest", "{}", START, tuple(record.prediction_id for record in many))
        with pytest.raises(StoreError, match="cannot append 100 predictions: "):
            store.append_predictions(many, [request])
        assert store.request("key") is None
        store.append_predictions([prediction(1)])
        assert set(store.predictions_between(START, LATER)["prediction_id"]) == {"p1", "p99"}


def test_an_interrupted_creation_leaves_no_half_schema(url: str) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    sqlalchemy_event.listen(audit, "after_create", interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            Store.open(url)
    finally:
        sqlalchemy_event.remove(audit, "after_create", interrupt)
    Store.open(url).close()


WRITER = """
import sys
from model_lifecycle.store import Store
sys.path.insert(0, sys.argv[2])
from records import event, prediction
store = Store.open(sys.argv[1])
for number in range(0, 1_000_000, 8):
    store.append_events([event(number)])
    store.append_predictions([prediction(number + k) for k in range(8)])
    print(number + 7, flush=True)
"""


def test_acknowledged_rows_outlive_a_killed_writer(url: str) -> None:
    source = Path(__file__).parents[2] / "src"
    command = [sys.executable, "-c", WRITER, url, str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(source)}) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(40)][-1]
        writer.kill()
    with Store.open(url) as store:
        found = set(store.predictions_between(START, datetime(2020, 1, 1, tzinfo=UTC))["prediction_id"])
        assert {f"p{number}" for number in range(acknowledged + 1)} <= found
        assert len(found) % 8 == 0  # a batch is there whole or not at all
        store.append_predictions([prediction(2_000_000)])


def test_what_exceeds_a_limit_of_the_database_is_refused_and_the_store_stays_available(postgresql_url: str) -> None:
    too_long = replace(prediction(1), decision_id=secrets.token_hex(5_000))  # an index row holds some 2,700 bytes
    with Store.open(postgresql_url) as store:
        with pytest.raises(StoreError, match="index row") as refused:
            store.append_predictions([too_long])
        assert not isinstance(refused.value, StoreUnavailable)
        store.append_predictions([prediction(1)])
