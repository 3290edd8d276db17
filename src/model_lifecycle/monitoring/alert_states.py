"""From judged windows to states: pending, firing, resolved. Pure: the states before go in, those that changed come out.

The same judgement again changes nothing, so a run that was killed is simply repeated.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from model_lifecycle.contracts.alerting import AlertingSpec, AlertRule
from model_lifecycle.contracts.records import AlertChange, AlertState
from model_lifecycle.monitoring.alerts import Judged, Judgement

_OFFSET, _PRIME, _SEPARATOR = 0xCBF29CE484222325, 0x100000001B3, b"\xff"  # FNV-1a, 64 bits


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return the fingerprint of a set of labels, as Prometheus and Alertmanager compute it.

    Examples
    --------
    >>> fingerprint({})
    'cbf29ce484222325'
    """
    found = _OFFSET
    for name in sorted(labels):
        for byte in (*name.encode(), *_SEPARATOR, *labels[name].encode(), *_SEPARATOR):
            found = ((found ^ byte) * _PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{found:016x}"


def next_states(
    before: Mapping[str, AlertState], judgement: Judgement, at: datetime
) -> tuple[list[AlertState], list[AlertChange]]:
    """Return the states that differ from before, and the changes of status among them.

    An alert fires when its rule's number of windows in a row breach it, and is pending before; it is resolved when the
    newest window in which it can be judged does not. What could not be judged stays as it is. An alert of another
    release, or of a rule that is gone or has other labels, is resolved.

    Parameters
    ----------
    before : mapping of str to AlertState
        By fingerprint.
    judgement : Judgement
        The windows, the oldest first.
    at : datetime
        Now, on the clock of what is monitored.
    """
    rules = judgement.alerting.active()
    after: dict[str, AlertState] = {}
    for (name, metric), row in _rows(judgement.judged).items():
        labels = labels_of(name, metric, judgement.release, judgement.alerting)
        key = fingerprint(labels)
        state = _next(before.get(key), row, rules[name], at)
        if state is not None:
            told = _annotations(row[-1], rules[name])
            after[key] = replace(state, fingerprint=key, labels=labels, annotations=told) if state.streak else state
    for key, state in before.items():
        if judgement.whole and key not in after and state.status != "resolved" and _gone(state, judgement):
            after[key] = replace(state, status="resolved", streak=0, ends_at=max(at, state.starts_at or at))
    states = [state for key, state in after.items() if state != before.get(key)]
    return states, [_change(state, judgement, at) for state in states if _changed(before.get(state.fingerprint), state)]


def labels_of(name: str, metric: str, release: str, alerting: AlertingSpec) -> dict[str, str]:
    """Return the labels of an alert, which are what it is known by."""
    rule = alerting.active()[name]
    given = {"alertname": name, "metric": metric, "release": release, "severity": rule.severity}
    return {**alerting.labels, **rule.labels, **given}


def _rows(judged: Sequence[Judged]) -> dict[tuple[str, str], list[Judged]]:
    rows: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for one in judged:
        rows[one.rule, one.metric].append(one)
    return rows


def _next(state: AlertState | None, row: Sequence[Judged], rule: AlertRule, at: datetime) -> AlertState | None:
    """Return the state after a row of windows, None when it stays as it is."""
    last = row[-1]
    if state is not None and last.end < state.judged_until:
        return None  # what it stands on is newer
    active = state is not None and state.status != "resolved"
    breached = _trailing(row)
    if not breached:
        if state is None or not active:
            return None
        return replace(state, status="resolved", streak=0, ends_at=at, judged_until=min(last.end, at))
    streak, since = breached, row[-breached].start
    if state is not None and active and breached == len(row):  # the row may have begun before this run's windows
        follows = row[0].start >= state.judged_until
        streak = state.streak + breached if follows else max(state.streak, breached)
        since = min(since, state.active_since)
    firing = streak >= rule.for_windows or (state is not None and state.status == "firing")
    starts_at = state.starts_at if state is not None and state.status == "firing" else at
    status: Literal["firing", "pending"] = "firing" if firing else "pending"
    return AlertState("", status, {}, {}, streak, since, min(last.end, at), starts_at if firing else None)


def _trailing(row: Sequence[Judged]) -> int:
    """Return how many windows at the end of a row breach."""
    return next((place for place, one in enumerate(reversed(row)) if not one.breached), len(row))


def _gone(state: AlertState, judgement: Judgement) -> bool:
    """Return whether nothing can judge an alert any more."""
    name, metric = state.labels["alertname"], state.labels["metric"]
    if name not in judgement.alerting.active():
        return True
    return fingerprint(labels_of(name, metric, judgement.release, judgement.alerting)) != state.fingerprint


def _annotations(newest: Judged, rule: AlertRule) -> dict[str, str]:
    window = f"{newest.start.isoformat()}/{newest.end.isoformat()}"
    told = {"summary": newest.message, "window": window, "description": rule.notes, "runbook_url": rule.runbook or ""}
    return {name: text for name, text in told.items() if text}


def _changed(before: AlertState | None, after: AlertState) -> bool:
    return before is None or (before.status, before.starts_at) != (after.status, after.starts_at)


def _change(state: AlertState, judgement: Judgement, at: datetime) -> AlertChange:
    message = state.annotations.get("summary", "")
    if state.status == "resolved":
        message = "the newest window keeps to the rule"
        if state.labels["release"] != judgement.release:
            message = f"release {state.labels['release']} was replaced by {judgement.release}"
        elif _gone(state, judgement):
            message = "the rule is gone or has changed"
    return AlertChange(state.fingerprint, at, state.status, message)
