"""The service as a bare ASGI application: one table of routes, both spellings of each path."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from model_lifecycle.serving.http import (
    BodyReader,
    Receive,
    Response,
    Scope,
    Send,
    header,
    problem_response,
    respond,
)
from model_lifecycle.serving.problem import Problem, forget_frames, reason, where
from model_lifecycle.serving.service import Service

logger = logging.getLogger(__name__)

PREFIX = "/v1"
Handler = Callable[[Scope, Receive], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One path: its method, its handler, and the scope that its key must have; None asks for no key."""

    path: str
    method: str
    handler: Handler
    scope: str | None


class Application:
    """Routes requests to the service; no error leaves it as anything but a problem document.

    Parameters
    ----------
    make : callable
        Makes the service; it is called at start-up, so that what it holds belongs to this process.
    """

    def __init__(self, make: Callable[[], Service]) -> None:
        self._make = make
        self._routes: dict[str, Route] = {}

    def start(self) -> None:
        """Make the service and its routes; a second call does nothing."""
        if self._routes:
            return
        service = self._make()
        self.service = service
        self._bodies = BodyReader(service.limits)
        routes = (
            Route("/predict", "POST", self._predict, "predict"),
            Route("/explain", "POST", self._explain, "predict"),
            Route("/feedback", "POST", self._feedback, "feedback"),
            Route("/model", "GET", _answered(service.model), "predict"),
            Route("/metrics", "GET", self._metrics, "admin"),
            Route("/healthz", "GET", _answered(service.alive), None),
            Route("/readyz", "GET", self._ready, None),
            Route("/openapi.json", "GET", _answered(service.openapi), None),
            Route("/docs", "GET", self._docs, None),
        )
        self._routes = {path: route for route in routes for path in (route.path, PREFIX + route.path)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    self.start()
                except Exception as error:
                    logger.error("the service cannot start: %s", reason(error))
                    await send({"type": "lifespan.startup.failed", "message": reason(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                self.service.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        route = self._routes.get(scope["path"])
        try:
            response = await self._dispatch(route, scope, receive)
        except Problem as problem:
            response = problem_response(problem)
            forget_frames(problem)
        except Exception as error:
            fault = Problem(500, "the service failed on this request; its log says why")
            response = problem_response(fault)
            place = route.path if route else "an unknown path"
            logger.error("%s %s failed (%s): %s", scope["method"], place, fault.instance, where(error))
            forget_frames(error)
        # Paths that do not exist are counted as one, or a scanner could fill the memory with them.
        path = route.path if route else "unknown"
        self.service.metrics.answered(path, response.status, time.perf_counter() - started)
        await respond(send, response, with_body=scope["method"] != "HEAD")

    async def _dispatch(self, route: Route | None, scope: Scope, receive: Receive) -> Response:
        if route is None:
            raise Problem(404, f"no such path; the paths are in {PREFIX}/openapi.json")
        method = scope["method"]
        if method != route.method and (method, route.method) != ("HEAD", "GET"):
            raise Problem(405, f"method {method}, expected {route.method}", headers=[(b"allow", route.method.encode())])
        if route.scope is not None:
            self._admit(route.scope, _key(scope))
        return await route.handler(scope, receive)

    def _admit(self, scope: str, key: bytes) -> None:
        scopes = self.service.keys.scopes(key)
        if scopes is None:
            raise Problem(
                401,
                "the API key is missing or wrong; expected it in the header X-API-Key",
                headers=[(b"www-authenticate", b'Bearer realm="model-lifecycle"')],
            )
        if scope not in scopes and "admin" not in scopes:
            raise Problem(403, f"this API key may {', '.join(sorted(scopes))}; expected one with scope {scope}")

    async def _predict(self, scope: Scope, receive: Receive) -> Response:
        body = await self._bodies.read(scope, receive)
        key = header(scope, b"idempotency-key")
        return Response(msgspec.json.encode(await self.service.predict(body, key)))

    async def _explain(self, scope: Scope, receive: Receive) -> Response:
        body = await self._bodies.read(scope, receive)
        return Response(msgspec.json.encode(await self.service.explain(body)))

    async def _feedback(self, scope: Scope, receive: Receive) -> Response:
        body = await self._bodies.read(scope, receive)
        return Response(msgspec.json.encode(await self.service.feedback(body)))

    async def _ready(self, _scope: Scope, _receive: Receive) -> Response:
        ready, state = self.service.ready()
        return Response(msgspec.json.encode(state), 200 if ready else 503, headers=() if ready else _RETRY)

    async def _metrics(self, _scope: Scope, _receive: Receive) -> Response:
        return Response(self.service.render_metrics(), content_type=b"text/plain; version=0.0.4; charset=utf-8")

    async def _docs(self, _scope: Scope, _receive: Receive) -> Response:
        return Response(self.service.docs(), content_type=b"text/html; charset=utf-8", headers=_DOCS_HEADERS)


_RETRY = ((b"retry-after", b"1"),)
# The page loads nothing from elsewhere, and nothing else may put it in a frame.
_DOCS_HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
            b"frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
)


def _answered(make: Callable[[], object]) -> Handler:
    async def handler(_scope: Scope, _receive: Receive) -> Response:
        return Response(msgspec.json.encode(make()))

    return handler


def _key(scope: Scope) -> bytes:
    key = header(scope, b"x-api-key")
    if key is not None:
        return key
    scheme, _, token = (header(scope, b"authorization") or b"").partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""
