"""Alerts and the audit trail: what was noticed, and who did what about it."""

from collections.abc import Sequence

from sqlalchemy import Connection, Select, insert, select

from model_lifecycle.contracts.records import AlertRecord, AuditRecord
from model_lifecycle.store.encoding import from_json, from_micros, to_json, to_micros
from model_lifecycle.store.insertion import insert_new
from model_lifecycle.store.schema import alerts, audit


def alert_row(record: AlertRecord) -> dict[str, object]:
    """Return the record as the database holds it."""
    where = f"alert {record.alert_id!r}, "
    return {
        "alert_id": record.alert_id,
        "raised_at": to_micros(where + "raised_at", record.raised_at),
        "window_start": to_micros(where + "window_start", record.window_start),
        "window_end": to_micros(where + "window_end", record.window_end),
        "severity": record.severity,
        "rule": record.rule,
        "message": record.message,
        "details": to_json(where + "details", record.details),
    }


def insert_alerts(connection: Connection, rows: list[dict[str, object]]) -> int:
    """Insert the alerts whose id is new, and return how many there were: a window judged again alerts once."""
    return insert_new(connection, alerts, "alert_id", rows)


def read_alerts(connection: Connection, since: int | None) -> list[AlertRecord]:
    """Return the alerts raised at `since` (microseconds) or later, in the order of their arrival."""
    query = select(*alerts.c).order_by(alerts.c.sequence)
    if since is not None:
        query = query.where(alerts.c.raised_at >= since)
    return [
        AlertRecord(
            alert_id=row.alert_id,
            raised_at=from_micros(row.raised_at),
            window_start=from_micros(row.window_start),
            window_end=from_micros(row.window_end),
            severity=row.severity,
            rule=row.rule,
            message=row.message,
            details=from_json(row.details),
        )
        for row in connection.execute(query)
    ]


def audit_row(record: AuditRecord) -> dict[str, object]:
    """Return the record as the database holds it."""
    where = f"audit entry {record.action!r} of release {record.release!r}, "
    return {
        "at": to_micros(where + "at", record.at),
        "actor": record.actor,
        "action": record.action,
        "release": record.release,
        "reason": record.reason,
        "details": to_json(where + "details", record.details),
    }


def insert_audit(connection: Connection, rows: list[dict[str, object]]) -> None:
    """Insert the entries."""
    connection.execute(insert(audit), rows)


def insert_audit_once(connection: Connection, records: Sequence[AuditRecord]) -> int:
    """Insert the entries whose ``details["key"]`` no entry of the same action has yet, and return how many.

    The caller holds the turn: two writers would not see each other's entries.
    """
    known = {(entry.action, entry.details.get("key")) for entry in read_audit(connection, None)} if records else set()
    fresh = [one for one in records if "key" not in one.details or (one.action, one.details["key"]) not in known]
    if fresh:
        insert_audit(connection, [audit_row(one) for one in fresh])
    return len(fresh)


def read_audit(connection: Connection, release: str | None) -> list[AuditRecord]:
    """Return the audit trail, of one release or of all, in the order of its arrival."""
    query: Select[*tuple[object, ...]] = select(*audit.c).order_by(audit.c.sequence)
    if release is not None:
        query = query.where(audit.c.release == release)
    return [
        AuditRecord(
            at=from_micros(row.at),
            actor=row.actor,
            action=row.action,
            release=row.release,
            reason=row.reason,
            details=from_json(row.details),
        )
        for row in connection.execute(query)
    ]
