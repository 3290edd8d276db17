"""A notification in words."""

from collections.abc import Iterator, Mapping
from typing import Any


def title_of(payload: Mapping[str, Any]) -> str:
    """Return one line about the whole group, e.g. ``[FIRING:2] flight_delays``."""
    counts = {
        status: sum(alert["status"] == status for alert in payload["alerts"]) for status in ("firing", "resolved")
    }
    counts[payload["status"]] += payload["truncatedAlerts"]
    group = ", ".join(payload["groupLabels"].values())
    return f"[{', '.join(f'{status.upper()}:{count}' for status, count in counts.items() if count)}] {group}".rstrip()


def lines_of(payload: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line an alert, with what to do where that is known."""
    for alert in payload["alerts"]:
        labels, notes = alert["labels"], alert["annotations"]
        line = f"alert {alert['status']}: {labels['severity']} {labels['alertname']}: {notes.get('summary', '')}"
        more = [notes[name] for name in ("description", "runbook_url") if notes.get(name)]
        yield " | ".join([line, *more])
    if payload["truncatedAlerts"]:
        yield f"and {payload['truncatedAlerts']} more alerts"
