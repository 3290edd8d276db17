from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventually import eventually
from model_lifecycle.store import Store
from tiny_release import START, record

LABEL = {"decision_id": "P-1", "label_time": "2024-03-12T10:00:00+01:00", "outcome": "observed", "value": 1}
EVENT = {
    "event_id": "D-1",
    "kind": "delivery",
    "event_time": "2024-03-10T12:00:00Z",
    "payload": {"depot": "north", "late": 1},
}
FAR = (START - timedelta(days=1), START + timedelta(days=100))


def send(api: Any, **parts: object) -> Any:
    return api.ask("POST", "/v1/feedback", json=parts)


def test_sending_feedback_again_changes_nothing(api: Any) -> None:
    api.predict(record(1))
    first = send(api, labels=[LABEL], events=[EVENT]).json()
    again = send(api, labels=[LABEL], events=[EVENT]).json()
    assert first == {
        "labels": {"accepted": 1, "duplicates": 0, "corrections": 0, "unknown": 0},
        "events": {"accepted": 1, "duplicates": 0},
    }
    assert again["labels"] == {"accepted": 0, "duplicates": 1, "corrections": 0, "unknown": 0}
    assert again["events"] == {"accepted": 0, "duplicates": 1}


def test_a_label_joins_its_prediction(api: Any, store: Store) -> None:
    api.predict(record(1), record(2))
    unavailable = {**LABEL, "decision_id": "P-2", "outcome": "unavailable", "value": None, "reason": "lost"}
    send(api, labels=[LABEL, unavailable])
    rows = store.labelled_predictions_between(*FAR, as_of=FAR[1]).set_index("decision_id")
    assert (rows.outcome["P-1"], rows.value["P-1"]) == ("observed", 1.0)
    assert rows.label_time["P-1"] == datetime(2024, 3, 12, 9, tzinfo=UTC)
    assert (rows.outcome["P-2"], rows.reason["P-2"]) == ("unavailable", "lost")


def test_a_label_for_no_prediction_is_kept_and_counted(api: Any) -> None:
    assert send(api, labels=[LABEL]).json()["labels"]["unknown"] == 1


def test_an_event_is_known_after_its_kinds_lag_unless_it_says_otherwise(api: Any, store: Store) -> None:
    send(api, events=[EVENT, {**EVENT, "event_id": "D-2", "known_at": "2024-03-10T15:00:00Z"}])
    known = [event.known_at for _, event in store.events_after(0, 10)]
    assert known == [datetime(2024, 3, 10, 12, 5, tzinfo=UTC), datetime(2024, 3, 10, 15, tzinfo=UTC)]


def test_an_event_is_in_the_history_of_a_later_answer(api: Any, store: Store) -> None:
    api.predict(record(0))
    send(api, events=[EVENT])
    eventually(lambda: api.service.ready()[1].watermark == 1)
    answer = api.predict(record(0))[0]
    assert answer["history"] == {"watermark": 1, "newest_known_at": "2024-03-10T12:05:00+00:00", "complete": False}
    counts = [features["deliveries_7d"] for features in store.predictions_between(*FAR).features]
    assert counts == [0.0, 1.0]


def test_an_event_counts_from_the_instant_it_is_known(api: Any, store: Store) -> None:
    send(api, events=[EVENT])
    eventually(lambda: api.service.ready()[1].watermark == 1)
    api.predict(record(0, asked_at="2024-03-10T12:04:59.999999Z"), record(2, asked_at="2024-03-10T12:05:00Z"))
    rows = store.predictions_between(*FAR).set_index("decision_id")
    assert (rows.features["P-0"]["deliveries_7d"], rows.features["P-2"]["deliveries_7d"]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"decision_id": ""}, "labels.decision_id", "printable"),
        ({"reason": "a\x00b"}, "labels.reason", "without NUL"),
        ({"reason": "a" * 1001}, "labels.reason", "text of at most 1,000 characters"),
        ({"outcome": "unavailable", "value": None, "reason": "a\x00b"}, "labels.reason", "without NUL"),
        ({"label_time": "2024-03-12"}, "labels.label_time", "with its offset"),
        ({"label_time": "2999-01-01T00:00:00Z"}, "labels.label_time", "not after"),
        ({"outcome": "maybe"}, "labels.outcome", "'observed' or 'unavailable'"),
        ({"value": 0.5}, "labels.value", "0 or 1"),
        ({"value": None}, "labels.value", "0 or 1"),
        ({"outcome": "unavailable", "reason": "lost"}, "labels.value", "null"),
        ({"outcome": "unavailable", "value": None}, "labels.reason", "why"),
    ],
)
def test_a_wrong_label_is_refused(api: Any, change: dict[str, object], field: str, expected: str) -> None:
    response = send(api, labels=[{**LABEL, **change}])
    assert response.status_code == 422
    assert [fault["field"] for fault in response.json()["errors"]] == [field]
    assert expected in response.json()["errors"][0]["expected"]


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"kind": "theft"}, "events.kind", "one of ['delivery']"),
        ({"event_time": "yesterday"}, "events.event_time", "ISO 8601"),
        ({"event_time": "2999-01-01T00:00:00Z"}, "events.event_time", "not after"),
        ({"known_at": "2024-03-10T11:00:00Z"}, "events.known_at", "not before event_time"),
        ({"payload": {"late": 1}}, "events.payload.depot", "null when it is unknown"),
        ({"payload": {"depot": ["north"]}}, "events.payload.depot", "characters without NUL, a whole number within ±"),
        ({"payload": {"depot": True}}, "events.payload.depot", "without NUL"),
        ({"payload": {"depot": "a\x00b"}}, "events.payload.depot", "without NUL"),
        ({"payload": {"depot": "a" * 1001}}, "events.payload.depot", "text of at most 1,000 characters"),
        ({"payload": {"depot": "a" * 100_000}}, "events.payload.depot", "text of at most 1,000 characters"),
        ({"payload": {"depot": 2**53}}, "events.payload.depot", "a whole number within ±9007199254740991, or null"),
        ({"payload": {"depot": "north", "late": True}}, "events.payload.late", "a number within"),
        ({"payload": {"depot": "north", "late": 10**400}}, "events.payload.late", "a number within"),
        ({"payload": {"depot": "north", "late": "yes"}}, "events.payload.late", "a number within"),
        ({"payload": {"depot": "north", "late": 1e300}}, "events.payload.late", "a number within"),
        ({"payload": {"depot": "north", "speed": 1}}, "events.payload.speed", "one of ['depot', 'late']"),
    ],
)
def test_a_wrong_event_is_refused_and_nothing_is_written(
    api: Any, store: Store, change: dict[str, object], field: str, expected: str
) -> None:
    response = send(api, events=[{**EVENT, "event_id": "D-0"}, {**EVENT, **change}])
    assert response.status_code == 422
    assert [(fault["row"], fault["field"]) for fault in response.json()["errors"]] == [(1, field)]
    assert expected in response.json()["errors"][0]["expected"]
    assert store.latest_sequence() == 0
