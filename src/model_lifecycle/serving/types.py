"""What goes over the wire. The fields of a record come from the release's input contract, so they are open here."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

# Texts go into the log as they come: one of a body's 4 MiB in each row would soon fill the disk.
MAX_TEXT_LENGTH = 1000
EXPECTED_TEXT = f"text of at most {MAX_TEXT_LENGTH:,} characters"
# No input is an object or an array, so a nested one is refused when it begins, before it is built.
Scalar = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_LENGTH)] | int | float | bool | None
Record = dict[str, Scalar]
AnyScalar = str | int | float | bool | None
AnyRecord = dict[str, AnyScalar]


class PredictRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /v1/predict``: many records (a body may also be one record itself)."""

    records: list[Record]


class ExplainRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /v1/explain``: records, and how many features to tell of each (a body may also be one record)."""

    records: list[Record]
    top: int = 10


class HistoryState(msgspec.Struct, frozen=True):
    """How far the events had been read when a prediction was made.

    ``complete`` is False when the decision lies so far back that the events in memory do not reach its longest window.
    """

    watermark: int
    newest_known_at: str | None
    complete: bool


class Label(msgspec.Struct, forbid_unknown_fields=True):
    """The outcome of one decision, as ``POST /v1/feedback`` takes it."""

    decision_id: str
    label_time: str
    outcome: str
    value: float | str | None = None
    reason: str | None = None


class Event(msgspec.Struct, forbid_unknown_fields=True):
    """One event, as ``POST /v1/feedback`` takes it; ``known_at`` defaults to the event's time plus its kind's lag."""

    event_id: str
    kind: str
    event_time: str
    payload: Mapping[str, object]
    known_at: str | None = None


class FeedbackRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /v1/feedback``."""

    labels: list[Label] = []
    events: Sequence[Event] = []


class FlatEvent(Event, forbid_unknown_fields=True):
    """An event whose payload is refused as soon as an object or an array begins in it."""

    payload: AnyRecord


class LargeFeedbackRequest(FeedbackRequest, forbid_unknown_fields=True):
    """A body so large that what is nested in it is not even built."""

    events: Sequence[FlatEvent] = []


class LabelCounts(msgspec.Struct, frozen=True):
    """What became of the labels; ``unknown`` ones belong to no prediction in the log (they are kept)."""

    accepted: int = 0
    duplicates: int = 0
    corrections: int = 0
    unknown: int = 0


class EventCounts(msgspec.Struct, frozen=True):
    """What became of the events."""

    accepted: int = 0
    duplicates: int = 0


class FeedbackAnswer(msgspec.Struct, frozen=True):
    """Answer of ``POST /v1/feedback``."""

    labels: LabelCounts
    events: EventCounts


class FieldProblem(msgspec.Struct, frozen=True):
    """One wrong field of a request: where it is, what was found, what was expected."""

    row: int
    field: str
    found: str
    expected: str
