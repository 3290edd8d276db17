"""What the page says of how the service runs."""

from model_lifecycle.monitoring.service_figures import Operations
from model_lifecycle.monitoring.verdict import iso
from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import Callout, Section, Tile


def operations_sections(found: Operations | None) -> list[Section]:
    """Return latency, errors and staleness; no section for a report from before they were told."""
    if found is None:
        return []
    service = found.service
    if service is None:
        callout = Callout("note", f"Latency and errors are not known: {found.reason}.")
    elif service.error_share:
        callout = Callout("bad", f"{service.error_share:.2%} of {service.requests:,} predictions ended in a 5xx.")
    else:
        callout = Callout("good", f"The service answers; {service.requests:,} predictions since its start, no 5xx.")
    newest = "none is stored" if found.newest_event is None else f"known at {iso(found.newest_event)}"
    tiles = [
        Tile("Model's data", _count(found.model_age_days, "days old"), "since its training data ended"),
        Tile("In production", _count(found.in_use_days, "days")),
        Tile("Newest event", _count(found.event_age_hours, "hours old"), newest),
        Tile("Without whole history", text.percent(found.incomplete_history, 1), "of the answers in these windows"),
    ]
    if service is not None:
        tiles += [
            Tile("Latency, median", _milliseconds(service.latency_p50_seconds)),
            Tile("Latency, 99%", _milliseconds(service.latency_p99_seconds)),
            Tile("Events read", _count(service.events_lag_seconds, "s ago")),
            Tile("Log entries waiting", _count(service.log_waiting, "")),
        ]
    words = ("Of the replica that answered, since it started. Ages are on the clock of the decisions.",)
    return [Section("How the service runs", callout=callout, tiles=tuple(tiles), text=words)]


def _count(value: float | None, unit: str) -> str:
    return text.NOTHING if value is None else f"{value:,.0f} {unit}".strip()


def _milliseconds(seconds: float | None) -> str:
    return text.NOTHING if seconds is None else f"{seconds * 1000:,.1f} ms"
