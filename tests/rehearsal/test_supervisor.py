"""A service that is a local HTTP server: it can be shut, and another one started."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from model_lifecycle.client import Client
from model_lifecycle.errors import ServingError
from model_lifecycle.rehearsal import supervisor as module
from model_lifecycle.rehearsal.supervisor import Supervisor
from model_lifecycle.serving.process import RunningService


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Boots:
    """Starts servers and keeps them, so that a test can shut one."""

    def __init__(self) -> None:
        self.servers: list[ThreadingHTTPServer] = []

    @contextmanager
    def __call__(self) -> Iterator[RunningService]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Ready)
        Thread(target=server.serve_forever, daemon=True).start()
        self.servers.append(server)
        try:
            yield RunningService(f"http://127.0.0.1:{server.server_port}", "key", 0, Path("log"))
        finally:
            self.shut(server)

    @staticmethod
    def shut(server: ThreadingHTTPServer) -> None:
        server.shutdown()
        server.server_close()


@pytest.fixture
def boots(monkeypatch: pytest.MonkeyPatch) -> Boots:
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.05)
    return Boots()


def _connect(service: RunningService) -> Client:
    return Client(service.url, service.key)


def test_a_service_that_answers_is_left_alone(boots: Boots) -> None:
    with Supervisor(boots, _connect) as keeper:
        assert keeper.recover(keeper.client) is keeper.client
        assert (len(boots.servers), keeper.restarts) == (1, [])


def test_one_that_is_dead_is_started_again_once_for_all_who_ask(boots: Boots) -> None:
    with Supervisor(boots, _connect) as keeper:
        old = keeper.client
        boots.shut(boots.servers[0])
        new = keeper.recover(old)
        assert new is not old
        assert new.is_ready()
        assert keeper.recover(old) is new
        assert (len(boots.servers), len(keeper.restarts)) == (2, 1)


def test_a_service_that_does_not_come_up_is_an_error(boots: Boots) -> None:
    @contextmanager
    def fails() -> Iterator[RunningService]:
        raise ServingError("no port")
        yield

    with Supervisor(boots, _connect) as keeper:
        keeper.boot = fails
        boots.shut(boots.servers[0])
        with pytest.raises(ServingError, match="no port"):
            keeper.recover(keeper.client)


def test_the_service_is_stopped_at_the_end(boots: Boots) -> None:
    with Supervisor(boots, _connect) as keeper:
        client = keeper.client
    with _connect(keeper.service) as probe:
        assert not probe.is_ready()
    assert client is keeper.client
