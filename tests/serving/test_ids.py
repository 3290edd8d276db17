"""A prediction is logged under no id that a label could not name."""

from typing import Any

import pytest

from model_lifecycle.scoring import RecordsRefused
from model_lifecycle.serving.ids import ID_SCHEMA, MAX_ID_LENGTH, checked_columns, is_id
from tiny_release import record, scorer

LABEL = {"label_time": "2024-03-12T10:00:00Z", "outcome": "observed", "value": 1}
ODD = ["", "a\x00b", "a\nb", "a\u00a0b", "x" * (MAX_ID_LENGTH + 1)]


def ask(api: Any, path: str, *records: dict[str, object]) -> Any:
    return api.ask("POST", path, json={"records": records})


@pytest.mark.parametrize("name", ["P 1", "ü-✈", "x" * MAX_ID_LENGTH])
def test_what_is_predicted_can_be_labelled(api: Any, name: str) -> None:
    api.predict(record(1, parcel=name))
    answer = api.ask("POST", "/feedback", json={"labels": [{**LABEL, "decision_id": name}]})
    assert answer.json()["labels"] == {"accepted": 1, "duplicates": 0, "corrections": 0, "unknown": 0}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("rows", [2, 30])  # one by one, and in columns
@pytest.mark.parametrize("path", ["/predict", "/explain"])
def test_an_id_that_no_label_can_name_is_refused_with_all_else_that_is_wrong(
    api: Any, name: str, rows: int, path: str
) -> None:
    others = [record(number) for number in range(rows - 1)]
    refused = ask(api, path, *others, record(1, parcel=name))
    assert refused.status_code == 422
    (fault,) = refused.json()["errors"]
    assert (fault["row"], fault["field"]) == (rows - 1, "parcel")
    assert fault["expected"] == "1 to 200 printable characters"
    assert fault["found"].startswith(ascii(name)[:80])
    both = ask(api, path, *others, record(1, parcel=name, weight=-1)).json()["errors"]
    assert [one["field"] for one in both] == ["parcel", "weight"]
    label = api.ask("POST", "/feedback", json={"labels": [{**LABEL, "decision_id": name}]})
    assert (label.status_code, label.json()["errors"][0]["expected"]) == (422, fault["expected"])


def test_an_odd_id_does_not_touch_the_other_requests_of_its_moment(api: Any) -> None:
    answers = api.ask_together("/predict", [record(1), record(2, parcel="a\x00b"), record(3)])
    assert [answer.status_code for answer in answers] == [200, 422, 200]


@pytest.mark.parametrize("name", ["\ud800", 5, None])
def test_what_is_no_text_at_all_is_named_once(name: object) -> None:
    with pytest.raises(RecordsRefused, match=r"expected text$") as refused:
        checked_columns(scorer(), [record(0), {**record(1), "parcel": name}])
    assert [(one.row, one.field) for one in refused.value.problems] == [(1, "parcel")]


@pytest.mark.parametrize("path", ["/predict", "/explain"])
def test_what_the_log_keeps_of_a_text_is_bounded(api: Any, path: str) -> None:
    assert ask(api, path, record(1, depot="x" * 1000)).status_code == 200
    for length in (1001, 4_000_000):
        refused = ask(api, path, record(1), record(2, depot="x" * length))
        assert refused.status_code == 422
        (fault,) = refused.json()["errors"]
        assert (fault["row"], fault["field"], fault["expected"]) == (1, "depot", "text of at most 1,000 characters")


def test_the_document_tells_how_long_a_text_may_be(api: Any) -> None:
    schemas = api.ask("GET", "/openapi.json").json()["components"]["schemas"]
    event = schemas["Event"]["anyOf"][0]["properties"]["payload"]["properties"]["depot"]
    for place in (schemas["Record"]["properties"]["depot"], schemas["Label"]["properties"]["reason"], event):
        assert place["maxLength"] == 1000


def test_the_document_tells_what_an_id_may_be(api: Any) -> None:
    schemas = api.ask("GET", "/openapi.json").json()["components"]["schemas"]
    places = [schemas["Record"]["properties"]["parcel"], schemas["Label"]["properties"]["decision_id"]]
    places.append(schemas["Event"]["anyOf"][0]["properties"]["event_id"])
    for place in places:
        assert ID_SCHEMA.items() <= place.items()
    assert not any(is_id(name) for name in ODD)
