"""The lane around Ray's own way of a request; the integration tests see that the running service takes it."""

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import httpx
import pytest
import uvicorn

from eventually import eventually
from model_lifecycle.serving import fast_lane
from model_lifecycle.serving.fast_lane import middlewares
from model_lifecycle.serving.http import Receive, Response, Scope, Send, respond
from tiny_release import record


class Rays:
    """What of a replica the lane uses: Ray's own way, its limit, and its count of running requests."""

    def __init__(self, limit: int = 4) -> None:
        self._semaphore = asyncio.Semaphore(limit)
        self._metrics_manager = self
        self.running = self.most = 0

    def inc_num_ongoing_requests(self, metadata: Any) -> None:
        """Count as Ray does."""
        assert not metadata.is_direct_ingress
        self.running += 1
        self.most = max(self.most, self.running)

    def dec_num_ongoing_requests(self, metadata: Any) -> None:
        """Count as Ray does."""
        assert metadata.protocol is None
        self.running -= 1

    async def answer(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer as nobody else does."""
        self.headers = dict(scope["headers"])
        await respond(send, Response(b'"ray"', 418))


@pytest.fixture(autouse=True)
def mine(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_lane, "_applications", [api.application])


class Named:
    """A middleware as Ray's own, which gives requests their names."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on."""
        await self._app(scope, receive, send)


def lane(replica: Rays) -> Any:
    """Put the lane around Ray's own middleware, as Ray does."""
    (middleware,) = middlewares()
    return middleware.cls(Named(replica.answer), *middleware.args, **middleware.kwargs)


def ask(
    app: Any, path: str, *records: dict[str, object], headers: Mapping[bytes, bytes] = MappingProxyType({})
) -> list[int]:
    async def together() -> list[int]:
        sent = [(b"X-API-Key", b"a-key-that-only-the-tests-know"), *headers.items()]
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://service", headers=sent
        ) as client:
            found = await asyncio.gather(*(client.post(path, json=one) for one in records))
        return [response.status_code for response in found]

    return asyncio.run(together())


@pytest.mark.parametrize("path", ["/predict", "/v1/predict"])
def test_predictions_take_the_lane_and_are_counted_while_they_run(path: str) -> None:
    replica = Rays()
    assert ask(lane(replica), path, record(1), record(2)) == [200, 200]
    assert (replica.running, replica.most) == (0, 2)
    assert not replica._semaphore.locked()


def test_everything_else_goes_rays_way() -> None:
    replica = Rays()
    assert ask(lane(replica), "/v1/explain", record(1)) == [418]
    assert replica.most == 0


def what_ray_reads(headers: dict[bytes, bytes]) -> tuple[object, ...]:
    """Return what Ray's own code makes of them; it fails on what it cannot decode."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own models
        from ray.serve._private import constants, http_util
    named = headers.get(constants.SERVE_HTTP_REQUEST_ID_HEADER.encode(), b"").decode()
    models = [one for one in headers if one.decode().replace("-", "_") == constants.SERVE_MULTIPLEXED_MODEL_ID]
    return (
        named,
        http_util.parse_disconnect_disabled_header(headers),
        http_util.parse_request_timeout_header(headers, None),
        http_util.parse_session_id_header(headers),
        models,
    )


@pytest.mark.parametrize("path", ["/v1/healthz", "/v1/feedback"])
def test_no_client_gives_ray_orders_or_makes_it_fail(path: str) -> None:
    replica = Rays()
    orders = [b"X-Session-Id", b"x_session_id", b"serve_multiplexed_model_id", b"serve-multiplexed-model-id"]
    orders += [b"X-Request-Timeout-Seconds", b"X-Request-Disconnect-Disabled", b"X-Request-ID"]
    ask(lane(replica), path, record(1), headers=dict.fromkeys(orders, b"\xff"))
    assert what_ray_reads(replica.headers) == ("", False, None, "", [])
    assert replica.headers[b"content-type"] == b"application/json"
    ask(lane(replica), path, record(1), headers={b"X-Request-Timeout-Seconds": b"1e-6", b"X-Request-ID": b"mine"})
    assert what_ray_reads(replica.headers) == ("mine", False, None, "", [])


def test_where_no_slot_is_free_ray_decides() -> None:
    replica = Rays(limit=1)
    assert sorted(ask(lane(replica), "/predict", record(1), record(2))) == [200, 418]
    assert ask(lane(replica), "/predict", record(3)) == [200]


def test_a_refused_request_gives_its_slot_back() -> None:
    replica = Rays(limit=1)
    app = lane(replica)
    assert ask(app, "/predict", {"odd": 1}) == [422]
    assert ask(app, "/predict", record(1)) == [200]


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an application with uvicorn, as a replica does, and tell where."""
    server = uvicorn.Server(uvicorn.Config(app, http="httptools", lifespan="off", log_level="warning"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            eventually(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def test_answers_are_freed_at_once_and_do_not_wait_for_the_collector() -> None:
    headers = {"X-API-Key": "a-key-that-only-the-tests-know"}
    with served(lane(Rays())) as url, httpx.Client(headers=headers, trust_env=False) as client:
        gc.disable()
        try:
            assert {client.post(url + "/v1/predict", json=record(1)).status_code for _ in range(20)} == {200}
            kept = [one for one in gc.get_objects() if type(one).__name__ == "RequestResponseCycle"]
        finally:
            gc.enable()
    assert len(kept) <= 1  # the last one, on a connection that stays open


def test_in_a_server_that_is_no_replica_as_expected_there_is_no_lane() -> None:
    class Other(Rays):
        def __init__(self) -> None:
            super().__init__()
            del self._semaphore

    assert ask(lane(Other()), "/predict", record(1)) == [418]
