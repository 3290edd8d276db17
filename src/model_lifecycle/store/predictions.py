"""Append predictions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, delete

from model_lifecycle.contracts.records import PredictionRecord, Role
from model_lifecycle.store.encoding import finite, to_json, to_micros
from model_lifecycle.store.insertion import insert_new
from model_lifecycle.store.schema import predictions

# Of one statement: either database takes twice as many values. So that few statements have to be prepared and kept,
# their sizes are multiples of the least, and what is left over is one more.
_MOST_ROWS, _LEAST_ROWS = 1_024, 64
_SQLITE_MARK = "?"


class PredictionRow(NamedTuple):
    """A prediction as the database holds it, in the order of the columns: times in microseconds, mappings in JSON."""

    prediction_id: str
    decision_id: str
    decision_time: int
    logged_at: int
    release: str
    score: float
    decision: str
    threshold: float | None
    watermark: int
    inputs: str
    features: str
    flags: str
    outputs: str
    role: Role
    action: str
    propensity: float


def prediction_row(record: PredictionRecord | PredictionRow) -> PredictionRow:
    """Return the record as the database holds it.

    Raises
    ------
    StoreError
        If a time has no zone, a number is not finite, or a mapping is no JSON.
    """
    if isinstance(record, PredictionRow):
        return record
    where = f"prediction {record.prediction_id!r}, "
    return PredictionRow(
        record.prediction_id,
        record.decision_id,
        to_micros(where + "decision_time", record.decision_time),
        to_micros(where + "logged_at", record.logged_at),
        record.release,
        finite(where + "score", record.score),
        record.decision,
        None if record.threshold is None else finite(where + "threshold", record.threshold),
        record.watermark,
        to_json(where + "inputs", record.inputs),
        to_json(where + "features", record.features),
        to_json(where + "flags", record.flags),
        to_json(where + "outputs", record.outputs),
        record.role,
        record.action or record.decision,
        finite(where + "propensity", record.propensity),
    )


def insert_predictions(connection: Connection, rows: Sequence[PredictionRow]) -> None:
    """Insert the rows, or none of them when one of their ids is there already.

    Many rows are one statement, whose execution lets the other threads of this process go on; after each, this one
    has to wait for its turn.
    """
    mark, start = _SQLITE_MARK if connection.dialect.name == "sqlite" else "%s", 0
    while start < len(rows):
        left = len(rows) - start
        size = left if left < _LEAST_ROWS else min(left - left % _LEAST_ROWS, _MOST_ROWS)
        values = tuple(chain.from_iterable(rows[start : start + size]))
        connection.exec_driver_sql(statement(mark, size), values)
        start += size


def insert_shadows(connection: Connection, records: Sequence[PredictionRecord | PredictionRow]) -> None:
    """Insert what is new: a shadow that was killed between two steps scores its last ones again."""
    rows: list[dict[str, object]] = [prediction_row(record)._asdict() for record in records]
    insert_new(connection, predictions, "prediction_id", rows)


def write_and_delete(connection: Connection) -> None:
    """Touch the pages of table and indexes that a prediction does, and leave no row."""
    name, epoch = f"probe-{uuid4().hex}", datetime.fromtimestamp(0, UTC)
    record = PredictionRecord(name, name, epoch, epoch, "", 0.0, "", None, 0, {})
    insert_predictions(connection, [prediction_row(record)])
    connection.execute(delete(predictions).where(predictions.c.prediction_id == name))


@lru_cache
def statement(mark: str, rows: int) -> str:
    """Return the statement that inserts so many rows, with a driver's mark for a value."""
    names = [column.name for column in predictions.columns]
    row = f"({', '.join([mark] * len(names))})"
    # An error ends the whole transaction anyway: told so, SQLite copies no page first that it might have to put back.
    verb = "INSERT OR ROLLBACK" if mark == _SQLITE_MARK else "INSERT"
    return f"{verb} INTO predictions ({', '.join(names)}) VALUES {', '.join([row] * rows)}"
