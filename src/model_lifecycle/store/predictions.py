"""Append predictions."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from model_lifecycle.contracts.records import PredictionRecord
from model_lifecycle.store.encoding import finite, to_json, to_micros
from model_lifecycle.store.schema import predictions


def prediction_row(record: PredictionRecord) -> dict[str, object]:
    """Return the record as the database holds it.

    Raises
    ------
    StoreError
        If a time has no zone, a number is not finite, or a mapping is no JSON.
    """
    where = f"prediction {record.prediction_id!r}, "
    return {
        "prediction_id": record.prediction_id,
        "decision_id": record.decision_id,
        "decision_time": to_micros(where + "decision_time", record.decision_time),
        "logged_at": to_micros(where + "logged_at", record.logged_at),
        "release": record.release,
        "score": finite(where + "score", record.score),
        "decision": record.decision,
        "threshold": None if record.threshold is None else finite(where + "threshold", record.threshold),
        "watermark": record.watermark,
        "inputs": to_json(where + "inputs", record.inputs),
        "features": to_json(where + "features", record.features),
        "flags": to_json(where + "flags", record.flags),
        "outputs": to_json(where + "outputs", record.outputs),
        "role": record.role,
        "action": record.action or record.decision,
        "propensity": finite(where + "propensity", record.propensity),
    }


def insert_predictions(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Insert the rows, or none of them when one of their ids is there already."""
    connection.execute(insert(predictions), rows)
