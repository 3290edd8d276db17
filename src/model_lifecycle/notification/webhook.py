"""Notifications by HTTP: time-outs, no redirects, a bounded answer, a signature."""

import json
import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPException, HTTPResponse
from typing import Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from model_lifecycle.contracts.alerting import shown_address
from model_lifecycle.contracts.records import Notification
from model_lifecycle.notification.channel import MayPass, Refused
from model_lifecycle.notification.signature import signature
from model_lifecycle.retry_after import PASSING, asked_pause

_OF_THIS_BODY = frozenset({400, 410, 413, 415, 422})
_LONGEST_ANSWER = 16 * 1024  # nothing in it is needed; so much of it is read that the connection ends in peace
_PART = 4096
_SHOWN = 120


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow none: what is told to one address is for no other."""


class Webhook:
    """Posts Alertmanager's payload.

    Parameters
    ----------
    url : str
        Checked already.
    key : bytes or None
        Signs what is sent.
    timeout : float
        Seconds to connect, and for each part of the answer; the answer as a whole may take twice as long.
    hold : timedelta or None
        Given, the receiver is Alertmanager itself, which forgets an alert when this has passed.
    """

    def __init__(self, url: str, key: bytes | None, timeout: float, hold: timedelta | None = None) -> None:
        self._url, self._key, self._timeout, self._hold = url, key, timeout, hold

    def send(self, notification: Notification) -> None:
        """Post one notification; the same one again has the same ``webhook-id``, so receivers can tell.

        Raises
        ------
        Refused
            If the receiver does not want this very notification.
        MayPass
            If there is no answer, one that asks to come back, or one that somebody has to mend before the next run:
            a redirect, a wrong address, a wrong secret.
        """
        body = json.dumps(self._content(notification.payload)).encode()
        request = Request(self._url, body, self._headers(notification.notification_id, body))  # noqa: S310 - checked
        try:
            # Not httpx: it writes whole addresses, and the secrets in them, to the log.
            with build_opener(_NoRedirect).open(request, timeout=self._timeout) as response:
                _bounded(response, time.monotonic() + 2 * self._timeout)
        except HTTPError as error:
            self._refused(error)
        except (OSError, HTTPException) as error:
            cause = error.reason if isinstance(error, URLError) else error
            kind = type(cause).__name__ if isinstance(cause, Exception) else cause
            raise MayPass(f"{shown_address(self._url)}: no answer ({kind})") from error

    def _content(self, payload: Mapping[str, Any]) -> object:
        if self._hold is None:
            return payload
        until = (datetime.now(UTC) + self._hold).isoformat()
        return [{**alert, "endsAt": until} if alert["status"] == "firing" else alert for alert in payload["alerts"]]

    def _refused(self, error: HTTPError) -> NoReturn:
        with error:
            message = f"{shown_address(self._url)}: status {error.code}, expected 2xx"
            if error.code in PASSING:
                raise MayPass(message, asked_pause(error.headers.get("Retry-After"))) from error
            try:
                said = error.read(_SHOWN).decode(errors="replace")
            except (OSError, HTTPException):
                said = ""
            message += f": {said!r}" if said else ""
            if error.code in _OF_THIS_BODY:
                raise Refused(message) from error
            raise MayPass(message, math.inf) from error

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "model-lifecycle",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
        }
        if self._key is not None:
            headers["webhook-signature"] = signature(self._key, message_id, timestamp, body)
        return headers


def _bounded(response: HTTPResponse, deadline: float) -> None:
    left = _LONGEST_ANSWER
    while left > 0 and time.monotonic() < deadline:
        part = response.read1(min(left, _PART))
        if not part:
            return
        left -= len(part)
