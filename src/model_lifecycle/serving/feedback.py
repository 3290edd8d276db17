"""Labels and events as they arrive, checked field by field and turned into records."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from model_lifecycle.contracts.features import EventKind, FeatureSpec
from model_lifecycle.contracts.records import CLOCK_TOLERANCE, EventRecord, LabelRecord
from model_lifecycle.contracts.table import LARGEST_INTEGER
from model_lifecycle.serving.ids import EXPECTED_ID, is_id
from model_lifecycle.serving.problem import Problem
from model_lifecycle.serving.types import EXPECTED_TEXT, MAX_TEXT_LENGTH, Event, FieldProblem, Label
from model_lifecycle.tasks import Task

# Histories are summed in fixed point with six decimals in 64 bits: beyond this, sums over years could overflow.
MAX_VALUE = 1e9

Complain = Callable[[str, object, str], None]


def label_records(labels: Sequence[Label], received_at: datetime, task: Task) -> list[LabelRecord]:
    """Turn labels into records.

    Raises
    ------
    Problem
        With status 422 and every wrong field.
    """
    problems: list[FieldProblem] = []
    records = []
    for row, label in enumerate(labels):
        complain = _collector(problems, row, "labels")
        _check_id("decision_id", label.decision_id, complain)
        value = _outcome(label, task, complain)
        moment = _time("label_time", label.label_time, received_at, complain)
        outcome: Literal["observed", "unavailable"] = "observed" if label.outcome == "observed" else "unavailable"
        records.append(LabelRecord(label.decision_id, moment, outcome, value, label.reason, received_at))
    _refuse(problems)
    return records


def event_records(events: Sequence[Event], spec: FeatureSpec, received_at: datetime) -> list[EventRecord]:
    """Turn events into records; kinds, entities and values are those that the release declares.

    Raises
    ------
    Problem
        With status 422 and every wrong field.
    """
    problems: list[FieldProblem] = []
    records = []
    for row, event in enumerate(events):
        complain = _collector(problems, row, "events")
        _check_id("event_id", event.event_id, complain)
        kind = spec.events.get(event.kind)
        if kind is None:
            complain("kind", event.kind, f"one of {sorted(spec.events)}")
            continue
        _check_payload(event.payload, kind, complain)
        moment = _time("event_time", event.event_time, received_at, complain)
        known_at = moment + kind.availability_lag
        if event.known_at is not None:
            known_at = _time("known_at", event.known_at, received_at, complain)
            if known_at < moment:
                complain("known_at", event.known_at, f"not before event_time {event.event_time}")
        records.append(EventRecord(event.event_id, event.kind, moment, known_at, event.payload))
    _refuse(problems)
    return records


def _collector(problems: list[FieldProblem], row: int, part: str) -> Complain:
    def complain(field: str, found: object, expected: str) -> None:
        problems.append(FieldProblem(row, f"{part}.{field}", repr(found)[:200], expected))

    return complain


def _refuse(problems: list[FieldProblem]) -> None:
    if problems:
        raise Problem(422, f"{len(problems)} wrong fields; nothing was written", problems)


def _check_id(field: str, value: str, complain: Complain) -> None:
    if not is_id(value):
        complain(field, value, EXPECTED_ID)


def _outcome(label: Label, task: Task, complain: Complain) -> float | None:
    """Return the value of the target, None where the label has none or is refused."""
    if not _storable(label.reason):
        complain("reason", label.reason, f"{EXPECTED_TEXT} without NUL, or null")
    if label.outcome == "observed":
        try:
            return task.read_label(label.value)
        except ValueError as error:
            complain("value", label.value, str(error))
    elif label.outcome == "unavailable":
        if label.value is not None:
            complain("value", label.value, "null for outcome 'unavailable'")
        if not label.reason:
            complain("reason", label.reason, "why the outcome is unavailable")
    else:
        complain("outcome", label.outcome, "'observed' or 'unavailable'")
    return None


def _check_payload(payload: Mapping[str, object], kind: EventKind, complain: Complain) -> None:
    for name, value in payload.items():
        if name in kind.entities:
            if isinstance(value, bool) or not isinstance(value, str | int | None) or not _storable(value):
                expected = f"{EXPECTED_TEXT} without NUL, a whole number within ±{LARGEST_INTEGER}, or null"
                complain(f"payload.{name}", value, expected)
        elif name in kind.values:
            if value is not None and not _is_number(value):
                complain(f"payload.{name}", value, f"a number within ±{MAX_VALUE:g}, or null")
        else:
            complain(f"payload.{name}", value, f"one of {[*kind.entities, *kind.values]}")
    for name in kind.entities:
        if name not in payload:
            complain(f"payload.{name}", "nothing", "the entity, or null when it is unknown")


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= MAX_VALUE  # which no NaN and no infinity is


def _storable(value: str | int | None) -> bool:
    """Return whether databases keep it and requests can name it: no NUL, no lone surrogate, nothing too large."""
    if isinstance(value, int):
        return abs(value) <= LARGEST_INTEGER
    if value is None:
        return True
    if len(value) > MAX_TEXT_LENGTH:
        return False
    try:
        return b"\x00" not in value.encode()
    except UnicodeEncodeError:
        return False


def _time(field: str, text: str, now: datetime, complain: Complain) -> datetime:
    """Return the instant in UTC, or now when the text is refused."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        complain(field, text, "an ISO 8601 time with its offset, such as '2013-07-01T12:00:00Z'")
        return now
    if moment > now + CLOCK_TOLERANCE:
        complain(field, text, f"not after {now + CLOCK_TOLERANCE:%Y-%m-%dT%H:%M:%SZ}")
        return now
    return moment
