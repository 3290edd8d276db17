"""A small client: typed, with time-outs, and with retries where sending again is safe."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from model_lifecycle.contracts.records import EventRecord, LabelRecord
from model_lifecycle.errors import ServingError

# The service says when to come again; these mean that nothing was done.
_LATER = frozenset({429, 503})
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


class RequestRefused(ServingError):
    """The service answered with an error.

    Attributes
    ----------
    status : int
        HTTP status.
    errors : tuple of mapping
        The wrong fields: ``row``, ``field``, ``found``, ``expected``.
    """

    def __init__(self, status: int, detail: str, errors: Sequence[Mapping[str, Any]]) -> None:
        self.status = status
        self.errors = tuple(errors)
        first = "; {field}: found {found}, expected {expected}".format_map(errors[0]) if errors else ""
        super().__init__(f"the service answered {status}: {detail}{first}")


@dataclass(frozen=True, slots=True)
class PredictionAnswer:
    """One prediction as the service answered it."""

    prediction_id: str
    score: float
    decision: str
    outputs: Mapping[str, float]
    release: str
    threshold: float | None
    watermark: int
    newest_known_at: datetime | None
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


class Client:
    """Talks to one service over one pool of connections; safe to share by threads.

    Parameters
    ----------
    url : str
        Such as ``http://127.0.0.1:8000``.
    key : str
        The API key.
    timeout : float
        Seconds for one try.
    retries : int
        Further tries after a failed connection, a 429 or a 503.
    on_retry : callable, optional
        Called before each further try, from the thread that asks.
    """

    def __init__(
        self,
        url: str,
        key: str,
        timeout: float = 10.0,
        retries: int = 5,
        on_retry: Callable[[], None] | None = None,
    ) -> None:
        # No proxy and no credentials from the environment: the service is where the URL says.
        self._http = httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=timeout, trust_env=False)
        self._retries = retries
        self._on_retry = on_retry or (lambda: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def predict(self, records: Sequence[Mapping[str, object]]) -> list[PredictionAnswer]:
        """Score records; a try that got no answer is not repeated, since it may be in the log.

        Raises
        ------
        RequestRefused
            If the service refuses them.
        ServingError
            If it does not answer.
        """
        answer = self._send("POST", "/v1/predict", {"records": list(records)}, repeatable=False)
        return [_prediction(found) for found in answer["predictions"]]

    def feedback(
        self, labels: Sequence[LabelRecord] = (), events: Sequence[EventRecord] = ()
    ) -> dict[str, dict[str, int]]:
        """Send labels and events, and return the service's counts; it is safe to send them again.

        Raises
        ------
        RequestRefused
            If the service refuses them.
        ServingError
            If it does not answer.
        """
        body = {"labels": [_label(label) for label in labels], "events": [_event(event) for event in events]}
        answer: dict[str, dict[str, int]] = self._send("POST", "/v1/feedback", body, repeatable=True)
        return answer

    def model(self) -> dict[str, Any]:
        """Return what the service says about its release."""
        answer: dict[str, Any] = self._send("GET", "/v1/model", None, repeatable=True)
        return answer

    def watermark(self) -> int:
        """Return how far the service has read the events: the highest sequence."""
        return int(self._send("GET", "/readyz", None, repeatable=True)["watermark"])

    def is_ready(self) -> bool:
        """Tell whether the service can answer now."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _send(self, method: str, path: str, body: object, repeatable: bool) -> Any:
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                response = self._http.request(method, path, json=body)
            except httpx.TransportError as error:
                unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
                if last or not (repeatable or unsent):
                    raise ServingError(f"{method} {path}: no answer ({type(error).__name__}: {error})") from error
                self._on_retry()
                _pause(attempt, None)
                continue
            if response.status_code in _LATER and not last:
                self._on_retry()
                _pause(attempt, response.headers.get("retry-after"))
                continue
            return _content(response)
        raise AssertionError("unreachable")


def _pause(attempt: int, advice: str | None) -> None:
    pause = float(advice) if advice is not None and advice.isdigit() else _FIRST_PAUSE * 2**attempt
    # Spread, so that clients that failed together do not come back together.
    time.sleep(min(pause, _LONGEST_PAUSE) * random.uniform(0.5, 1.0))  # noqa: S311 - no secret


def _content(response: httpx.Response) -> Any:
    try:
        document = response.json()
    except ValueError as error:
        raise ServingError(f"the service answered {response.status_code} without JSON") from error
    if response.is_success:
        return document
    detail = document.get("detail", "") if isinstance(document, dict) else ""
    errors = document.get("errors", ()) if isinstance(document, dict) else ()
    raise RequestRefused(response.status_code, detail, errors)


def _prediction(found: Mapping[str, Any]) -> PredictionAnswer:
    newest = found["history"]["newest_known_at"]
    return PredictionAnswer(
        prediction_id=found["prediction_id"],
        score=found["score"],
        decision=found["decision"],
        outputs=found["outputs"],
        release=found["release"],
        threshold=found["threshold"],
        watermark=found["history"]["watermark"],
        newest_known_at=None if newest is None else datetime.fromisoformat(newest),
        missing=tuple(found["missing"]),
        unknown=tuple(found["unknown"]),
    )


def _label(label: LabelRecord) -> dict[str, object]:
    return {
        "decision_id": label.decision_id,
        "label_time": label.label_time.isoformat(),
        "outcome": label.outcome,
        "value": label.value,
        "reason": label.reason,
    }


def _event(event: EventRecord) -> dict[str, object]:
    return {
        "event_id": event.event_id,
        "kind": event.kind,
        "event_time": event.event_time.isoformat(),
        "known_at": event.known_at.isoformat(),
        "payload": dict(event.payload),
    }
