"""The little of HTTP that the service needs, straight on ASGI."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from model_lifecycle.serving.problem import Problem
from model_lifecycle.serving.settings import Limits

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
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
    """Return a problem as an answer, with a name for this occurrence."""
    problem.instance = f"urn:uuid:{uuid4()}"
    return Response(problem.body(), problem.status, PROBLEM, tuple(problem.headers))


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of that (lower-case) name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


class BodyReader:
    """Reads the bodies of JSON requests within the limits of one and of all together.

    Parameters
    ----------
    limits : Limits
        Of size, of parts, of time, and of what may be on its way at the same moment.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._arriving = 0

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """Return a body.

        Raises
        ------
        Problem
            415 when it is declared as something else or compressed, 413 when it is too large or comes in too many
            parts, 408 when it takes too long, 503 when too many bodies are on their way.
        """
        kind = (header(scope, b"content-type") or b"").split(b";")[0].strip().lower()
        if kind != JSON:
            found = kind.decode("ascii", "backslashreplace")[:100] or "none"
            raise Problem(415, f"content type is {found}, expected {JSON.decode()}")
        encoding = header(scope, b"content-encoding") or b"identity"
        if encoding.lower() != b"identity":
            raise Problem(415, "the body is compressed, expected it plain", headers=[(b"accept-encoding", b"identity")])
        declared = header(scope, b"content-length")
        if declared is not None and declared.isdigit() and int(declared[:20]) > self._limits.body_bytes:
            raise self._too_large()
        first = _Begun(receive())
        message = first.result
        if message is not None and message["type"] == "http.request" and not message.get("more_body", False):
            body: bytes = message.get("body", b"")
            if len(body) > self._limits.body_bytes:
                raise self._too_large()
            return body
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                return await self._rest(await first, receive)
        except TimeoutError as error:
            detail = f"the body did not arrive within {self._limits.body_seconds:g} s"
            raise Problem(408, detail, headers=_CLOSE) from error

    async def _rest(self, message: Message, receive: Receive) -> bytes:
        """Take the parts of a body; what is not whole yet counts against the limit of all."""
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                if message["type"] == "http.disconnect":
                    raise Problem(400, "the client went away before the body was whole")
                part = message.get("body", b"")
                parts.append(part)
                size += len(part)
                self._arriving += len(part)
                if size > self._limits.body_bytes:
                    raise self._too_large()
                if len(parts) > self._limits.chunks:
                    raise Problem(413, f"the body comes in more than {self._limits.chunks} parts", headers=_CLOSE)
                if self._arriving > self._limits.arriving_bytes:
                    raise Problem(503, "too many bodies are on their way; try again", retry_after=1, headers=_CLOSE)
                if not message.get("more_body", False):
                    return b"".join(parts)
                message = await receive()
        finally:
            self._arriving -= size

    def _too_large(self) -> Problem:
        return Problem(413, f"the body is larger than {self._limits.body_bytes} bytes", headers=_CLOSE)


class _Begun:
    """Something to wait for, gone as far as it goes at once: most bodies are there, and a timer costs more.

    Parameters
    ----------
    awaitable : awaitable
        What is begun.
    """

    def __init__(self, awaitable: Awaitable[Message]) -> None:
        self.result: Message | None = None
        self._steps = awaitable.__await__()
        try:
            self._waits_for = next(self._steps)
        except StopIteration as ended:
            self.result = ended.value

    def __await__(self) -> Generator[Any, Any, Message]:
        """Go on where it waits."""
        if self.result is None:
            try:
                yield self._waits_for
            except BaseException:
                self._steps.close()
                raise
            self.result = yield from self._steps
        return self.result


# The rest of the body is not read, so the connection cannot be used again.
_CLOSE = ((b"connection", b"close"),)


async def respond(send: Send, response: Response, with_body: bool = True) -> None:
    """Send an answer; a HEAD request gets the headers alone."""
    headers = [
        (b"content-type", response.content_type),
        (b"content-length", str(len(response.body)).encode()),
        *response.headers,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body if with_body else b""})
