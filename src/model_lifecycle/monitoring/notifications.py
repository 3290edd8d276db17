"""From states to notifications: who is to be told now, grouped, told once, repeated while it lasts. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from model_lifecycle.contracts.alerting import AlertingSpec, WebhookChannel
from model_lifecycle.contracts.records import AlertState, Notification, Sent

_OPEN_END = "0001-01-01T00:00:00Z"  # as Alertmanager writes the end of what still fires


def due(
    states: Iterable[AlertState], sent: Mapping[tuple[str, str], Sent], alerting: AlertingSpec, at: datetime
) -> list[Notification]:
    """Return the notifications to be sent now, one a group and channel at most.

    A group is told when an alert in it fires that the last notification did not tell, when one that it told is
    over, and when the repeat interval has passed while one still fires.

    Parameters
    ----------
    states : iterable of AlertState
        All alerts.
    sent : mapping of (channel, group key) to Sent
        The last notification of each group on each channel, delivered or still waiting.
    alerting : AlertingSpec
        Channels, grouping and repetition.
    at : datetime
        Now, on the clock of what is monitored.
    """
    groups: dict[str, list[AlertState]] = defaultdict(list)
    for state in states:
        if state.starts_at is not None:
            groups[group_key(state.labels, alerting)].append(state)
    found = []
    for channel, spec in alerting.channels.items():
        for key, members in sorted(groups.items()):
            last = sent.get((channel, key))
            told = last.firing if last else frozenset()
            firing = sorted((one for one in members if one.status == "firing"), key=_order)
            over = [one for one in members if one.status == "resolved" and one.key() in told and spec.send_resolved]
            fresh = any(one.key() not in told for one in firing)
            again = bool(firing) and last is not None and at - last.at >= alerting.repeat_interval
            if fresh or over or again:
                most = spec.max_alerts if isinstance(spec, WebhookChannel) else None
                found.append(_notification(channel, key, firing, sorted(over, key=_order), alerting, at, most))
    return found


def group_key(labels: Mapping[str, str], alerting: AlertingSpec) -> str:
    """Return what a group is known by, written as Alertmanager writes it.

    Examples
    --------
    >>> group_key({"case": "parcels", "severity": "info"}, AlertingSpec())
    '{}:{case="parcels"}'
    """
    return "{}:{" + ", ".join(f'{name}="{value}"' for name, value in _group_labels(labels, alerting).items()) + "}"


def _group_labels(labels: Mapping[str, str], alerting: AlertingSpec) -> dict[str, str]:
    return {name: labels[name] for name in sorted(alerting.group_by) if name in labels}


def _order(state: AlertState) -> tuple[int, str]:
    return ("critical", "warning", "info").index(state.labels["severity"]), state.fingerprint


def _notification(
    channel: str,
    key: str,
    firing: Sequence[AlertState],
    over: Sequence[AlertState],
    alerting: AlertingSpec,
    at: datetime,
    most: int | None,
) -> Notification:
    told = tuple(one.key() for one in firing)
    content = "\n".join((channel, key, at.isoformat(), *told, "", *(one.key() for one in over)))
    payload = alertmanager_payload(channel, key, [*firing, *over], alerting, most)
    identity = hashlib.sha256(content.encode()).hexdigest()[:32]
    return Notification(f"msg_{identity}", channel, key, at, told, payload)


def trial(channel: str, alerting: AlertingSpec, now: datetime) -> Notification:
    """Return a notification that says of itself that it is a test."""
    labels = {**alerting.labels, "alertname": "test", "metric": "none", "release": "none", "severity": "info"}
    told = {"summary": f"This is a test of the channel {channel}; nothing is wrong."}
    state = AlertState("0" * 16, "firing", labels, told, 1, now, now, now)
    key = group_key(labels, alerting)
    payload = alertmanager_payload(channel, key, [state], alerting)
    return Notification(f"msg_test_{int(now.timestamp())}", channel, key, now, (), payload)


def alertmanager_payload(
    receiver: str, key: str, states: Sequence[AlertState], alerting: AlertingSpec, most: int | None = None
) -> dict[str, object]:
    """Return the body that Alertmanager posts to a webhook, version 4."""
    shown = states[:most]
    return {
        "version": "4",
        "groupKey": key,
        "truncatedAlerts": len(states) - len(shown),
        "status": "firing" if any(one.status == "firing" for one in states) else "resolved",
        "receiver": receiver,
        "groupLabels": _group_labels(states[0].labels, alerting),
        "commonLabels": _common([one.labels for one in states]),
        "commonAnnotations": _common([one.annotations for one in states]),
        "externalURL": alerting.external_url,
        "alerts": [_alert(one, alerting) for one in shown],
    }


def _alert(state: AlertState, alerting: AlertingSpec) -> dict[str, object]:
    return {
        "status": state.status,
        "labels": dict(state.labels),
        "annotations": dict(state.annotations),
        "startsAt": _iso(state.starts_at),
        "endsAt": _iso(state.ends_at) if state.status == "resolved" else _OPEN_END,
        "generatorURL": alerting.external_url,
        "fingerprint": state.fingerprint,
    }


def _common(found: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = found
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _iso(moment: datetime | None) -> str:
    return _OPEN_END if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
