"""Stores of older versions, brought up to this one on both databases."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect
from sqlalchemy import event as sqlalchemy_event

from model_lifecycle.errors import StoreError
from model_lifecycle.store import Store, migrations
from model_lifecycle.store.engine import open_engine, reading, writing
from model_lifecycle.store.schema import metadata, revision

from .records import event, execute, prediction

# What each version before the revisions wrote into its predictions: a row that must come through.
OLD_ROW = """
INSERT INTO predictions (prediction_id, decision_id, decision_time, logged_at, release, score, decision, threshold,
    watermark, inputs, features, flags)
VALUES ('old', 'd0', 1370044800000000, 1370044800000001, 'release-0', 0.25, 'act', 0.3, 7, '{"carrier":"UA"}', '{}',
    '{}')
"""
OLD_EVENT = "INSERT INTO events (event_id, kind, event_time, known_at, payload) VALUES ('e0', 'departure', 5, 6, '{}')"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    made = open_engine(url, "NORMAL", 10.0)
    yield made
    made.dispose()


def at_revision(engine: Engine, target: str) -> None:
    """Bring a database to a revision."""
    config = Config(attributes={"connection": None})
    config.set_main_option("script_location", str(migrations.FOLDER))
    config.set_main_option("path_separator", "os")
    with writing(engine, "make an old store") as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, target)


def made_by_version(engine: Engine, url: str, version: int) -> None:
    """Make a store as the program of a counted version left it, with a prediction and an event."""
    at_revision(engine, f"{version:04}")
    execute(url, "DROP TABLE model_lifecycle_revision")
    execute(url, "CREATE TABLE model_lifecycle_schema (version INTEGER PRIMARY KEY)")
    execute(url, f"INSERT INTO model_lifecycle_schema VALUES ({version})")  # noqa: S608 - a number of this test's
    execute(url, OLD_ROW)
    execute(url, OLD_EVENT)


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_a_store_of_an_older_version_is_brought_up_to_this_one_with_its_rows(
    engine: Engine, url: str, version: int
) -> None:
    made_by_version(engine, url, version)
    with Store.open(url) as store:
        store.append_events([event(1)])
        store.append_predictions([replace(prediction(1), threshold=None, outputs={"plan": 1.5})])
        found = store.predictions_between(prediction(0).decision_time, prediction(1).decision_time + timedelta(days=1))
        received = [one.received_at is not None for _, one in store.events_after(0, 10)]
    assert found["prediction_id"].tolist() == ["old", "p1"]
    assert found["outputs"].tolist() == [{}, {"plan": 1.5}]
    assert found["inputs"].tolist()[0] == {"carrier": "UA"}
    assert found[["role", "action", "propensity"]].to_numpy().tolist() == [["champion", "act", 1.0]] * 2
    assert found["threshold"].isna().tolist() == [False, True]
    assert received == [False, True]
    assert differences(engine) == []
    assert "model_lifecycle_schema" not in inspect(engine).get_table_names()
    Store.open(url).close()


def differences(engine: Engine) -> list[object]:
    """Compare what is in the database with the tables that this program declares."""
    with reading(engine, "compare the schema") as connection:
        return list(
            compare_metadata(MigrationContext.configure(connection, opts={"version_table": revision.name}), metadata)
        )


def test_the_chain_from_nothing_makes_the_tables_that_a_new_store_has(engine: Engine) -> None:
    at_revision(engine, "head")
    assert differences(engine) == []


def test_the_revisions_are_one_chain_without_gaps_as_their_files_are_numbered() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    config.set_main_option("path_separator", "os")
    chain = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    assert chain == migrations.revisions() == [f"{number:04}" for number in range(1, len(chain) + 1)]


def test_many_threads_may_migrate_a_store_at_once(engine: Engine, url: str) -> None:
    made_by_version(engine, url, 1)
    with ThreadPoolExecutor(4) as pool:
        for opened in list(pool.map(Store.open, [url] * 4)):
            assert opened.latest_sequence() == 1
            opened.close()


def test_an_interrupted_migration_leaves_the_store_as_it_was(engine: Engine, url: str) -> None:
    def interrupt(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "CREATE TABLE notifications" in statement:
            raise KeyboardInterrupt

    made_by_version(engine, url, 1)
    sqlalchemy_event.listen(Engine, "before_cursor_execute", interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            Store.open(url)
    finally:
        sqlalchemy_event.remove(Engine, "before_cursor_execute", interrupt)
    with reading(engine, "look") as connection:
        assert set(inspect(connection).get_table_names()) >= {"model_lifecycle_schema", "predictions"}
        assert "outputs" not in {column["name"] for column in inspect(connection).get_columns("predictions")}
    Store.open(url).close()


@pytest.mark.parametrize("version", [0, 5])
def test_a_counted_version_that_never_was_is_refused(engine: Engine, url: str, version: int) -> None:
    made_by_version(engine, url, 4)
    execute(url, f"UPDATE model_lifecycle_schema SET version = {version}")  # noqa: S608 - a number of this test's
    with pytest.raises(StoreError, match=rf"found schema versions \[{version}\], expected one of \(1, 2, 3, 4\)"):
        Store.open(url)


def test_opening_a_store_that_is_up_to_date_does_not_import_alembic(tmp_path: Path) -> None:
    code = (
        "import sys; from model_lifecycle.store import Store; url = sys.argv[1];"
        "Store.open(url).close(); Store.open(url).close(); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, f"sqlite:///{tmp_path}/store.db"], check=True)
