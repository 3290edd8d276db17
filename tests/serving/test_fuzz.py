"""Requests that nobody would send on purpose, by the thousand: never a 500, never a crash, every error a document.

`make test` sends a smaller part with fixed seeds; `make test-full` more than 10,000 in all.
"""

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it publishes no types

from model_lifecycle.serving.application import Application
from model_lifecycle.serving.keys import KeyHash
from model_lifecycle.serving.service import Service
from model_lifecycle.serving.settings import ServiceSettings
from tiny_release import record, tiny_release

KEY = "a-key-that-only-this-test-knows"
JSON = {"Content-Type": "application/json"}
POSTED = ("/v1/predict", "/v1/explain", "/v1/feedback")
STATUSES = frozenset({200, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429})
VALUES = [
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "-0", "0.1e", "01", "+1", "0x10", ".5", "5."),
    *("9" * 30, "9" * 5000, "-" + "9" * 400, "1" + "0" * 308 + ".5", str(2**63), str(2**64), str(-(2**63) - 1)),
    *(r'"\ud800"', r'"\udfff\ud800"', r'"\u0000"', '"\u2028\ufeff"', r'"\x41"', '"\x00"', '"\U0001f6eb"'),
    '"' + "x" * 9999 + '"',
    *("[" * 5000, "[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, "[]", "{}", "[[]]", "null", "true", "nul"),
    *('"0000-00-00T00:00:00Z"', '"9999-12-31T23:59:59-23:59"', '"2024-03-10T08:00:00"', '"2024-W10-1T00:00Z"'),
    *('"<script>"', "\"'; DROP TABLE predictions; --\"", '"../../etc/passwd"', '"${jndi:ldap://x}"', '"%s%n"', "'a'"),
]  # fmt: skip
CONTENT_TYPES = [
    *("application/json", "application/json; charset=utf-16", "APPLICATION/JSON", "text/json", "text/plain"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "", ";", "\xff"),
    *("application/x-python-pickle", "application/json, application/json", "application/problem+json"),
]
ENCODINGS = ["identity", "gzip", "br", "deflate, gzip", "zstd", "\xe9"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One application for all of them: what one request leaves behind, the next one meets."""
    folder = tmp_path_factory.mktemp("fuzz")
    chosen = ServiceSettings(
        release=tiny_release(folder / "releases"),
        registry=f"sqlite:///{folder}/registry.db",
        registry_name="parcels",
        store=f"sqlite:///{folder}/store.db",
        key_hash=folder / "key.json",
    )
    application = Application(lambda: Service(chosen, KeyHash.of(KEY), "replica"))
    application.start()
    runner = asyncio.Runner()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://service")

    def ask(method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"X-API-Key": KEY, **options.pop("headers", {})}
        return runner.run(client.request(method, path, headers=headers, **options))

    before = ask("POST", "/v1/predict", json=record(1)).json()
    yield ask
    assert 'status="500"' not in ask("GET", "/v1/metrics").text
    after = ask("POST", "/v1/predict", json=record(1)).json()
    assert after["score"] == before["score"]
    runner.run(client.aclose())
    runner.close()
    application.service.close()


def check(response: httpx.Response) -> None:
    assert response.status_code in STATUSES, response.text
    if response.status_code != 200:
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["status"] == response.status_code
        assert {"type", "title", "detail", "instance"} <= problem.keys()
        assert "Traceback" not in response.text
        assert "site-packages" not in response.text


def valid_body(path: str, draw: random.Random) -> str:
    if path == "/v1/feedback":
        event = {"event_id": f"D-{draw.random()}", "kind": "delivery", "event_time": "2024-03-10T08:00:00Z"}
        label = {"decision_id": "P-1", "label_time": "2024-03-12T08:00:00Z", "outcome": "observed", "value": 1}
        return json.dumps({"labels": [label], "events": [{**event, "payload": {"depot": "north", "late": 1}}]})
    records = [record(draw.randrange(50)) for _ in range(draw.randrange(1, 4))]
    return json.dumps(records[0] if draw.random() < 0.3 else {"records": records})


def spoiled(body: str, draw: random.Random) -> bytes:
    """Change a valid body in one of the ways in which bodies go wrong."""
    places = [place for place, character in enumerate(body) if character in ":,["]
    place = draw.choice(places) + 1
    value = draw.choice(VALUES)
    end = min([found for found in (body.find(",", place), body.find("}", place), body.find("]", place)) if found > 0])
    match draw.randrange(7):
        case 0:  # a value in the place of another
            changed = body[:place] + value + body[end:]
        case 1:  # the same key twice, or a new one
            changed = body.replace(
                "{", "{" + draw.choice(['"parcel"', '"records"', '"weight"', '"\ud83d"']) + f":{value},", 1
            )
        case 2:  # cut off
            changed = body[: draw.randrange(len(body))]
        case 3:  # something after the end, or before the beginning
            changed = draw.choice([body + value, value + body, "\ufeff" + body, body + body])
        case 4:  # a byte of noise
            raw = bytearray(body, "utf-8", "surrogatepass")
            raw[draw.randrange(len(raw))] = draw.randrange(256)
            return bytes(raw)
        case 5:  # nothing but a value
            changed = value
        case _:  # another encoding
            return body.encode(draw.choice(["utf-16", "utf-32", "utf-7", "utf-8-sig", "cp037"]))
    return changed.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "requests", [pytest.param(600), pytest.param(9_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_spoiled_bodies_are_answered(service: Any, requests: int) -> None:
    draw = random.Random(requests)  # noqa: S311 - a seed, no secret
    answered = dict.fromkeys(STATUSES, 0)
    for _ in range(requests):
        path = draw.choice(POSTED)
        headers: dict[str, Any] = dict(JSON)
        if draw.random() < 0.1:
            headers["Content-Type"] = draw.choice(CONTENT_TYPES).encode("latin-1")
        if draw.random() < 0.05:
            headers["Content-Encoding"] = draw.choice(ENCODINGS).encode("latin-1")
        response = service("POST", path, content=spoiled(valid_body(path, draw), draw), headers=headers)
        check(response)
        answered[response.status_code] += 1
    assert min(answered[status] for status in (200, 400, 415, 422)) > 0, answered


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("path", POSTED)
def test_every_strange_value_is_answered_in_every_place(service: Any, path: str, value: str) -> None:
    template = valid_body(path, random.Random(1))  # noqa: S311 - a seed, no secret
    places = [found for found, character in enumerate(template) if character == ":"][:8]
    assert len(places) > 1
    for place in places:
        end = min(found for found in (template.find(",", place), template.find("}", place)) if found > 0)
        body = template[: place + 1] + value + template[end:]
        check(service("POST", path, content=body.encode("utf-8", "surrogatepass"), headers=JSON))


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/explain"])
def test_of_a_key_that_comes_twice_the_last_value_counts(service: Any, path: str) -> None:
    body = json.dumps(record(1)).replace("{", '{"weight": 49.0, ', 1)
    repeated, plain = (
        service("POST", path, content=text, headers=JSON).json() for text in (body, json.dumps(record(1)))
    )
    assert repeated["score"] == plain["score"]


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("examples", [15, pytest.param(400, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_requests_made_from_the_document_are_answered_as_it_says(service: Any, mode: str, examples: int) -> None:
    import schemathesis

    document = service("GET", "/v1/openapi.json").json()
    made = schemathesis.openapi.from_dict(document)
    for found in made.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # an invalid document would fail here
        if operation.method == "get" and (mode == "negative" or not operation.path.startswith("/v1")):
            continue
        strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode[mode.upper()])

        @seed(20)
        @settings(
            max_examples=examples if operation.method == "post" else 2,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def ask(case: Any) -> None:
            sent = case.as_transport_kwargs(base_url="http://service")
            body = {"json": sent["json"]} if "json" in sent else {"content": sent.get("data", b"")}
            response = service(sent["method"], sent["url"], headers={"Content-Type": case.media_type or ""}, **body)
            if response.status_code != 503:  # `/readyz` of a store without events may say so
                check(response)
            answer = document["paths"][case.operation.path][case.operation.method]["responses"]
            assert str(response.status_code) in answer, (response.status_code, response.text)
            schema = answer[str(response.status_code)]["content"].get("application/json", {}).get("schema")
            if response.status_code == 200 and schema:
                Draft202012Validator({**schema, "components": document["components"]}).validate(response.json())

        ask()
