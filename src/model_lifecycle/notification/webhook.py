"""Notifications by HTTP: time-outs, no redirects, a bounded answer, a signature."""

import json
import math
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from model_lifecycle.contracts.alerting import shown_address
from model_lifecycle.contracts.records import Notification
from model_lifecycle.notification.channel import MayPass, Refused
from model_lifecycle.notification.signature import signature

if TYPE_CHECKING:
    import httpx

_OF_THIS_BODY = frozenset({400, 410, 413, 415, 422})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_ANSWER = 16 * 1024  # nothing in it is needed; so much of it is read that the connection ends in peace
_SHOWN = 120


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
    """

    def __init__(self, url: str, key: bytes | None, timeout: float) -> None:
        self._url, self._key, self._timeout = url, key, timeout

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
        import httpx

        body = json.dumps(notification.payload).encode()
        try:
            with httpx.stream(
                "POST",
                self._url,
                content=body,
                headers=self._headers(notification.notification_id, body),
                timeout=self._timeout,
                follow_redirects=False,
            ) as response:
                said = _bounded(response, time.monotonic() + 2 * self._timeout)
        except httpx.HTTPError as error:
            raise MayPass(f"{shown_address(self._url)}: no answer ({type(error).__name__})") from error
        if response.is_success:
            return
        message = f"{shown_address(self._url)}: status {response.status_code}, expected 2xx"
        if response.status_code in _PASSING:
            raise MayPass(message, _asked_pause(response.headers.get("Retry-After")))
        message += f": {said[:_SHOWN]!r}" if said else ""
        if response.status_code in _OF_THIS_BODY:
            raise Refused(message)
        raise MayPass(message, math.inf)

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


def _bounded(response: "httpx.Response", deadline: float) -> str:
    content = bytearray()
    for part in response.iter_raw():
        content += part
        if len(content) > _LONGEST_ANSWER or time.monotonic() > deadline:
            break
    return bytes(content[:_LONGEST_ANSWER]).decode(errors="replace")


def _asked_pause(header: str | None) -> float | None:
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
