"""Append events and read them back in the order in which they became visible."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Row, Select, select

from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.store.encoding import from_json, from_micros, to_json, to_micros
from model_lifecycle.store.insertion import insert_new
from model_lifecycle.store.schema import events, take_turn

# A transaction of this size holds the write lock of SQLite for about a tenth of a second.
EVENTS_PER_TRANSACTION = 10_000


def event_row(record: EventRecord, received_at: datetime) -> dict[str, object]:
    """Return the record as the database holds it.

    Raises
    ------
    StoreError
        If a time has no zone, or the payload is no JSON.
    """
    where = f"event {record.event_id!r}, "
    return {
        "event_id": record.event_id,
        "kind": record.kind,
        "event_time": to_micros(where + "event_time", record.event_time),
        "known_at": to_micros(where + "known_at", record.known_at),
        "payload": to_json(where + "payload", record.payload),
        "received_at": to_micros(where + "received_at", received_at),
    }


def insert_events(connection: Connection, rows: list[dict[str, object]]) -> int:
    """Insert the events whose id is new, and return how many there were."""
    take_turn(connection)
    return insert_new(connection, events, "event_id", rows)


def event_query() -> Select[int, str, str, int, int, str, int | None]:
    """Select events in the order of their sequence."""
    columns = events.c
    return select(
        columns.sequence,
        columns.event_id,
        columns.kind,
        columns.event_time,
        columns.known_at,
        columns.payload,
        columns.received_at,
    ).order_by(columns.sequence)


def event_records(rows: Iterable[Row[int, str, str, int, int, str, int | None]]) -> list[tuple[int, EventRecord]]:
    """Return rows of `event_query` as (sequence, record)."""
    return [
        (
            sequence,
            EventRecord(
                event_id,
                kind,
                from_micros(event_time),
                from_micros(known_at),
                from_json(payload),
                None if received_at is None else from_micros(received_at),
            ),
        )
        for sequence, event_id, kind, event_time, known_at, payload, received_at in rows
    ]
