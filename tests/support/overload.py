"""As many requests as a service takes in, from connections that never wait."""

import json
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from model_lifecycle.serving.process import RunningService


@dataclass
class Overloaded:
    """What became of the requests; ``strange`` are those that were neither answered nor refused as they should be."""

    asked: int = 0
    answered: int = 0
    refusals: list[float] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """The 99th percentile of the seconds that a refusal took."""
        return float(np.quantile(self.refusals, 0.99)) if self.refusals else 0.0


def overload(
    service: RunningService, records: Sequence[dict[str, object]], seconds: float, connections: int
) -> Overloaded:
    """Send the same batch again and again over many connections."""
    body = json.dumps({"records": records}).encode()
    head = (
        f"POST /v1/predict HTTP/1.1\r\nHost: service\r\nX-API-Key: {service.key}\r\nContent-Type: application/json\r\n"
    )
    sent = head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
    port = int(service.url.rsplit(":", 1)[1])
    found, lock, until = Overloaded(), threading.Lock(), time.monotonic() + seconds

    def ask() -> None:
        while time.monotonic() < until:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                while time.monotonic() < until:
                    began = time.monotonic()
                    connection.sendall(sent)
                    answer = _answer(connection)
                    with lock:
                        _count(found, answer, time.monotonic() - began)
                    if b"connection: close" in answer.lower():
                        break

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _answer(connection: socket.socket) -> bytes:
    """Return the head of one answer, and read its body."""
    came = b""
    while b"\r\n\r\n" not in came:
        came += _received(connection, 65536)
    head, _, rest = came.partition(b"\r\n\r\n")
    (length,) = (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    left = length - len(rest)
    while left > 0:
        left -= len(_received(connection, min(left, 65536)))
    return head


def _received(connection: socket.socket, most: int) -> bytes:
    part = connection.recv(most)
    if not part:
        raise ConnectionError("the service closed the connection in the middle of an answer")
    return part


def _count(found: Overloaded, head: bytes, took: float) -> None:
    found.asked += 1
    if head.startswith(b"HTTP/1.1 200 "):
        found.answered += 1
    elif head.startswith((b"HTTP/1.1 429 ", b"HTTP/1.1 503 ")) and b"retry-after:" in head.lower():
        found.refusals.append(took)
    else:
        found.strange.append(head.decode(errors="replace")[:200])
