"""From judged windows to states."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerted import START, WEEK, judgement, spec
from model_lifecycle.contracts.alerting import AlertingSpec
from model_lifecycle.contracts.records import AlertState
from model_lifecycle.monitoring.alert_states import fingerprint, next_states
from model_lifecycle.monitoring.alerts import Judgement

States = dict[str, AlertState]


def _after(before: States, found: Judgement) -> States:
    assert found.at is not None
    states, _ = next_states(before, found, found.at)
    return {**before, **{state.fingerprint: state for state in states}}


def _only(states: States) -> AlertState:
    (state,) = states.values()
    return state


@pytest.mark.parametrize(
    ("pattern", "row", "status", "streak"),
    [
        ("x", 1, "firing", 1),
        ("x", 2, "pending", 1),
        (".xx", 2, "firing", 2),
        ("x?x", 2, "firing", 2),
        ("xx.x", 2, "pending", 1),
    ],
)
def test_an_alert_is_pending_until_its_row_of_judged_windows_is_full(
    pattern: str, row: int, status: str, streak: int
) -> None:
    state = _only(_after({}, judgement(pattern, spec(row=row))))
    assert (state.status, state.streak) == (status, streak)
    assert (state.starts_at is not None) == (status == "firing")


def test_windows_that_keep_to_the_rule_leave_no_trace() -> None:
    assert _after({}, judgement("...", spec())) == {}


def test_a_pending_alert_that_ends_was_never_firing() -> None:
    pending = _after({}, judgement("x", spec(row=2)))
    state = _only(_after(pending, judgement("x.", spec(row=2))))
    assert (state.status, state.starts_at) == ("resolved", None)


def test_a_window_that_keeps_to_the_rule_resolves_and_a_later_breach_is_a_new_firing() -> None:
    fired = _after({}, judgement("x", spec()))
    over = _after(fired, judgement("x.", spec()))
    again = _after(over, judgement("x.x", spec()))
    assert [_only(states).status for states in (fired, over, again)] == ["firing", "resolved", "firing"]
    assert _only(over).ends_at == START + 2 * WEEK
    assert _only(again).starts_at == START + 3 * WEEK
    assert _only(again).key() != _only(fired).key()


def test_what_cannot_be_judged_stays_as_it_is() -> None:
    fired = _after({}, judgement("x", spec()))
    assert _after(fired, judgement("??", spec(), first=1)) == fired


def test_windows_that_overlap_are_not_counted_twice() -> None:
    """A monitoring run a day, windows of a week: seven runs are one week, not seven in a row."""
    states: States = {}
    for day in range(7):
        states = _after(states, judgement("x", spec(row=2), shift=timedelta(days=day)))
        assert _only(states).status == "pending"
    assert _only(_after(states, judgement("x", spec(row=2), first=1, shift=timedelta(days=6)))).status == "firing"


def test_a_row_goes_on_over_runs_that_see_one_window_each() -> None:
    states: States = {}
    for week, status in enumerate(["pending", "pending", "firing"]):
        found = judgement("x", spec(row=3), first=week)
        states = _after(states, found)
        assert _only(states).status == status
        assert _after(states, found) == states
    assert _only(states).active_since == START


def test_more_labels_for_the_newest_window_can_take_an_alert_back() -> None:
    fired = _after({}, judgement("x", spec()))
    assert _only(_after(fired, judgement(".", spec()))).status == "resolved"


def test_older_windows_do_not_undo_what_newer_ones_said() -> None:
    fired = _after({}, judgement("..x", spec()))
    assert _after(fired, judgement(".", spec())) == fired


@pytest.mark.parametrize(
    ("later", "why"),
    [
        (judgement("?", spec(), first=1, release="r2"), "release r1 was replaced by r2"),
        (judgement("?", spec(rules={}), first=1), "the rule is gone or has changed"),
        (judgement("?", spec(rules={"drift": None}), first=1), "the rule is gone or has changed"),
        (
            judgement(
                "?", spec(rules={"drift": {"metric": "drift.features", "above": 0, "severity": "info"}}), first=1
            ),
            "the rule is gone or has changed",
        ),
    ],
)
def test_an_alert_that_nothing_judges_any_more_is_resolved_and_says_why(later: Judgement, why: str) -> None:
    fired = _after({}, judgement("x", spec()))
    assert later.at is not None
    (state,), (change,) = next_states(fired, later, later.at)
    assert (state.status, change.message) == ("resolved", why)


def test_an_alert_says_what_to_do() -> None:
    state = _only(_after({}, judgement("x", spec())))
    assert state.annotations == {
        "summary": "week 0 drifted",
        "window": "2024-07-01T00:00:00+00:00/2024-07-08T00:00:00+00:00",
        "description": "look",
        "runbook_url": "https://runbook/drift",
    }
    assert state.labels == {
        "alertname": "drift",
        "metric": "drift.features",
        "release": "r1",
        "severity": "warning",
        "case": "parcels",
    }


def test_a_fingerprint_is_that_of_prometheus() -> None:
    """The value stands in the tests of github.com/prometheus/common, model/signature_test.go."""
    assert int(fingerprint({"name": "garland, briggs", "fear": "love is not enough"}), 16) == 5799056148416392346


_PATTERN = st.text("x.?", min_size=1, max_size=6)


@given(patterns=st.lists(_PATTERN, min_size=1, max_size=5), row=st.integers(1, 3), repeats=st.integers(1, 3))
def test_judging_the_same_windows_again_changes_nothing(patterns: list[str], row: int, repeats: int) -> None:
    alerting: AlertingSpec = spec(row=row)
    once: States = {}
    again: States = {}
    for first, pattern in enumerate(patterns):
        found = judgement(pattern, alerting, first=first)
        once = _after(once, found)
        for _ in range(repeats):
            again = _after(again, found)
    assert once == again


@given(history=_PATTERN, row=st.integers(1, 3))
def test_one_run_over_all_windows_and_a_run_a_window_agree(history: str, row: int) -> None:
    alerting = spec(row=row)
    whole = _after({}, judgement(history, alerting))
    step: States = {}
    for end in range(1, len(history) + 1):
        step = _after(step, judgement(history[:end], alerting))
    active = [
        {(one.status, one.streak, one.active_since) for one in found.values() if one.status != "resolved"}
        for found in (step, whole)
    ]
    assert active[0] == active[1]
