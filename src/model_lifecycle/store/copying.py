"""Copy a whole store into an empty one, of the same database or the other."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, Select, Table, func, insert, select

from model_lifecycle.errors import StoreError
from model_lifecycle.store.engine import reading, writing
from model_lifecycle.store.schema import metadata, revision, take_turn

ROWS_AT_ONCE = 1_000
_TABLES = tuple(table for table in metadata.sorted_tables if table is not revision)

Tell = Callable[[str, int], None]
"""Takes the name of a table, and how many of its rows are copied so far."""


def copy_store(source: Engine, target: Engine, tell: Tell) -> dict[str, int]:
    """Copy all rows in one transaction, and return their number by table: all of them are there on return, or none.

    What is read is one state of the source; what is written to it meanwhile is not copied.

    Raises
    ------
    StoreError
        If the target holds a row already.
    """
    counts: dict[str, int] = {}
    with reading(source, "copy it") as old, writing(target, "copy to it") as new:
        if old.dialect.name == "postgresql":  # or each table would be of a later state than the one before
            old.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        take_turn(new)
        filled = [table.name for table in _TABLES if new.execute(select(table).limit(1)).first() is not None]
        if filled:
            raise StoreError(f"found rows in {', '.join(filled)}; expected an empty store, nothing was copied")
        for table in _TABLES:
            copied = 0
            with old.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table)) as found:
                for rows in found.mappings().partitions():
                    new.execute(insert(table), [dict(row) for row in rows])
                    copied += len(rows)
                    tell(table.name, copied)
            counts[table.name] = copied
            if copied and new.dialect.name == "postgresql" and "sequence" in table.columns:
                new.execute(_next_number(table))
    return counts


def _next_number(table: Table) -> Select[Any]:
    """Return the statement after which PostgreSQL counts on from the copied rows, as SQLite does by itself."""
    counter = func.pg_get_serial_sequence(table.name, "sequence")
    return select(func.setval(counter, select(func.max(table.c.sequence)).scalar_subquery()))
