"""Brings the tables of an older version up to those of `schema`, by a chain of Alembic revisions."""

import threading
from pathlib import Path

from sqlalchemy import Column, Connection, Integer, MetaData, Table, insert, inspect, select

from model_lifecycle.errors import StoreError
from model_lifecycle.store.schema import metadata, revision, take_turn

FOLDER = Path(__file__).parent
# Before there were revisions, versions were counted here; their numbers went into the names of the revisions.
_COUNTED_VERSIONS = (1, 2, 3, 4)
_counted = Table("model_lifecycle_schema", MetaData(), Column("version", Integer))
# Alembic keeps the operations of the migration that runs in a global of its module.
_one_at_a_time = threading.Lock()


def revisions() -> list[str]:
    """Return the names of all revisions, the oldest first, by their files: Alembic is imported to migrate only."""
    return sorted(path.stem[1:5] for path in (FOLDER / "versions").glob("r[0-9]*.py"))


def ensure_schema(connection: Connection) -> None:
    """Create the tables in an empty database, or bring those of an earlier version up to this one, keeping all rows.

    It is one transaction under the lock of all writers: of two processes the second finds the work done, and an
    interrupted migration leaves the tables as they were.

    Raises
    ------
    StoreError
        If the tables are of a later version or not this program's.
    """
    take_turn(connection)
    known = revisions()
    present = set(inspect(connection).get_table_names()) & {*metadata.tables, _counted.name}
    if not present:
        metadata.create_all(connection)
        connection.execute(insert(revision).values(version_num=known[-1]))
        return
    found = _found(connection, present)
    if found not in known:
        raise StoreError(
            f"found schema revision {found}, expected {known[-1]} or an earlier one; "
            f"use the program that wrote it, or another database"
        )
    if found != known[-1]:
        with _one_at_a_time:
            _migrate(connection)


def _found(connection: Connection, present: set[str]) -> str:
    if revision.name in present:
        return ", ".join(connection.scalars(select(revision.c.version_num))) or "none"
    if _counted.name not in present:
        raise StoreError(f"found tables {sorted(present)} without {revision.name}; expected an empty database")
    versions = connection.scalars(select(_counted.c.version)).all()
    if len(versions) != 1 or versions[0] not in _COUNTED_VERSIONS:
        raise StoreError(f"found schema versions {list(versions)}, expected one of {_COUNTED_VERSIONS}")
    revision.create(connection)
    connection.execute(insert(revision).values(version_num=f"{versions[0]:04}"))
    _counted.drop(connection)
    return f"{versions[0]:04}"


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
