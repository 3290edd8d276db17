"""Alerts in words: what ``alerts list`` and ``alerts show`` print."""

from collections.abc import Sequence
from datetime import datetime

from model_lifecycle.contracts.records import AlertChange, AlertState, Notification


def list_text(states: Sequence[AlertState]) -> str:
    """Return one line an alert."""
    return "\n".join(
        f"{state.fingerprint}  {state.status:<8}  {state.labels['severity']:<8}  {_time(_since(state))}  "
        f"{state.labels['alertname']} ({state.labels['metric']}): {state.annotations.get('summary', '')}"
        for state in states
    )


def state_json(state: AlertState) -> dict[str, object]:
    """Return the same as JSON values."""
    return {
        "fingerprint": state.fingerprint,
        "status": state.status,
        "labels": dict(state.labels),
        "annotations": dict(state.annotations),
        "windows": state.streak,
        "active_since": state.active_since.isoformat(),
        "judged_until": state.judged_until.isoformat(),
        "starts_at": None if state.starts_at is None else state.starts_at.isoformat(),
        "ends_at": None if state.ends_at is None else state.ends_at.isoformat(),
    }


def show_text(state: AlertState, changes: Sequence[AlertChange], told: Sequence[Notification]) -> str:
    """Return all that is known of one alert."""
    ended = "" if state.ends_at is None else f", over at {_time(state.ends_at)}"
    lines = [
        f"alert        {state.fingerprint}",
        f"state        {state.status}, {state.streak} in a row, since {_time(_since(state))}{ended}",
        *(f"{name:<12} {text}" for name, text in state.annotations.items()),
        "labels       " + ", ".join(f"{name}={value}" for name, value in sorted(state.labels.items())),
        "history",
        *(f"  {_time(change.at)}  {change.status:<8}  {change.message}" for change in changes),
        "notifications",
        *(f"  {_time(one.at)}  {one.channel}  {one.notification_id}  {_became(one)}" for one in told),
    ]
    return "\n".join(lines if told else [*lines, "  none"])


def _became(one: Notification) -> str:
    tries = f"after {one.attempts} tries" if one.attempts != 1 else "at the first try"
    return f"{one.status} {tries}" + (f": {one.error}" if one.error else "")


def _since(state: AlertState) -> datetime:
    return state.starts_at or state.active_since


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
