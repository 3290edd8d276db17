"""Append labels: what comes again is no new row, what contradicts is a correction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, insert, select

from model_lifecycle.contracts.records import LabelRecord
from model_lifecycle.errors import StoreError
from model_lifecycle.store.encoding import finite, to_micros
from model_lifecycle.store.schema import labels, predictions, take_turn

# Well below the number of values that either database takes in one statement.
_CHUNK = 1000
_CONTENT = ("label_time", "outcome", "value", "reason")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class LabelReceipt:
    """What became of the labels that were handed in: ``accepted + duplicates`` is their number.

    Parameters
    ----------
    accepted : int
        New rows, the corrections and the unknown ones included.
    duplicates : int
        Labels that were there already; nothing was written for them.
    corrections : int
        Accepted labels that contradict an earlier one for the same decision.
    unknown : int
        Accepted labels for a decision that no prediction has been logged for. They are kept.
    """

    accepted: int
    duplicates: int
    corrections: int
    unknown: int


def label_row(record: LabelRecord) -> dict[str, object]:
    """Return the record as the database holds it.

    Raises
    ------
    StoreError
        If outcome, value and reason do not go together, or a time has no zone.
    """
    where = f"label of decision {record.decision_id!r}, "
    value: float | None = None
    outcome: str = record.outcome
    if outcome == "observed":
        if isinstance(record.value, str):
            raise StoreError(f"{where}value {record.value!r}; expected the number of the class")
        value = finite(where + "value", record.value)
    elif outcome != "unavailable" or record.value is not None or not record.reason:
        raise StoreError(
            f"{where}outcome {outcome!r} with value {record.value!r} and reason {record.reason!r}; "
            f"expected 'observed' with a value, or 'unavailable' with a reason and no value"
        )
    return {
        "decision_id": record.decision_id,
        "label_time": to_micros(where + "label_time", record.label_time),
        "outcome": outcome,
        "value": value,
        "reason": record.reason,
        "received_at": to_micros(where + "received_at", record.received_at),
    }


def insert_labels(connection: Connection, rows: Sequence[dict[str, object]]) -> LabelReceipt:
    """Insert what is new.

    The same label again is one with the same decision, label time, outcome, value and reason, whatever came between:
    a delivery that is repeated must not undo a correction. Who takes a correction back sends a later label time.
    """
    take_turn(connection)
    seen = _content_by_decision(connection, rows)
    fresh: list[dict[str, object]] = []
    corrections = 0
    for row in rows:
        known = seen[str(row["decision_id"])]
        content = tuple(row[name] for name in _CONTENT)
        if content in known:
            continue
        corrections += bool(known)
        known.add(content)
        fresh.append(row)
    if fresh:
        connection.execute(insert(labels), fresh)
    return LabelReceipt(len(fresh), len(rows) - len(fresh), corrections, _count_unknown(connection, fresh))


def _content_by_decision(
    connection: Connection, rows: Iterable[dict[str, object]]
) -> defaultdict[str, set[tuple[object, ...]]]:
    seen: defaultdict[str, set[tuple[object, ...]]] = defaultdict(set)
    columns = [labels.c[name] for name in _CONTENT]
    for ids in _chunks(sorted({str(row["decision_id"]) for row in rows})):
        query = select(labels.c.decision_id, *columns).where(labels.c.decision_id.in_(ids))
        for decision_id, *content in connection.execute(query):
            seen[decision_id].add(tuple(content))
    return seen


def _count_unknown(connection: Connection, rows: Sequence[dict[str, object]]) -> int:
    ids = sorted({str(row["decision_id"]) for row in rows})
    predicted: set[str] = set()
    for chunk in _chunks(ids):
        query = select(predictions.c.decision_id).where(predictions.c.decision_id.in_(chunk))
        predicted.update(connection.scalars(query))
    return sum(row["decision_id"] not in predicted for row in rows)


def _chunks(values: list[_T]) -> Iterator[list[_T]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
