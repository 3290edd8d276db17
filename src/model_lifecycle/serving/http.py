"""The little of HTTP that the service needs, straight on ASGI."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from model_lifecycle.serving.problem import Problem

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

JSON = b"application/json"
PROBLEM = b"application/problem+json"


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


def problem_response(problem: Problem) -> Response:
    """Return a problem as an answer."""
    return Response(problem.body(), problem.status, PROBLEM, tuple(problem.headers))


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of that (lower-case) name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


async def read_json_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the body of a JSON request.

    Raises
    ------
    Problem
        415 when it is declared as something else, 413 when it is larger than `limit` bytes.
    """
    kind = (header(scope, b"content-type") or b"").split(b";")[0].strip().lower()
    if kind != JSON:
        found = kind.decode("ascii", "backslashreplace") or "none"
        raise Problem(415, f"content type is {found}, expected {JSON.decode()}")
    encoding = header(scope, b"content-encoding") or b"identity"
    if encoding.lower() != b"identity":
        raise Problem(415, "the body is compressed, expected it plain")
    declared = header(scope, b"content-length")
    if declared is not None and declared.isdigit() and int(declared[:20]) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "the client went away before the body was whole")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> Problem:
    # The rest of the body is not read, so the connection cannot be used again.
    return Problem(413, f"the body is larger than {limit} bytes", headers=[(b"connection", b"close")])


async def respond(send: Send, response: Response, with_body: bool = True) -> None:
    """Send an answer; a HEAD request gets the headers alone."""
    headers = [
        (b"content-type", response.content_type),
        (b"content-length", str(len(response.body)).encode()),
        *response.headers,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body if with_body else b""})
