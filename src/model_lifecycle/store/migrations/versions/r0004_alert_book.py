"""The book of alerts: states, their history, the notifications that wait."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_Sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, empty."""
    op.create_table("alert_clock", sa.Column("at", sa.BigInteger, primary_key=True))
    op.create_table(
        "alert_states",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("annotations", sa.Text, nullable=False),
        sa.Column("streak", sa.Integer, nullable=False),
        sa.Column("active_since", sa.BigInteger, nullable=False),
        sa.Column("judged_until", sa.BigInteger, nullable=False),
        sa.Column("starts_at", sa.BigInteger),
        sa.Column("ends_at", sa.BigInteger),
    )
    op.create_table(
        "alert_changes",
        sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
    )
    op.create_index("alert_changes_by_fingerprint", "alert_changes", ["fingerprint"])
    op.create_table(
        "notifications",
        sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("notification_id", sa.Text, nullable=False, unique=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("group_key", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("firing", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("claimed_until", sa.BigInteger, nullable=False),
    )
    op.create_index("notifications_by_group", "notifications", ["channel", "group_key"])
    op.create_index("notifications_by_status", "notifications", ["status"])
