"""The scorecard: one document from which console, JSON and page are made."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.rehearsal.journal import Action, Alarm
from model_lifecycle.rehearsal.scorecard.answers import Answers
from model_lifecycle.rehearsal.scorecard.matching import Sighting
from model_lifecycle.rehearsal.scorecard.worth import Worth

Card = dict[str, Any]


def scorecard(
    *,
    span: tuple[datetime, datetime],
    seed: int | None,
    seconds: float,
    counts: Counts,
    sightings: Sequence[Sighting],
    false: Sequence[Alarm],
    unplanted: Sequence[Alarm],
    actions: Sequence[Action],
    answers: Answers,
    worth: Worth,
) -> Card:
    """Return the scorecard as JSON."""
    delays = [one.delay.total_seconds() / 3600 for one in sightings if one.delay is not None]
    return {
        "start": span[0].isoformat(),
        "end": span[1].isoformat(),
        "seed": seed,
        "seconds": round(seconds, 1),
        "incidents_planted": len(sightings),
        "incidents_detected": len(delays),
        "hours_to_detect_median": sorted(delays)[len(delays) // 2] if delays else None,
        "false_alarms": len(false),
        "performance_alarms_without_incident": len(unplanted),
        "requests_lost": answers.lost,
        "incidents": [_incident(one) for one in sightings],
        "alarms_without_incident": [_alarm(one) for one in (*false, *unplanted)],
        "actions": [{**_fields(one), "at": one.at.isoformat()} for one in actions],
        "requests": {
            "sent": counts.requests,
            "retried": counts.retries,
            "decisions_asked": answers.asked,
            "decisions_lost": answers.lost,
            "decisions_logged_twice": answers.twice,
            "decisions_logged_unasked": answers.strange,
        },
        "value": _worth(worth),
        "counts": counts.as_json(),
    }


def _fields(one: Action) -> dict[str, str]:
    return {"action": one.action, "release": one.release, "by": one.by, "why": one.why}


def _incident(one: Sighting) -> dict[str, object]:
    return {
        "kind": one.incident.kind,
        "description": one.incident.description,
        "start": one.incident.start.isoformat(),
        "end": one.incident.end.isoformat(),
        "detected_at": None if one.seen_at is None else one.seen_at.isoformat(),
        "hours_to_detect": None if one.delay is None else round(one.delay.total_seconds() / 3600, 1),
        "detected_by": one.by,
        "restart_seconds": None if one.restart_seconds is None else round(one.restart_seconds, 1),
    }


def _alarm(one: Alarm) -> dict[str, str]:
    return {"at": one.at.isoformat(), "rule": one.rule, "severity": one.severity, "message": one.message}


def _worth(found: Worth) -> dict[str, object]:
    gap = found.difference
    return {
        "unit": found.unit,
        "decisions": found.decisions,
        "loop_per_1000": found.loop,
        "frozen_per_1000": found.frozen,
        "difference": found.loop - found.frozen,
        "lower": None if gap is None else gap.lower,
        "upper": None if gap is None else gap.upper,
        "level": None if gap is None else gap.level,
        "by_month": {month: {"loop": loop, "frozen": frozen} for month, (loop, frozen) in found.by_month.items()},
    }


def card_lines(card: Mapping[str, Any]) -> list[str]:
    """Return the scorecard as the console shows it."""
    value, requests = card["value"], card["requests"]
    rows = [
        ("incidents", f"{card['incidents_planted']} planted, {card['incidents_detected']} detected"),
        *(("", incident_text(one)) for one in card["incidents"]),
        ("false alarms", f"{card['false_alarms']} critical ones on data where nothing was planted"),
        ("", f"{card['performance_alarms_without_incident']} on performance where nothing was planted"),
        ("actions", actions_text(card["actions"])),
        ("value", value_text(value)),
        ("requests", requests_text(requests)),
    ]
    return ["scorecard", *(f"  {name:<14}{text}" for name, text in rows)]


def requests_text(found: Mapping[str, Any]) -> str:
    """Return what the log says of what was asked for."""
    return (
        f"{found['decisions_lost']} of {found['decisions_asked']:,} decisions lost, "
        f"{found['decisions_logged_twice']} logged twice, {found['retried']} tries repeated"
    )


def incident_text(one: Mapping[str, Any]) -> str:
    """Return an incident and what came of it, in one line."""
    if one["detected_at"] is None:
        return f"{one['kind']}, {one['start'][:16]}: NOT DETECTED"
    back = f", up again in {one['restart_seconds']} s" if one["restart_seconds"] is not None else ""
    return f"{one['kind']}, {one['start'][:16]}: after {one['hours_to_detect']} h by {one['detected_by']}{back}"


def actions_text(actions: Sequence[Mapping[str, Any]]) -> str:
    """Count actions by what they were.

    Examples
    --------
    >>> actions_text([{"action": "retrain"}, {"action": "promote"}, {"action": "retrain"}])
    '2 retrain, 1 promote'
    """
    names = list(dict.fromkeys(one["action"] for one in actions))
    return ", ".join(f"{sum(one['action'] == name for one in actions)} {name}" for name in names) or "none"


def value_text(value: Mapping[str, Any]) -> str:
    """Return what the loop was worth against the frozen champion."""
    interval = "" if value["lower"] is None else f" [{value['lower']:+,.0f}, {value['upper']:+,.0f}]"
    return (
        f"{value['loop_per_1000']:,.0f} {value['unit']} per 1,000 decisions, the first champion left alone "
        f"{value['frozen_per_1000']:,.0f}: {value['difference']:+,.0f}{interval}"
    )
