"""A receiver of webhooks on loopback, as real as the sender sees it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What was received, and what is answered: status, headers and body by the number of the request."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answer: Callable[[int], Answer] = lambda _: (204, {}, b"")


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            receiver.received.append(Received(self.path, {name.lower(): v for name, v in self.headers.items()}, body))
            status, headers, content = receiver.answer(len(receiver.received))
            try:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # the sender has given up
                pass

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True  # a handler that hangs on purpose

    with Server(("127.0.0.1", 0), Handler) as http:
        receiver.url = f"http://127.0.0.1:{http.server_address[1]}/hook"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield receiver
        http.shutdown()
        thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found
