from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from model_lifecycle.features.history import History, event_columns
from model_lifecycle.store import Store
from tiny_release import SPEC, START, event, record, scorer

Start = Callable[..., Any]
FAR = (START - timedelta(days=1), datetime.now(UTC) + timedelta(days=1))


def test_an_answered_prediction_is_in_the_log_with_all_that_was_answered(api: Any, store: Store) -> None:
    answer = api.predict(record(1), record(2, weight=None, depot="east"))[1]
    logged = store.predictions_between(*FAR).set_index("prediction_id").loc[answer["prediction_id"]]
    assert (logged.decision_id, logged.score, logged.decision) == ("P-2", answer["score"], answer["decision"])
    assert (logged.release, logged.threshold, logged.watermark) == ("parcels-1", 0.4, 0)
    assert logged.decision_time == datetime.fromisoformat(str(record(2)["asked_at"]))
    assert logged.inputs == {"depot": "east", "slot": record(2)["slot"]}
    assert logged["flags"] == {"missing": ["weight"], "unknown": ["depot"], "history": ["incomplete"]}
    assert logged.features["weight"] is None
    assert (answer["parcel"], answer["missing"], answer["unknown"]) == ("P-2", ["weight"], ["depot"])


def test_the_scores_are_those_of_the_release_on_the_same_records_and_events(api: Any, store: Store) -> None:
    events = [event(number, late=number % 2) for number in range(30)]
    store.append_events(events)
    records = [record(number) for number in range(50)]
    while api.predict(record(0))[0]["history"]["watermark"] < 30:
        pass
    made = scorer()
    offline = made.score(made.columns(records), History.build(SPEC, event_columns(SPEC, events)))
    one_by_one = [api.predict(record)[0]["score"] for record in records]
    together = [answer["score"] for answer in api.predict(*records)]
    assert one_by_one == together == offline.score.tolist()


def test_both_spellings_of_a_path_answer(api: Any) -> None:
    for path in ("/predict", "/v1/predict"):
        assert api.ask("POST", path, json={"records": [record(1)]}).status_code == 200


def test_a_record_without_a_decision_time_is_decided_now(api: Any, store: Store) -> None:
    before = datetime.now(UTC)
    api.predict(record(1, asked_at=None))
    assert before <= store.predictions_between(*FAR).decision_time[0] <= datetime.now(UTC)


def test_no_records_are_no_predictions(api: Any) -> None:
    assert api.predict() == []


def test_requests_of_the_same_moment_share_one_call_of_the_model(api: Any) -> None:
    answers = api.ask_together("/predict", [{"records": [record(number)]} for number in range(20)])
    assert [answer.json()["predictions"][0]["parcel"] for answer in answers] == [f"P-{n}" for n in range(20)]
    metrics = api.ask("GET", "/metrics").text
    assert 'model_lifecycle_batch_rows_count{replica="replica"} 1.0' in metrics
    assert 'model_lifecycle_batch_rows_sum{replica="replica"} 20.0' in metrics


def test_a_refused_request_does_not_touch_the_others_of_its_moment(api: Any, store: Store) -> None:
    wrong = {"records": [record(1), record(2, weight=-1, slot="noon")]}
    good = [{"records": [record(number)]} for number in range(3)]
    answers = api.ask_together("/predict", [good[0], wrong, good[1], good[2]])
    assert [answer.status_code for answer in answers] == [200, 422, 200, 200]
    assert [(fault["row"], fault["field"]) for fault in answers[1].json()["errors"]] == [(1, "weight"), (1, "slot")]
    assert len(store.predictions_between(*FAR)) == 3


def test_every_wrong_field_is_named_with_what_was_found_and_expected(api: Any) -> None:
    response = api.ask("POST", "/predict", json={"records": [record(1, weight=60, parcel=None, colour="red")]})
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, response.json()["detail"]) == (422, "3 wrong fields; nothing was predicted")
    faults = {fault["field"]: (fault["row"], fault["found"]) for fault in response.json()["errors"]}
    assert faults == {"weight": (0, "60"), "parcel": (0, "nothing"), "colour": (0, "an unknown field")}
    assert "<= 50 (kg)" in next(f["expected"] for f in response.json()["errors"] if f["field"] == "weight")


def test_a_flood_of_wrong_fields_is_answered_briefly(api: Any) -> None:
    response = api.ask("POST", "/predict", json={"records": [record(number, weight=-1) for number in range(500)]})
    assert (response.json()["error_count"], len(response.json()["errors"])) == (500, 100)


def test_more_waiting_records_than_the_limit_are_refused_with_a_time_to_come_again(start: Start) -> None:
    limited = start().settings.limits.model_copy(update={"waiting_rows": 3})
    response = start(limits=limited).ask("POST", "/predict", json={"records": [record(n) for n in range(4)]})
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")


def test_a_decision_too_far_in_the_past_is_marked(start: Start, store: Store) -> None:
    store.append_events([event(number, at=START + timedelta(days=number)) for number in range(40)])
    old, recent = start().predict(record(1), record(1, asked_at=(START + timedelta(days=38)).isoformat()))
    assert (old["history"]["complete"], recent["history"]["complete"]) == (False, True)
    flags = store.predictions_between(*FAR)["flags"]
    assert [found.get("history") for found in flags] == [["incomplete"], None]


def test_prediction_ids_are_unique_and_in_the_order_of_time(api: Any) -> None:
    ids = [api.predict(*(record(n) for n in range(20)))[0]["prediction_id"] for _ in range(5)]
    assert len(set(ids)) == 5
    assert [found[:12] for found in ids] == sorted(found[:12] for found in ids)


def test_what_is_no_number_is_logged_as_null(api: Any, store: Store) -> None:
    api.predict(record(1, weight=None))
    features = store.predictions_between(*FAR).features[0]
    assert features["weight"] is None
    assert np.isfinite(features["late_rate_7d"])


@pytest.mark.parametrize(
    "spoiled", [b"", b"{", b'{"records": [{]}', b'{"records": [{"a": "\xff"}]}', b'{"records":[{"a":NaN}]}']
)
def test_a_body_that_is_not_json_is_refused(api: Any, spoiled: bytes) -> None:
    response = api.ask("POST", "/predict", content=spoiled, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["title"]) == (400, "Bad Request")


@pytest.mark.parametrize("body", [[], {}, {"records": 1}, {"records": [1]}, {"records": [], "more": 1}])
def test_a_body_of_another_shape_is_refused(api: Any, body: object) -> None:
    response = api.ask("POST", "/predict", json=body)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "body")


def test_a_deeply_nested_body_is_refused(api: Any) -> None:
    body = b'{"records": [{"weight": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"
    response = api.ask("POST", "/predict", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
