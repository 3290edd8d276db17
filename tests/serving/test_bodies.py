"""What a body may hold, and what decoding it may cost."""

import json
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import pytest

from model_lifecycle.serving.bodies import explain_request, feedback_request, predict_request
from model_lifecycle.serving.problem import Problem
from model_lifecycle.serving.settings import Limits
from model_lifecycle.serving.types import MAX_TEXT_LENGTH

LIMITS = Limits()
SIZE = LIMITS.body_bytes
MIB = 2**20
ITEMS = {
    "empty objects": b"{},",
    "nested objects": b'{"a":{}},',
    "arrays": b"[],",
    "arrays in a record": b'{"a":[[],[],[],[]]},',
    "events with nested payloads": b'{"event_id":"1","kind":"k","event_time":"t","payload":{"a":[[],[],[]]}},',
    "labels": b'{"decision_id":"1","label_time":"t","outcome":"o"},',
}
DECODERS: list[Callable[[bytes, Limits], object]] = [predict_request, explain_request, feedback_request]


@cache
def hostile() -> dict[str, bytes]:
    """Return bodies as large as they may be that hold as many things as they can."""
    made = {}
    for part in (b"records", b"labels", b"events"):
        for name, item in ITEMS.items():
            head = b'{"' + part + b'":['
            made[f"{part.decode()}: {name}"] = head + item * ((SIZE - 100) // len(item)) + item[:-1] + b"]}"
    fields = ",".join(f'"{number:06d}":1' for number in range(SIZE // 12 - 10))
    made["fields of one record"] = f'{{"records":[{{{fields}}}]}}'.encode()
    made["fields of a payload"] = f'{{"events":[{{"payload":{{{fields}}}}}]}}'.encode()
    made["opening brackets"] = b'{"records":' + b"[" * (SIZE - 20)
    made["opening braces"] = b'{"a":' * (SIZE // 5)
    made["one long text"] = b'{"records":[{"a":"' + b"x" * (SIZE - 30) + b'"}]}'
    records = [{"a": "x" * 1001, "b": 1}] * 3000
    made["thousands of long texts"] = json.dumps({"records": records}).encode()
    made["escapes"] = b'{"records":[{"a":"' + rb"\u0041" * (SIZE // 6 - 10) + b'"}]}'
    made["a number of a million digits"] = b'{"records":[{"a":' + b"9" * MIB + b"}]}"
    return made


@pytest.mark.parametrize("name", hostile())
def test_decoding_a_hostile_body_takes_less_than_32_mib(name: str) -> None:
    body = hostile()[name]
    assert len(body) <= SIZE
    for decode in DECODERS:
        tracemalloc.start()
        try:
            with suppress(Problem):
                decode(body, LIMITS)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 32 * MIB, f"{peak / MIB:.0f} MiB"


def test_a_request_as_large_as_its_rows_may_be_is_within_the_limits() -> None:
    record = {f"a_name_of_usual_length_{number}": "2013-06-30T20:24:00+00:00" for number in range(10)}
    records, single = predict_request(
        json.dumps({"records": [record] * LIMITS.rows}).encode(), LIMITS.model_copy(update={"body_bytes": 8 * MIB})
    )
    assert (len(records), single) == (LIMITS.rows, False)


def test_one_record_and_many_are_told_apart() -> None:
    assert predict_request(b'{"a": 1, "b": null}', LIMITS) == ([{"a": 1, "b": None}], True)
    assert predict_request(b'{"records": [{"a": 1}]}', LIMITS) == ([{"a": 1}], False)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"1", b'{"records": 1}', b'{"records": [1]}', b'{"records": [], "x": 1}']
)
def test_what_is_neither_is_of_another_shape(body: bytes) -> None:
    with pytest.raises(Problem, match="the body has another shape") as info:
        predict_request(body, LIMITS)
    assert (info.value.status, info.value.errors[0].field) == (422, "body")


@pytest.mark.parametrize(
    "body", [b'{"a": 1, "b": [1], "c": {"d": 1}}', b'{"records": [{"a": 1, "b": [1], "c": {"d": 1}}]}']
)
def test_every_nested_value_is_named(body: bytes) -> None:
    with pytest.raises(Problem, match="2 wrong fields") as info:
        predict_request(body, LIMITS)
    assert [(one.field, one.found) for one in info.value.errors] == [("b", "an array"), ("c", "an object")]


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"9" * 5000])
@pytest.mark.parametrize("body", [b'{"id": "1", "a": %b, "b": 2}', b'{"records": [{"a": 1}, {"a": %b}]}'])
def test_a_number_beyond_all_range_is_named(body: bytes, number: bytes) -> None:
    with pytest.raises(Problem, match="1 wrong fields") as info:
        predict_request(body % number, LIMITS)
    assert [(one.row, one.field, one.found) for one in info.value.errors] == [
        (int(b"records" in body), "a", "a number beyond all range")
    ]


@pytest.mark.parametrize("padding", [0, 100_000], ids=["small", "large"])
@pytest.mark.parametrize("decode", [predict_request, explain_request])
def test_a_text_of_more_than_1000_characters_is_named_and_not_quoted(
    decode: Callable[[bytes, Limits], object], padding: int
) -> None:
    most = "\u2708" * MAX_TEXT_LENGTH
    body = {"records": [{"a": most, "b": 1}, {"a": most + "x" * (1 + padding), "b": "c"}], "top": 3}
    single = body["records"][1]  # type: ignore[index]
    if decode is predict_request:
        del body["top"]
    for sent, row in ((body, 1), (single, 0)):
        with pytest.raises(Problem, match="1 wrong fields") as info:
            decode(json.dumps(sent).encode(), LIMITS)
        assert [(one.row, one.field, one.found, one.expected) for one in info.value.errors] == [
            (row, "a", f"text of {1001 + padding:,} characters", "text of at most 1,000 characters")
        ]
    decode(json.dumps({"records": [{"a": most}]}).encode(), LIMITS)
    decode(json.dumps({"a": most}).encode(), LIMITS)


def test_long_texts_and_nested_values_of_a_small_body_are_named_together() -> None:
    with pytest.raises(Problem, match="2 wrong fields") as info:
        predict_request(json.dumps({"a": "x" * 2000, "b": [1]}).encode(), LIMITS)
    assert [(one.field, one.expected) for one in info.value.errors] == [
        ("a", "text of at most 1,000 characters"),
        ("b", "one value"),
    ]
