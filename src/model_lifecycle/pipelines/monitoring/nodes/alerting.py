"""The alerts as they stand after a run, told to the channels."""

from collections.abc import Mapping
from typing import Any, Protocol

from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.contracts.records import AlertState
from model_lifecycle.notification.delivery import Delivery, Outbox, deliver


class BookOfAlerts(Outbox, Protocol):
    """What the book of alerts is to a node."""

    def states(self) -> list[AlertState]:
        """Return all alerts there have been."""


def deliver_alerts(
    book: BookOfAlerts, unjudged: Mapping[str, str], alerting: AlertingSpec
) -> tuple[dict[str, Any], str]:
    """Deliver the notifications that wait: an effect, bounded in time, that fails no run.

    Returns
    -------
    tuple
        The alerts that are pending or firing and what became of the notifications, as JSON; and the same in words.
    """
    delivery = deliver(book, alerting)
    present = [state for state in book.states() if state.status != "resolved"]
    firing = sum(state.status == "firing" for state in present)
    summary = f"{firing} firing, {len(present) - firing} pending; {_said(delivery, alerting)}"
    report = {
        "firing": firing,
        "pending": len(present) - firing,
        "alerts": [_document(state) for state in present],
        "delivered": delivery.delivered,
        "waiting": delivery.waiting,
        "refused": delivery.refused,
        "expired": delivery.expired,
        "problems": list(delivery.problems),
        "unjudged": dict(unjudged),
        "summary": f"{summary[0].upper()}{summary[1:]}.",
    }
    lines = [f"alerts: {summary}", *(f"  {_line(state)}" for state in present)]
    return report, "\n".join([*lines, *(f"  NOT DELIVERED {problem}" for problem in delivery.problems)])


def _said(delivery: Delivery, alerting: AlertingSpec) -> str:
    if not alerting.deliver:
        return "nobody is told (alerting.deliver is false)"
    counts = {name: getattr(delivery, name) for name in ("waiting", "refused", "expired")}
    failed = "".join(f", {count} {name}" for name, count in counts.items() if count)
    return f"{delivery.delivered} notifications delivered{failed}"


def _line(state: AlertState) -> str:
    return f"{state.status} {state.labels['severity']} {state.labels['alertname']}: {state.annotations['summary']}"


def _document(state: AlertState) -> dict[str, Any]:
    return {
        "fingerprint": state.fingerprint,
        "status": state.status,
        "labels": dict(state.labels),
        "annotations": dict(state.annotations),
        "since": (state.starts_at or state.active_since).isoformat(),
    }
