"""A client of the service: typed, with time-outs, and with retries that are safe.

>>> from model_lifecycle.client import Client
>>> with Client("http://127.0.0.1:8000", key) as client:  # doctest: +SKIP
...     answer = client.predict_one({"weight": 2.5, ...})
...     answer.action, answer.score

A try that got no answer may have been done: predictions carry an idempotency key, so that the service gives the
same answer again and has one row in its log; labels and events are idempotent by themselves.
"""

import random
import secrets
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from model_lifecycle.contracts.records import EventRecord, LabelRecord
from model_lifecycle.errors import ServingError
from model_lifecycle.retry_after import asked_pause

IDEMPOTENCY_HEADER = "Idempotency-Key"
# The service says when to come again; these mean that nothing was done.
_LATER = frozenset({429, 503})
# What lay between client and service failed; what was asked may have been done.
_UNCERTAIN = frozenset({502, 504})
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
    """One prediction as the service answered it.

    ``decision`` is what is advised, ``action`` what to do and ``propensity`` the probability of that: they differ where
    the service withholds a share of the advice (``control.share``). ``role`` tells champion from canary. ``missing``
    and ``unknown`` name inputs that were missing, or of a category that the release has never seen; ``watermark`` and
    ``newest_known_at`` say how fresh the events behind its history features are, and ``complete`` is false where they
    do not reach back over the longest window.
    """

    prediction_id: str
    score: float
    decision: str
    action: str
    propensity: float
    outputs: Mapping[str, float]
    release: str
    role: str
    threshold: float | None
    watermark: int
    newest_known_at: datetime | None
    complete: bool
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
        Further tries after a failed connection, no answer, a 429, 502, 503 or 504; after pauses that grow, or
        that the service asks for, of 2 s at the most.
    on_retry : callable, optional
        Called before each further try, from the thread that asks.
    certificate : path, optional
        PEM file of the authority that signed the service's certificate, where this machine does not know it.
    """

    def __init__(
        self,
        url: str,
        key: str,
        timeout: float = 10.0,
        retries: int = 5,
        on_retry: Callable[[], None] | None = None,
        certificate: str | Path | None = None,
    ) -> None:
        trusted = True if certificate is None else ssl.create_default_context(cafile=certificate)
        # No proxy and no credentials from the environment: the service is where the URL says.
        self._http = httpx.Client(
            base_url=url, headers={"X-API-Key": key}, timeout=timeout, trust_env=False, verify=trusted
        )
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

    def predict(
        self, records: Sequence[Mapping[str, object]], idempotency_key: str | None = None
    ) -> list[PredictionAnswer]:
        """Score records, and return their predictions in the same order; all tries of one call are one request.

        Parameters
        ----------
        records : sequence of mapping
            JSON values by the names of the release's inputs.
        idempotency_key : str, optional
            The same one asks for the same answer, in another call or after a crash of this program, too; made anew
            by default.

        Raises
        ------
        RequestRefused
            If the service refuses them.
        ServingError
            If it does not answer.
        """
        key = secrets.token_hex(16) if idempotency_key is None else idempotency_key
        answer = self._send("POST", "/v1/predict", {"records": list(records)}, {IDEMPOTENCY_HEADER: key})
        return [_prediction(found) for found in answer["predictions"]]

    def predict_one(self, record: Mapping[str, object], idempotency_key: str | None = None) -> PredictionAnswer:
        """Score one record; as `predict`."""
        return self.predict([record], idempotency_key)[0]

    def explain(self, records: Sequence[Mapping[str, object]], top: int = 10) -> list[dict[str, Any]]:
        """Return for each record its score and what the ``top`` features added to it; nothing is logged.

        Raises
        ------
        RequestRefused
            If the service refuses them.
        ServingError
            If it does not answer.
        """
        body = {"records": list(records), "top": top}
        found: list[dict[str, Any]] = self._send("POST", "/v1/explain", body)["explanations"]
        return found

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
        answer: dict[str, dict[str, int]] = self._send("POST", "/v1/feedback", body)
        return answer

    def model(self) -> dict[str, Any]:
        """Return what the service says about its release."""
        answer: dict[str, Any] = self._send("GET", "/v1/model")
        return answer

    def watermark(self) -> int:
        """Return how far the service has read the events: the highest sequence."""
        return int(self._send("GET", "/readyz")["watermark"])

    def is_ready(self) -> bool:
        """Tell whether the service can answer now."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _send(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                response = self._http.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                if last:
                    raise ServingError(f"{method} {path}: no answer ({type(error).__name__}: {error})") from error
                advice = None
            else:
                if last or response.status_code not in _LATER | _UNCERTAIN:
                    return _content(response)
                advice = asked_pause(response.headers.get("retry-after"))
            self._on_retry()
            _pause(attempt, advice)
        raise AssertionError("unreachable")


def _pause(attempt: int, advice: float | None) -> None:
    pause = _FIRST_PAUSE * 2**attempt if advice is None else advice
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
        action=found["action"],
        propensity=found["propensity"],
        outputs=found["outputs"],
        release=found["release"],
        role=found["role"],
        threshold=found["threshold"],
        watermark=found["history"]["watermark"],
        newest_known_at=None if newest is None else datetime.fromisoformat(newest),
        complete=found["history"]["complete"],
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
