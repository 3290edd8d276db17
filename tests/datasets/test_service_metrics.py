"""Metrics over real HTTP, and no fault when there is no service."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from model_lifecycle.datasets.service_metrics import ServiceMetrics


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        allowed = self.headers["X-API-Key"] == "secret" and self.path == "/metrics"
        self.send_response(200 if allowed else 401)
        self.end_headers()
        self.wfile.write(b"up 1\n" if allowed else b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_text_of_a_running_service_is_read_with_its_key(url: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n", encoding="utf-8")
    found = ServiceMetrics(url, str(tmp_path / "key")).load()
    assert (found.text, found.reason) == ("up 1\n", "")


def test_a_refusal_is_a_reason(url: str, tmp_path: Path) -> None:
    found = ServiceMetrics(url, str(tmp_path / "absent")).load()
    assert (found.text, found.reason) == (None, f"{url}/metrics answered 401")


def test_no_service_is_a_reason_and_no_fault(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        free = server.server_port
    found = ServiceMetrics(f"http://127.0.0.1:{free}", str(tmp_path / "absent")).load()
    assert (found.text, found.reason) == (None, f"no answer from http://127.0.0.1:{free}/metrics (ConnectError)")
