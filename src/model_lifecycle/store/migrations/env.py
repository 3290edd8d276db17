"""How Alembic reaches a database: by the connection that opens a store, or by ``alembic -x url=<store's URL>``."""

from alembic import context
from sqlalchemy import Connection

from model_lifecycle.store.engine import open_engine, writing
from model_lifecycle.store.schema import metadata, revision, take_turn


def _migrate(connection: Connection) -> None:
    # SQLite changes most of a table by copying it: batches do that, and are plain ALTERs on PostgreSQL.
    context.configure(
        connection=connection, target_metadata=metadata, version_table=revision.name, render_as_batch=True
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
else:
    with writing(open_engine(context.get_x_argument(as_dictionary=True)["url"], "FULL", 10.0), "migrate") as own:
        take_turn(own)
        _migrate(own)
