"""The tables as this program reads and writes them; `migrations` brings older ones up to them."""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    select,
)

# Any constant serves, as long as nothing else in the database takes an advisory lock with it.
_ADVISORY_LOCK = 0x6D6C_7374

metadata = MetaData()
# SQLite counts rows by itself only in a column that is called INTEGER.
_Sequence = BigInteger().with_variant(Integer(), "sqlite")

# Alembic's own table, under a name that leaves room for other programs in the same database.
revision = Table("model_lifecycle_revision", metadata, Column("version_num", String(32), primary_key=True))

predictions = Table(
    "predictions",
    metadata,
    Column("prediction_id", Text, primary_key=True),
    Column("decision_id", Text, nullable=False),
    Column("decision_time", BigInteger, nullable=False),
    Column("logged_at", BigInteger, nullable=False),
    Column("release", Text, nullable=False),
    Column("score", Double, nullable=False),
    Column("decision", Text, nullable=False),
    Column("threshold", Double),  # unknown where none decides
    Column("watermark", BigInteger, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("features", Text, nullable=False),
    Column("flags", Text, nullable=False),
    Column("outputs", Text, nullable=False, server_default="{}"),
    Column("role", Text, nullable=False, server_default="champion"),
    Column("action", Text),  # unknown before revision 0006: it was the decision
    Column("propensity", Double, nullable=False, server_default="1"),
    Index("predictions_by_decision_time", "decision_time"),
    Index("predictions_by_decision", "decision_id"),
)

# Requests that came with an idempotency key: a repeated one gets the answer that stands here.
requests = Table(
    "requests",
    metadata,
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("answered_at", BigInteger, nullable=False),
    Index("requests_by_answered_at", "answered_at"),
)

labels = Table(
    "labels",
    metadata,
    Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    Column("decision_id", Text, nullable=False),
    Column("label_time", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("value", Double),
    Column("reason", Text),
    Column("received_at", BigInteger, nullable=False),
    Index("labels_by_decision", "decision_id"),
    sqlite_autoincrement=True,
)

events = Table(
    "events",
    metadata,
    Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("event_time", BigInteger, nullable=False),
    Column("known_at", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
    Column("received_at", BigInteger),  # unknown for events from before version 2
    Index("events_by_known_at", "known_at"),
    # Without it SQLite may give the number of a deleted last row again, and a reader would skip the new one.
    sqlite_autoincrement=True,
)

alerts = Table(
    "alerts",
    metadata,
    Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    Column("alert_id", Text, nullable=False, unique=True),
    Column("raised_at", BigInteger, nullable=False),
    Column("window_start", BigInteger, nullable=False),
    Column("window_end", BigInteger, nullable=False),
    Column("severity", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("details", Text, nullable=False),
)

# One row: the latest moment whose alerts were judged. A run that looks back before it changes no state.
alert_clock = Table("alert_clock", metadata, Column("at", BigInteger, primary_key=True))

alert_states = Table(
    "alert_states",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("annotations", Text, nullable=False),
    Column("streak", Integer, nullable=False),
    Column("active_since", BigInteger, nullable=False),
    Column("judged_until", BigInteger, nullable=False),
    Column("starts_at", BigInteger),
    Column("ends_at", BigInteger),
)

alert_changes = Table(
    "alert_changes",
    metadata,
    Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    Column("fingerprint", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("message", Text, nullable=False),
    Index("alert_changes_by_fingerprint", "fingerprint"),
)

# What channels are to be told: written with the states, delivered afterwards.
notifications = Table(
    "notifications",
    metadata,
    Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    Column("notification_id", Text, nullable=False, unique=True),
    Column("channel", Text, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("at", BigInteger, nullable=False),  # on the clock of what is monitored
    Column("firing", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("claimed_until", BigInteger, nullable=False),  # until then, one process alone delivers it
    Index("notifications_by_group", "channel", "group_key"),
    Index("notifications_by_status", "status"),
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("details", Text, nullable=False),
)

# One row: who leads, and the state of what is under way. `fence` rises with every leader, `version` with every write.
agent = Table(
    "agent",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("state", Text),  # before the first write there is none
)


def take_turn(connection: Connection) -> None:
    """Wait until no other transaction that took a turn is open; the turn ends with the transaction.

    PostgreSQL gives sequence numbers before the commit: of two writers the later number could be seen first, and a
    reader that goes by the number would skip the earlier one for good. In turns, numbers are committed in order.
    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
