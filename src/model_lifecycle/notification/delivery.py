"""Delivery: every channel in a thread of its own, tries with growing pauses, an end after which the run goes on.

A notification stays in the book until it is delivered, refused or too old: what this run cannot deliver, the next one
tries again. A receiver may get one twice, under the same id, when a process dies between sending and writing that down.
"""

import logging
import queue
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from model_lifecycle.contracts.alerting import AlertingSpec, Channel
from model_lifecycle.contracts.records import Notification, NotificationStatus
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.notification.channel import MayPass, Refused, Sender
from model_lifecycle.notification.senders import sender_of

_log = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0
_MOST = 1000  # notifications of one run
_LEASE = timedelta(seconds=60)  # beyond the delivery's own end, before another process may try


class Outbox(Protocol):
    """Where notifications wait."""

    def claim(self, now: datetime, lease: timedelta, limit: int) -> list[Notification]:
        """Return notifications that wait, kept from other processes for a while."""

    def settle(self, notification_id: str, status: NotificationStatus, tries: int, error: str | None) -> None:
        """Write down what became of one."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the notifications of a run; ``problems`` tells, a line each, what was not delivered and why."""

    delivered: int = 0
    waiting: int = 0
    refused: int = 0
    expired: int = 0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Result:
    notification: Notification
    status: NotificationStatus
    tries: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Attempts:
    """How often and until when a channel tries; ``ended`` is set when nobody waits for it any more."""

    tries: int
    deadline: float
    ended: threading.Event = field(default_factory=threading.Event)


def deliver(outbox: Outbox, alerting: AlertingSpec) -> Delivery:
    """Deliver what waits, within ``deliver_within``; no failure of a channel is raised.

    Parameters
    ----------
    outbox : Outbox
        The book of alerts.
    alerting : AlertingSpec
        Channels and limits.
    """
    if not alerting.deliver:
        return Delivery()
    seconds = alerting.deliver_within.total_seconds()
    now = datetime.now(UTC)
    claimed = outbox.claim(now, alerting.deliver_within + _LEASE, _MOST)
    results: queue.Queue[_Result] = queue.Queue()
    attempts = _Attempts(alerting.tries, time.monotonic() + seconds)
    open_: dict[str, Notification] = {}
    for name, waiting in _by_channel(claimed).items():
        fresh = [one for one in waiting if one.created_at is None or now - one.created_at <= alerting.keep_trying]
        for one in waiting:
            if one not in fresh:
                results.put(_Result(one, "expired", 0, f"not delivered within {alerting.keep_trying}: {one.error}"))
        open_ |= {one.notification_id: one for one in waiting}
        _start(name, alerting.channels.get(name), fresh, attempts, results)
    found: list[_Result] = []
    while open_:
        try:
            result = results.get(timeout=max(0.0, attempts.deadline - time.monotonic()))
        except queue.Empty:
            break
        del open_[result.notification.notification_id]
        _settle(outbox, result)
        found.append(result)
    attempts.ended.set()
    # Their threads may still be sending: the claims run out by themselves.
    late = [_Result(one, "waiting", 1, f"no answer within {seconds:g} s") for one in open_.values()]
    return _told([*found, *late])


def _by_channel(claimed: Sequence[Notification]) -> Mapping[str, list[Notification]]:
    channels: dict[str, list[Notification]] = {}
    for one in claimed:
        channels.setdefault(one.channel, []).append(one)
    return channels


def _start(
    name: str,
    channel: Channel | None,
    waiting: Sequence[Notification],
    attempts: _Attempts,
    results: "queue.Queue[_Result]",
) -> None:
    try:
        if channel is None:
            raise ConfigurationError(f"alerting.channels.{name}: there is no such channel any more")
        sender = sender_of(name, channel)
    except ConfigurationError as error:
        for one in waiting:
            results.put(_Result(one, "waiting", 0, str(error)))
        return
    threading.Thread(target=_send_all, args=(sender, waiting, attempts, results), daemon=True).start()


def _send_all(
    sender: Sender, waiting: Sequence[Notification], attempts: _Attempts, results: "queue.Queue[_Result]"
) -> None:
    """Send in order; after one that could not be delivered the others wait, too: an end must not overtake its start."""
    for place, one in enumerate(waiting):
        result = _send(sender, one, attempts)
        results.put(result)
        if result.status == "waiting":
            for later in waiting[place + 1 :]:
                results.put(_Result(later, "waiting", 0, f"waits for an earlier one: {result.error}"))
            return


def _send(sender: Sender, notification: Notification, attempts: _Attempts) -> _Result:
    error = "the time for this run was over"
    for attempt in range(1, attempts.tries + 1):
        if attempts.ended.is_set():
            return _Result(notification, "waiting", attempt - 1, error)
        try:
            sender.send(notification)
            return _Result(notification, "delivered", attempt)
        except Refused as refusal:
            return _Result(notification, "refused", attempt, str(refusal))
        except MayPass as failure:
            error = str(failure)
            pause = failure.pause if failure.pause is not None else _pause(attempt)
        except Exception as failure:
            # A library's own fault must end neither the run nor the other channels.
            _log.debug("a channel failed", exc_info=failure)
            error, pause = f"{type(failure).__name__}", _pause(attempt)
        if attempt == attempts.tries or time.monotonic() + pause >= attempts.deadline:
            return _Result(notification, "waiting", attempt, error)
        attempts.ended.wait(pause)
    return _Result(notification, "waiting", attempts.tries, error)


def _pause(attempt: int) -> float:
    """Return seconds to wait: doubled each time, with jitter so that many senders do not come back together."""
    return random.uniform(0.5, 1.0) * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt)  # noqa: S311


def _settle(outbox: Outbox, result: _Result) -> None:
    outbox.settle(result.notification.notification_id, result.status, result.tries, result.error)


def _told(found: Sequence[_Result]) -> Delivery:
    counts = {name: sum(one.status == name for one in found) for name in ("delivered", "waiting", "refused", "expired")}
    problems = [
        f"channel {one.notification.channel}: notification {one.notification.notification_id} {one.status}: {one.error}"
        for one in found
        if one.status != "delivered"
    ]
    for problem in problems:
        _log.warning("%s", problem)
    return Delivery(**counts, problems=tuple(problems))
