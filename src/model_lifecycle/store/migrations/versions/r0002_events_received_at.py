"""When the store accepted an event."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the time; it stays unknown for the events that are there."""
    op.add_column("events", sa.Column("received_at", sa.BigInteger))
