"""Predictions pass by what Ray does for each request: an ASGI middleware around the HTTP server of a replica.

Ray 2.60 wraps each request in two identifiers, two tasks, a context for traces, an access log and metrics of its own,
which together cost as much as the prediction. Predictions need none of them. What they do need is counted here as Ray
counts it: running requests, by which replicas are scaled and drained, and their limit. Ray calls `middlewares` by its
import path (``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH``); where it is made otherwise than this module expects, or
no slot is free, a request goes Ray's own way, without the headers by which a client would give Ray orders.
"""

import gc
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # Ray's proxies import this module as well, and need nothing of the rest
    from model_lifecycle.serving.application import Application
    from model_lifecycle.serving.http import Headers, Receive, Scope, Send

CALLBACK = f"{__name__}:middlewares"
_PATHS = frozenset({"/predict", "/v1/predict"})
# What Ray 2.60 reads from a request: it fails on values that are not UTF-8, and answers by itself when its time is up.
_ORDERS = frozenset(
    {b"x-request-timeout-seconds", b"x-request-disconnect-disabled", b"x-session-id", b"serve-multiplexed-model-id"}
)
_NAME = b"x-request-id"  # it gives this one back; where there is none, it makes one
# New containers between two looks for cycles. A batch makes thousands, none of them in a cycle; of what is in one, so
# many are let go within some milliseconds.
_BETWEEN_COLLECTIONS = 10_000
# How long the log's thread waits for its turn while predictions are computed; Python's own 5 ms are as long as a batch.
_TURN_SECONDS = 0.0005
_applications: "list[Application]" = []


def serves(application: "Application") -> None:
    """Tell which application answers in this process, once it holds what it needs."""
    _applications[:] = [application]
    # What is loaded stays: there is no use in looking through it for garbage again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_BETWEEN_COLLECTIONS)
    sys.setswitchinterval(_TURN_SECONDS)


def middlewares() -> list[Any]:
    """Return what Ray puts around its HTTP servers."""
    from starlette.middleware import Middleware

    return [Middleware(FastLane)]


class FastLane:
    """Sends predictions straight to the application, and everything else Ray's way.

    Parameters
    ----------
    app : ASGI application
        Ray's: of a replica, or of its proxy, in which there is no application of ours.
    """

    def __init__(self, app: Any) -> None:
        self._rays = app
        self._slots = _Slots.of(app)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one ASGI connection."""
        slots = self._slots
        if slots is None or not _applications or scope.get("path") not in _PATHS or slots.semaphore.locked():
            if "headers" in scope:
                scope["headers"] = _without_orders(scope["headers"])
            await self._rays(scope, receive, send)
            return
        await slots.semaphore.acquire()
        slots.metrics.inc_num_ongoing_requests(_COUNTED)
        cork = _Cork.put_on(send)
        try:
            await _applications[0](scope, receive, send)
        finally:
            cork.take_off()
            slots.metrics.dec_num_ongoing_requests(_COUNTED)
            slots.semaphore.release()


def _without_orders(headers: "Headers") -> list[tuple[bytes, bytes]]:
    """Leave out what Ray would obey, in each spelling that it takes, and a name of the request that is not ASCII."""
    spelled = ((name.replace(b"_", b"-"), name, value) for name, value in headers)
    return [
        (name, value) for plain, name, value in spelled if plain not in _ORDERS and (plain != _NAME or value.isascii())
    ]


class _Cork:
    """Holds back the head of an answer until its body is there: one packet instead of two, and one system call.

    It stands in for the transport that an answer of uvicorn is written to.
    """

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self._transport: Any = getattr(answer, "transport", None)
        self._held = b""

    @classmethod
    def put_on(cls, send: "Send") -> "_Cork":
        """Put one on, where the server is uvicorn; elsewhere it holds nothing."""
        cork = cls(getattr(send, "__self__", None))
        if cork._transport is not None and hasattr(cork._answer, "response_started"):
            cork._answer.transport = cork
        return cork

    def write(self, data: bytes) -> None:
        """Hold the head, and write it with what follows."""
        if self._held:
            data, self._held = self._held + data, b""
        elif self._answer.response_started:  # before, this is 100 Continue
            self._held = data
            return
        self._transport.write(data)

    def take_off(self) -> None:
        """Write what is held, and give the answer its transport back: a circle of the two waits for the collector."""
        self.flush()
        if getattr(self._answer, "transport", None) is self:
            self._answer.transport = self._transport

    def flush(self) -> None:
        """Write what is held."""
        if self._held:
            self._transport.write(self._held)
            self._held = b""

    def close(self) -> None:
        """Close the connection once all is written."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Return what else a transport has."""
        return getattr(self._transport, name)


@dataclass(frozen=True, slots=True)
class _Counted:
    """What Ray looks at when it counts a request."""

    protocol: None = None
    is_direct_ingress: bool = False  # or it would write ingress metrics as well, which nobody reads here


_COUNTED = _Counted()


@dataclass(frozen=True, slots=True)
class _Slots:
    """Where a replica of Ray counts its running requests."""

    semaphore: Any
    metrics: Any

    @classmethod
    def of(cls, app: Any) -> "_Slots | None":
        """Find them below Ray's own middlewares, None if this is no replica as Ray 2.60 makes it."""
        for _ in range(10):
            replica = getattr(app, "__self__", None)
            if replica is not None:
                break
            app = getattr(app, "_app", None)
        semaphore, metrics = getattr(replica, "_semaphore", None), getattr(replica, "_metrics_manager", None)
        known = all(callable(getattr(semaphore, name, None)) for name in ("locked", "acquire", "release")) and all(
            callable(getattr(metrics, f"{name}_num_ongoing_requests", None)) for name in ("inc", "dec")
        )
        return cls(semaphore, metrics) if known else None
