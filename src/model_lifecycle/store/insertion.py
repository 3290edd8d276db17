"""Insert the rows whose key is new, and count them."""

from collections.abc import Sequence

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table, key: str, rows: Sequence[dict[str, object]]) -> int:
    """Insert rows in their order, leave out those whose `key` is there already, and return how many went in."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing(index_elements=[key])
    # SQLAlchemy keeps the count of an INSERT only when it is asked to.
    return connection.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount
