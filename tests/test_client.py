import http.server
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from model_lifecycle import client as client_module
from model_lifecycle.client import Client, RequestRefused
from model_lifecycle.errors import ServingError
from tiny_release import record

Answer = tuple[int, dict[str, str], bytes]


class Seen(list[str]):
    """Bodies that came in, and beside them their headers."""

    def __init__(self) -> None:
        super().__init__()
        self.headers: list[dict[str, str]] = []


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_LONGEST_PAUSE", 0.01)


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[str, Seen]]]:
    """A server that gives prepared answers one after the other; None hangs up."""
    servers = []

    def start(*answers: Answer | None) -> tuple[str, Seen]:
        left, seen = list(answers), Seen()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                seen.headers.append(dict(self.headers))
                seen.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                answer = left.pop(0)
                if answer is None:
                    self.connection.close()
                    return
                self.send_response(answer[0])
                for name, value in {**answer[1], "Content-Length": str(len(answer[2]))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer[2])

            def log_message(self, *_: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}", seen

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


GOOD: Answer = (200, {}, b'{"predictions": []}')
BUSY: Answer = (503, {"Retry-After": "1"}, b'{"detail": "later"}')


def test_a_busy_service_is_asked_again(serve: Any) -> None:
    url, seen = serve(BUSY, (429, {}, b"{}"), GOOD)
    with Client(url, "key") as client:
        assert client.predict([record(1)]) == []
    assert [json.loads(body) for body in seen] == [{"records": [record(1)]}] * 3


def test_an_answer_tells_what_to_do_beside_what_is_advised(serve: Any) -> None:
    history = {"watermark": 7, "newest_known_at": "2024-07-01T03:59:00+00:00", "complete": False}
    told = {
        "prediction_id": "p1", "id": "P-1", "score": 0.9, "decision": "act", "outputs": {}, "release": "r1",
        "role": "canary", "action": "leave", "propensity": 0.1, "threshold": 0.4, "history": history,
        "missing": ["weight"], "unknown": [],
    }  # fmt: skip
    url, _ = serve((200, {}, json.dumps({"predictions": [told]}).encode()))
    with Client(url, "key") as client:
        answer = client.predict_one(record(1))
    assert (answer.decision, answer.action, answer.propensity, answer.role) == ("act", "leave", 0.1, "canary")
    assert (answer.watermark, answer.complete, answer.missing) == (7, False, ("weight",))
    assert answer.newest_known_at == datetime(2024, 7, 1, 3, 59, tzinfo=UTC)


def test_the_pause_that_the_service_asks_for_is_kept(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(client_module, "_LONGEST_PAUSE", 5.0)
    monkeypatch.setattr("model_lifecycle.client.time.sleep", pauses.append)
    url, _ = serve((503, {"Retry-After": "4"}, b"{}"), (503, {"Retry-After": "3600"}, b"{}"), GOOD)
    with Client(url, "key") as client:
        client.predict([record(1)])
    assert 2.0 <= pauses[0] <= 4.0
    assert 2.5 <= pauses[1] <= 5.0


def test_a_service_that_stays_busy_is_given_up(serve: Any) -> None:
    url, seen = serve(BUSY, BUSY)
    with Client(url, "key", retries=1) as client, pytest.raises(RequestRefused, match="answered 503: later"):
        client.predict([record(1)])
    assert len(seen) == 2


def test_a_prediction_whose_answer_was_lost_is_asked_for_again_with_the_same_idempotency_key(serve: Any) -> None:
    url, seen = serve(None, (502, {}, b""), GOOD, GOOD)
    with Client(url, "key") as client:
        client.predict([record(1)])
        client.predict([record(1)], idempotency_key="order-7")
    keys = [headers["Idempotency-Key"] for headers in seen.headers]
    assert len(seen) == 4
    assert (len(set(keys[:3])), len(keys[0]), keys[3]) == (1, 32, "order-7")


def test_feedback_whose_answer_was_lost_is_sent_again(serve: Any) -> None:
    url, seen = serve(None, (200, {}, b'{"labels": {}, "events": {}}'))
    with Client(url, "key") as client:
        assert client.feedback() == {"labels": {}, "events": {}}
    assert len(seen) == 2


def test_a_refusal_is_told_with_its_first_wrong_field(serve: Any) -> None:
    errors = [{"row": 0, "field": "weight", "found": "-1", "expected": "a number >= 0"}]
    url, _ = serve((422, {}, json.dumps({"detail": "1 wrong field", "errors": errors}).encode()))
    with (
        Client(url, "key") as client,
        pytest.raises(RequestRefused, match="weight: found -1, expected a number") as info,
    ):
        client.predict([record(1, weight=-1)])
    assert (info.value.status, info.value.errors[0]["row"]) == (422, 0)


def test_an_answer_that_is_not_json_is_told(serve: Any) -> None:
    url, _ = serve((500, {}, b"<html>"))
    with Client(url, "key") as client, pytest.raises(ServingError, match="answered 500 without JSON"):
        client.predict([record(1)])


def test_a_service_that_is_not_there_is_told_and_is_not_ready() -> None:
    with Client("http://127.0.0.1:9", "key", retries=1) as client:
        assert not client.is_ready()
        with pytest.raises(ServingError, match=r"GET /v1/model: no answer \(ConnectError"):
            client.model()
