"""Both databases for every test of the store: a SQLite file, and a schema of its own in a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from model_lifecycle.store import Appender, Store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a SQLite file is to be."""
    return tmp_path / "store.db"


@pytest.fixture
def file_store(path: Path) -> Iterator[Store]:
    """A store in that file."""
    with Store.open(f"sqlite:///{path}") as opened:
        yield opened


@pytest.fixture
def appender(file_store: Store) -> Iterator[Appender]:
    """What commits to that file at once."""
    made = file_store.appender()
    assert made is not None
    yield made
    made.close()
