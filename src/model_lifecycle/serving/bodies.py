"""From the bytes of a body to a request; what is wrong with their shape is told, and nothing large is built for it."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from model_lifecycle.serving.problem import Problem
from model_lifecycle.serving.settings import Limits
from model_lifecycle.serving.types import (
    EXPECTED_TEXT,
    MAX_TEXT_LENGTH,
    AnyRecord,
    AnyScalar,
    ExplainRequest,
    FeedbackRequest,
    FieldProblem,
    LargeFeedbackRequest,
    PredictRequest,
    Record,
)

_Body = TypeVar("_Body")
# The objects that a small body can hold take no memory to speak of.
_SMALL_BYTES = 64 * 1024
# A label is one object, an event two.
_OBJECTS_PER_ROW = 3
_SHOWN = 300
_NAME_SHOWN = 80
_NESTED = {b"{": "an object", b"[": "an array"}

_predict = msgspec.json.Decoder(PredictRequest)
_explain = msgspec.json.Decoder(ExplainRequest)
_feedback = msgspec.json.Decoder(FeedbackRequest)
_large_feedback = msgspec.json.Decoder(LargeFeedbackRequest)
_record = msgspec.json.Decoder(Record)
_value = msgspec.json.Decoder(AnyScalar)


class _RawRequest(msgspec.Struct):
    """Records with any values at all."""

    records: list[dict[str, msgspec.Raw]]


class _LongRequest(msgspec.Struct):
    """Records with texts of any length."""

    records: list[AnyRecord]


_raw_records, _raw_record = msgspec.json.Decoder(_RawRequest), msgspec.json.Decoder(dict[str, msgspec.Raw])
_long_records, _long_record = msgspec.json.Decoder(_LongRequest), msgspec.json.Decoder(AnyRecord)


def predict_request(body: bytes, limits: Limits) -> tuple[list[Record], bool]:
    """Return the records of a body, and whether it is one record itself.

    Raises
    ------
    Problem
        400 for malformed JSON, 413 for too many records or fields, 422 for another shape.
    """
    request = _records_or_one(_predict, body, limits)
    records, single = ([request], True) if isinstance(request, dict) else (request.records, False)
    _check_rows("records", len(records), limits.rows)
    return records, single


def explain_request(body: bytes, limits: Limits) -> tuple[ExplainRequest, bool]:
    """Return what is to be explained, and whether the body is one record itself.

    Raises
    ------
    Problem
        As `predict_request`.
    """
    request = _records_or_one(_explain, body, limits)
    if isinstance(request, dict):
        return ExplainRequest([request]), True
    _check_rows("records to explain", len(request.records), limits.explained_rows)
    if request.top < 1:
        found = FieldProblem(0, "top", str(request.top), "a whole number >= 1")
        raise Problem(422, "1 wrong field; nothing was explained", [found])
    return request, False


def feedback_request(body: bytes, limits: Limits) -> FeedbackRequest:
    """Return labels and events.

    Raises
    ------
    Problem
        As `predict_request`.
    """
    _check_size(body, limits)
    try:
        small = len(body) <= _SMALL_BYTES
        request = _decoded(_feedback, body) if small else _decoded(_large_feedback, body)
    except msgspec.ValidationError as error:
        raise _other_shape(error) from error
    _check_rows("labels", len(request.labels), limits.rows)
    _check_rows("events", len(request.events), limits.rows)
    return request


def _records_or_one(decoder: msgspec.json.Decoder[_Body], body: bytes, limits: Limits) -> _Body | Record:
    _check_size(body, limits)
    try:
        return _decoded(decoder, body)
    except msgspec.ValidationError as error:
        try:
            record = _decoded(_record, body)
        except msgspec.ValidationError:
            _name_the_wrong(body)
            raise _other_shape(error) from error
        if not record or "records" in record:
            raise _other_shape(error) from error
        return record


def _name_the_wrong(body: bytes) -> None:
    """Refuse by row and name what is no value, or too long a text; in a large body only the latter."""
    records = _any_records(body)
    wrong = [
        FieldProblem(row, name[:_NAME_SHOWN], *fault)
        for row, record in enumerate(records)
        for name, value in record.items()
        if (fault := _fault(value)) is not None
    ]
    if wrong:
        raise Problem(422, f"{len(wrong)} wrong fields; nothing was predicted", wrong)


def _any_records(body: bytes) -> Sequence[Mapping[str, msgspec.Raw | AnyScalar]]:
    """Return the records, or the one, whatever they hold; none where the body has another shape."""
    small = len(body) <= _SMALL_BYTES
    try:
        return _decoded(_raw_records, body).records if small else _decoded(_long_records, body).records
    except msgspec.ValidationError:
        pass
    try:
        record = _decoded(_raw_record, body) if small else _decoded(_long_record, body)
    except msgspec.ValidationError:
        return []
    return [] if "records" in record else [record]


def _fault(value: msgspec.Raw | AnyScalar) -> tuple[str, str] | None:
    """Say what stands in the place of a value and what was expected, None where it is one."""
    if isinstance(value, msgspec.Raw):
        text = bytes(value)
        kind = _NESTED.get(text[:1])
        if kind is not None:
            return kind, "one value"
        try:
            value = _value.decode(text)
        except msgspec.ValidationError:
            return "a number beyond all range", "one value"
    if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
        return f"text of {len(value):,} characters", EXPECTED_TEXT  # which may be of a person, so it is not quoted
    return None


def _check_size(body: bytes, limits: Limits) -> None:
    """Bound what decoding builds, by what stands in the body at least once an object or a field."""
    if len(body) <= _SMALL_BYTES:
        return
    every = np.frombuffer(body, dtype=np.uint8)  # counts a byte in a third of the time that the bytes themselves take
    objects, most = np.count_nonzero(every == ord("{")), _OBJECTS_PER_ROW * limits.rows + 1
    if objects > most:
        raise Problem(
            413, f"{objects} objects in one request, expected at most {limits.rows} records, labels or events"
        )
    fields = np.count_nonzero(every == ord(":"))
    if fields > limits.fields:
        raise Problem(413, f"{fields} fields (by their colons) in one request, expected at most {limits.fields}")


def _check_rows(part: str, rows: int, most: int) -> None:
    if rows > most:
        raise Problem(413, f"{rows} {part} in one request, expected at most {most}")


def _decoded(decoder: msgspec.json.Decoder[_Body], body: bytes) -> _Body:
    """Decode; what is not JSON is refused, another shape is left to the caller.

    Raises
    ------
    Problem
        400.
    ValidationError
        Of msgspec.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except RecursionError as error:
        raise Problem(400, "the body is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise Problem(400, f"the body is not UTF-8: byte {error.start} of a text") from error
    except msgspec.DecodeError as error:
        raise Problem(400, f"the body is not JSON: {error}"[:_SHOWN]) from error


def _other_shape(error: msgspec.ValidationError) -> Problem:
    found = FieldProblem(0, "body", ascii(str(error))[1:-1][:_SHOWN], "a body as in /openapi.json")
    return Problem(422, "the body has another shape", [found])
