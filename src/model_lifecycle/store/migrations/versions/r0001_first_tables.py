"""The first tables: predictions, labels, events, alerts, the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_Sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables; rows kept before there were revisions stand in tables just like these."""
    op.create_table(
        "predictions",
        sa.Column("prediction_id", sa.Text, primary_key=True),
        *_texts("decision_id"),
        *_integers("decision_time", "logged_at"),
        *_texts("release"),
        sa.Column("score", sa.Double, nullable=False),
        *_texts("decision"),
        sa.Column("threshold", sa.Double, nullable=False),
        *_integers("watermark"),
        *_texts("inputs", "features", "flags"),
    )
    op.create_index("predictions_by_decision_time", "predictions", ["decision_time"])
    op.create_index("predictions_by_decision", "predictions", ["decision_id"])
    op.create_table(
        "labels",
        _sequence(),
        *_texts("decision_id"),
        *_integers("label_time"),
        *_texts("outcome"),
        sa.Column("value", sa.Double),
        sa.Column("reason", sa.Text),
        *_integers("received_at"),
        sqlite_autoincrement=True,
    )
    op.create_index("labels_by_decision", "labels", ["decision_id"])
    op.create_table(
        "events",
        _sequence(),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        *_texts("kind"),
        *_integers("event_time", "known_at"),
        *_texts("payload"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_known_at", "events", ["known_at"])
    op.create_table(
        "alerts",
        _sequence(),
        sa.Column("alert_id", sa.Text, nullable=False, unique=True),
        *_integers("raised_at", "window_start", "window_end"),
        *_texts("severity", "rule", "message", "details"),
    )
    op.create_table("audit", _sequence(), *_integers("at"), *_texts("actor", "action", "release", "reason", "details"))


def _sequence() -> sa.Column[int]:
    return sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _integers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]
