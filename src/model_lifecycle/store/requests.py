"""Requests with an idempotency key: written with their predictions, and found again by the key."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from model_lifecycle.contracts.records import RequestRecord
from model_lifecycle.store.encoding import from_micros, to_micros
from model_lifecycle.store.insertion import insert_new
from model_lifecycle.store.schema import requests


def insert_requests(connection: Connection, records: Iterable[RequestRecord]) -> set[str]:
    """Insert the requests whose key is new, and return the keys of the others.

    PostgreSQL waits here until another transaction that inserts the same key has ended, and SQLite has one writer at a
    time: of two replicas that answer the same request, one alone writes it.
    """
    taken = set()
    for record in records:
        row: dict[str, object] = {
            "key": record.key,
            "digest": record.digest,
            "answer": record.answer,
            "answered_at": to_micros(f"request {record.key!r}, answered_at", record.answered_at),
        }
        if not insert_new(connection, requests, "key", [row]):
            taken.add(record.key)
    return taken


def read_request(connection: Connection, key: str) -> RequestRecord | None:
    """Return the request with this key, None when there is none."""
    row = connection.execute(select(requests).where(requests.c.key == key)).one_or_none()
    return None if row is None else RequestRecord(row.key, row.digest, row.answer, from_micros(row.answered_at))


def delete_requests(connection: Connection, before: int) -> int:
    """Delete the requests answered before a time (microseconds), and return how many there were."""
    return connection.execute(delete(requests).where(requests.c.answered_at < before)).rowcount
