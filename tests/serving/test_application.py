import asyncio
import gc
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from model_lifecycle.scoring import RecordsRefused
from model_lifecycle.serving.openapi import openapi_document
from model_lifecycle.serving.problem import Problem
from model_lifecycle.serving.settings import Limits
from tiny_release import CONTRACT, QUESTION, SPEC, record

Start = Callable[..., Any]
BODY = {"records": [record(1)]}


@pytest.mark.parametrize("path", ["/predict", "/feedback", "/model", "/metrics", "/v1/predict", "/v1/model"])
@pytest.mark.parametrize(
    "headers", [{"X-API-Key": ""}, {"X-API-Key": "wrong"}, {"X-API-Key": "", "Authorization": "Basic x"}]
)
def test_without_the_key_nothing_is_answered(api: Any, path: str, headers: dict[str, str]) -> None:
    method = "POST" if path.endswith(("predict", "feedback")) else "GET"
    response = api.ask(method, path, headers=headers, json=BODY)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert "score" not in response.text


def test_the_key_may_come_as_a_bearer_token(start: Start) -> None:
    api = start()
    key = api._client.headers.pop("X-API-Key")
    assert api.ask("POST", "/predict", json=BODY, headers={"Authorization": f"Bearer {key}"}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/docs", "/v1/healthz"])
def test_health_and_documentation_are_open(start: Start, path: str) -> None:
    api = start()
    del api._client.headers["X-API-Key"]
    assert api.ask("GET", path).status_code == 200
    assert api.ask("HEAD", path).content == b""


def test_an_unknown_path_and_a_wrong_method_are_told(api: Any) -> None:
    assert api.ask("GET", "/nowhere").json()["status"] == 404
    response = api.ask("GET", "/predict")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_another_content_type_is_refused(api: Any) -> None:
    for headers in ({"Content-Type": "text/csv"}, {"Content-Type": "application/json", "Content-Encoding": "gzip"}):
        assert api.ask("POST", "/predict", content=b"{}", headers=headers).status_code == 415


def test_a_body_that_says_it_is_too_large_is_not_read(start: Start) -> None:
    api = start(limits=Limits(body_bytes=2048))
    response = api.ask("POST", "/predict", json={"records": [record(n) for n in range(100)]})
    assert (response.status_code, response.json()["detail"]) == (413, "the body is larger than 2048 bytes")


def test_a_body_that_turns_out_too_large_is_cut_off(start: Start) -> None:
    sent = []

    async def endless() -> AsyncIterator[bytes]:
        for number in range(1000):
            sent.append(number)
            yield b" " * 1024

    api = start(limits=Limits(body_bytes=4096))
    response = api.ask("POST", "/predict", content=endless(), headers={"Content-Type": "application/json"})
    assert response.status_code == 413
    assert len(sent) < 10


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/explain", "/v1/feedback"])
@pytest.mark.parametrize("begun", [[], [b"{"]])
def test_a_body_that_does_not_arrive_is_waited_for_only_so_long(start: Start, path: str, begun: list[bytes]) -> None:
    async def hanging() -> AsyncIterator[bytes]:
        for part in begun:
            yield part
        await asyncio.sleep(5)
        yield b"}"

    api = start(limits=Limits(body_seconds=0.1))
    began = time.monotonic()
    response = api.ask("POST", path, content=hanging(), headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["detail"]) == (408, "the body did not arrive within 0.1 s")
    assert response.headers["connection"] == "close"
    assert time.monotonic() - began < 4


def test_a_body_that_arrives_late_is_read(api: Any) -> None:
    async def late() -> AsyncIterator[bytes]:
        await asyncio.sleep(0.05)
        yield json.dumps(BODY).encode()

    response = api.ask("POST", "/v1/predict", content=late(), headers={"Content-Type": "application/json"})
    assert response.status_code == 200


def test_too_many_records_are_refused(start: Start) -> None:
    response = start(limits=Limits(rows=3)).ask("POST", "/predict", json={"records": [record(n) for n in range(4)]})
    assert (response.status_code, response.json()["detail"]) == (413, "4 records in one request, expected at most 3")


def test_a_fault_of_the_program_is_told_without_its_insides(api: Any, caplog: pytest.LogCaptureFixture) -> None:
    api.service._predictor = None
    response = api.ask("POST", "/predict", json=BODY)
    assert (response.status_code, response.json()["detail"]) == (
        500,
        "the service failed on this request; its log says why",
    )
    assert "AttributeError" in caplog.text
    assert "NoneType" not in response.text


def test_a_refused_body_is_let_go_at_once(api: Any) -> None:
    gc.collect()
    gc.disable()
    try:
        for wrong in (record(1, weight=-1), {f"field {number}": number for number in range(500)}):
            assert api.ask("POST", "/v1/predict", json=wrong).status_code == 422
        # By type: `isinstance` would wake whatever lazy object another library keeps.
        assert [one for one in gc.get_objects() if type(one) in (RecordsRefused, Problem)] == []
    finally:
        gc.enable()


def test_the_model_is_described(api: Any) -> None:
    model = api.ask("GET", "/model").json()
    assert (model["release"], model["source"], model["threshold"]) == ("parcels-1", "fixed", 0.4)
    assert re.fullmatch("[0-9a-f]{64}", model["digest"])
    assert model["inputs"]["weight"]["unit"] == "kg"
    assert model["refused"] is None
    assert model["card"] == "# Parcels\n"


def test_the_document_names_types_ranges_units_and_examples_of_every_input(api: Any) -> None:
    schema = api.ask("GET", "/openapi.json").json()["components"]["schemas"]["Record"]
    assert schema["required"] == ["parcel", "slot"]
    assert schema["properties"]["weight"] == {
        "type": ["number", "null"],
        "minimum": 0.0,
        "maximum": 50.0,
        "description": "Weight on the scale. Unit: kg.",
        "examples": [1.5],
    }
    assert schema["examples"][0]["depot"] == "north"


def test_every_reference_in_the_document_leads_somewhere_and_ids_are_unique() -> None:
    document: Any = openapi_document(QUESTION, CONTRACT, SPEC, Limits())
    text = json.dumps(document)
    for name in re.findall(r'"#/components/schemas/(\w+)"', text):
        assert name in document["components"]["schemas"]
    ids = re.findall(r'"operationId": "(\w+)"', text)
    assert len(ids) == len(set(ids)) == 18


def test_the_documents_own_example_is_answered(api: Any) -> None:
    example = api.ask("GET", "/openapi.json").json()["components"]["schemas"]["Record"]["examples"][0]
    assert api.predict(example)[0]["parcel"] == "P-1"


def test_the_documentation_page_loads_nothing_from_elsewhere(api: Any) -> None:
    response = api.ask("GET", "/docs")
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"|https?://", response.text) == ["openapi.json"]
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_answers_are_counted_by_path_and_status_and_unknown_paths_as_one(api: Any) -> None:
    api.predict(record(1))
    for number in range(3):
        api.ask("GET", f"/scan/{number}")
    metrics = api.ask("GET", "/metrics").text
    assert 'model_lifecycle_requests_total{path="/predict",replica="replica",status="200"} 1.0' in metrics
    assert 'model_lifecycle_requests_total{path="unknown",replica="replica",status="404"} 3.0' in metrics
    assert 'model_lifecycle_decisions_total{decision="act",release="parcels-1",replica="replica"}' in metrics
    assert 'model_lifecycle_release{release="parcels-1",replica="replica"} 1.0' in metrics
