"""A store moves to an empty one of either database, whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, func, insert, select

from model_lifecycle.errors import StoreError
from model_lifecycle.serving.store_command import store as store_command
from model_lifecycle.store import Store
from model_lifecycle.store.engine import open_engine, writing
from model_lifecycle.store.schema import audit, metadata, revision

from .records import at, event, observed, prediction

TABLES = [table for table in metadata.sorted_tables if table is not revision]


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Open a transaction past the store."""
    engine = open_engine(url, "NORMAL", 10.0)
    try:
        with writing(engine, "look and fill") as connection:
            yield connection
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite to postgresql", "postgresql to sqlite", "sqlite to sqlite"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The URLs of two empty databases."""
    first, last = request.param.split(" to ")
    found = [f"sqlite:///{tmp_path}/{place}.db" for place in (0, 1)]
    if "postgresql" in (first, last):
        found[("postgresql", "sqlite").index(first)] = str(request.getfixturevalue("postgresql_url"))
    return found[0], found[1]


@pytest.fixture
def filled(urls: tuple[str, str]) -> Iterator[Store]:
    """A store with a row in every table, and more than are read at once in one."""
    with Store.open(urls[0]) as opened:
        opened.append_predictions([prediction(number) for number in range(2_500)])
        opened.append_labels([observed(number, 1.0, known=number) for number in range(20)])
        opened.append_events([event(number) for number in range(10)])
        with connected(urls[0]) as connection:
            for table in TABLES:
                if connection.execute(select(func.count()).select_from(table)).scalar() == 0:
                    connection.execute(insert(table).values(_row(table.name)))
        yield opened


def _row(name: str) -> dict[str, object]:
    """Return some value for each column that needs one."""
    (table,) = (one for one in TABLES if one.name == name)
    needed = [column for column in table.columns if not column.nullable and column.name != "sequence"]
    return {one.name: "é" if one.type.python_type is str else 7 for one in needed}


def _rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    with connected(url) as connection:
        return {table.name: sorted(map(tuple, connection.execute(select(table))), key=repr) for table in TABLES}


def test_everything_is_there_and_counts_go_on(filled: Store, urls: tuple[str, str]) -> None:
    with Store.open(urls[1]) as other:
        counts = filled.copy_into(other)
        there = _rows(urls[1])
        assert there == _rows(urls[0])
        assert counts == {name: len(rows) for name, rows in there.items()}
        assert min(counts.values()) >= 1
        before = other.latest_sequence()
        other.append_events([event(11)])
        assert other.latest_sequence() == before + 1
        with connected(urls[1]) as connection:
            connection.execute(insert(audit).values(_row("audit")))
        assert len(_rows(urls[1])["audit"]) == counts["audit"] + 1


def test_a_store_with_rows_is_refused_and_stays_as_it_is(filled: Store, urls: tuple[str, str]) -> None:
    with Store.open(urls[1]) as other:
        other.append_events([event(1)])
        with pytest.raises(StoreError, match="found rows in events; expected an empty store, nothing was copied"):
            filled.copy_into(other)
    assert {name: len(rows) for name, rows in _rows(urls[1]).items() if rows} == {"events": 1}


def test_an_interrupted_copy_leaves_nothing(filled: Store, urls: tuple[str, str]) -> None:
    def stop(_name: str, rows: int) -> None:
        if rows > 2_000:
            raise KeyboardInterrupt

    with Store.open(urls[1]) as other:
        with pytest.raises(KeyboardInterrupt):
            filled.copy_into(other, stop)
        assert not any(_rows(urls[1]).values())
        assert filled.copy_into(other)["predictions"] == 2_500


def test_the_command_copies_the_configured_store_and_says_what(tmp_path: Path) -> None:
    settings = tmp_path / "serve.yml"
    settings.write_text(
        f"registry: sqlite:///r.db\nregistry_name: demo\nkey_hash: k\nstore: sqlite:///{tmp_path}/store.db\n"
    )
    arguments = ["copy", "--config", str(settings), "--to", f"sqlite:///{tmp_path}/other.db"]
    with pytest.raises(StoreError, match="does not exist; expected one to copy"):
        CliRunner().invoke(store_command, arguments, catch_exceptions=False)
    assert not (tmp_path / "store.db").exists()
    with pytest.raises(StoreError, match="the store's URL cannot be read"):
        CliRunner().invoke(store_command, [*arguments, "--store", "nonsense"], catch_exceptions=False)
    with Store.open(f"sqlite:///{tmp_path}/store.db") as made:
        made.append_predictions([prediction(1)])
        made.append_events([event(1), event(2)])
    done = CliRunner().invoke(store_command, arguments, catch_exceptions=False)
    assert sorted(done.output.strip().split(", ")) == ["1 predictions", "2 events"]
    with Store.open(f"sqlite:///{tmp_path}/other.db") as other:
        assert len(other.predictions_between(at(0), at(60))) == 1
