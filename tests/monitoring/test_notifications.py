"""From states to what is told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from alerted import START, WEEK, judgement, spec
from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.contracts.records import AlertState, Notification, Sent
from model_lifecycle.monitoring.alert_states import next_states
from model_lifecycle.monitoring.notifications import alertmanager_payload, due, trial

HOOK = {"hook": {"type": "webhook", "url": "https://alerts.example.org"}}


def _state(alerting: AlertingSpec, pattern: str = "x") -> AlertState:
    found = judgement(pattern, alerting)
    assert found.at is not None
    (state,), _ = next_states({}, found, found.at)
    return state


def _told(notification: Notification) -> dict[tuple[str, str], Sent]:
    return {(notification.channel, notification.group_key): Sent(notification.at, frozenset(notification.firing))}


def test_a_firing_is_told_once_and_again_after_the_repeat_interval() -> None:
    alerting = spec(repeat_interval="12h")
    state = _state(alerting)
    (first,) = due([state], {}, alerting, START)
    assert due([state], _told(first), alerting, START + timedelta(hours=11)) == []
    (second,) = due([state], _told(first), alerting, START + timedelta(hours=12))
    assert second.notification_id != first.notification_id


def test_what_is_pending_is_told_to_nobody() -> None:
    alerting = spec(row=2)
    assert due([_state(alerting)], {}, alerting, START) == []


def test_the_end_is_told_once_to_those_who_heard_of_the_beginning() -> None:
    alerting = spec()
    firing = _state(alerting)
    over = replace(firing, status="resolved", ends_at=START + 2 * WEEK)
    (first,) = due([firing], {}, alerting, START)
    (end,) = due([over], _told(first), alerting, START + 2 * WEEK)
    assert (end.payload["status"], end.firing) == ("resolved", ())
    assert due([over], _told(end), alerting, START + 3 * WEEK) == []
    assert due([over], {}, alerting, START + 2 * WEEK) == []


def test_a_channel_may_leave_ends_out() -> None:
    alerting = spec(channels={"log": {"type": "log", "send_resolved": False}})
    firing = _state(alerting)
    (first,) = due([firing], {}, alerting, START)
    assert due([replace(firing, status="resolved")], _told(first), alerting, START + WEEK) == []


def test_an_alert_that_fires_anew_is_told_anew() -> None:
    alerting = spec()
    firing = _state(alerting)
    (first,) = due([firing], {}, alerting, START)
    later = replace(firing, starts_at=START + 5 * WEEK)
    assert len(due([later], _told(first), alerting, START + timedelta(hours=1))) == 1


def test_alerts_of_a_group_are_one_notification_the_worst_first() -> None:
    alerting = spec(channels={**HOOK, "log": {"type": "log"}})
    one = _state(alerting)
    worse = replace(one, fingerprint="f" * 16, labels={**one.labels, "severity": "critical", "alertname": "skew"})
    found = due([one, worse], {}, alerting, START)
    assert [notification.channel for notification in found] == ["hook", "log"]
    names = [alert["labels"]["alertname"] for alert in _alerts(found[0].payload)]
    assert names == ["skew", "drift"]
    apart = due([one, worse], {}, alerting.model_copy(update={"group_by": ("case", "alertname")}), START)
    assert len(apart) == 4


def test_a_channel_that_is_new_hears_of_what_fires_already() -> None:
    alerting = spec(channels={**HOOK, "log": {"type": "log"}})
    state = _state(alerting)
    sent = {("log", '{}:{case="parcels"}'): Sent(START, frozenset([state.key()]))}
    assert [one.channel for one in due([state], sent, alerting, START)] == ["hook"]


def test_the_payload_is_alertmanagers_version_4() -> None:
    alerting = spec(channels=HOOK, external_url="https://example.org/monitoring")
    (found,) = due([_state(alerting)], {}, alerting, START + WEEK)
    common = {
        "alertname": "drift",
        "metric": "drift.features",
        "release": "r1",
        "severity": "warning",
        "case": "parcels",
    }
    notes = {
        "summary": "week 0 drifted",
        "window": "2024-07-01T00:00:00+00:00/2024-07-08T00:00:00+00:00",
        "description": "look",
        "runbook_url": "https://runbook/drift",
    }
    assert found.payload == {
        "version": "4",
        "groupKey": '{}:{case="parcels"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hook",
        "groupLabels": {"case": "parcels"},
        "commonLabels": common,
        "commonAnnotations": notes,
        "externalURL": "https://example.org/monitoring",
        "alerts": [
            {
                "status": "firing",
                "labels": common,
                "annotations": notes,
                "startsAt": "2024-07-08T00:00:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "https://example.org/monitoring",
                "fingerprint": _state(alerting).fingerprint,
            }
        ],
    }


def test_what_is_beyond_the_limit_is_counted() -> None:
    alerting = spec()
    states = [replace(_state(alerting), fingerprint=f"{number:016x}") for number in range(5)]
    payload = alertmanager_payload("hook", "{}", states, alerting, 2)
    assert (len(_alerts(payload)), payload["truncatedAlerts"]) == (2, 3)


def test_a_test_notification_says_what_it_is() -> None:
    found = trial("hook", spec(), START)
    assert "This is a test of the channel hook" in _alerts(found.payload)[0]["annotations"]["summary"]


def _alerts(payload: Any) -> list[dict[str, Any]]:
    return list(payload["alerts"])
