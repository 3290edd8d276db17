"""Judged windows of an invented rule, without the statistics that make them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.monitoring.alerts import Judged, Judgement

START = datetime(2024, 7, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def spec(*, row: int = 1, channels: Mapping[str, Any] | None = None, **options: Any) -> AlertingSpec:
    rule = {"metric": "drift.features", "above": 0, "for": row, "notes": "look", "runbook": "https://runbook/drift"}
    found = {"drift": rule} if "rules" not in options else options.pop("rules")
    return AlertingSpec.model_validate(
        {"rules": found, "labels": {"case": "parcels"}, "channels": channels or {"log": {"type": "log"}}, **options}
    )


def judgement(
    pattern: str, alerting: AlertingSpec, *, first: int = 0, shift: timedelta = timedelta(0), release: str = "r1"
) -> Judgement:
    """Return one window a letter from week `first` on: ``x`` breaches, ``.`` keeps, ``?`` cannot be judged."""
    judged = []
    for week, letter in enumerate(pattern, start=first):
        if letter != "?":
            start = START + shift + week * WEEK
            message = f"week {week} drifted"
            judged.append(Judged("drift", "drift.features", start, start + WEEK, letter == "x", message, {}))
    at = START + shift + (first + len(pattern)) * WEEK
    return Judgement(release, at, alerting, tuple(judged), {})
