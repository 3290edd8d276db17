from dataclasses import replace
from datetime import UTC, datetime, timedelta

from model_lifecycle.rehearsal.incidents.plan import BAD_RELEASE, LATE_LABELS, SERVICE_KILLED, Incident
from model_lifecycle.rehearsal.journal import Action, Alarm
from model_lifecycle.rehearsal.scorecard.matching import false_alarms, sight

START = datetime(2013, 7, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
CELSIUS = Incident("celsius", "", START + timedelta(days=9), START + timedelta(days=20), ("temp", "dewp"))
BAD = Incident(BAD_RELEASE, "", START + 2 * WEEK, START + 2 * WEEK)


def alarm(
    week: int, rule: str = "data_quality.unit", *columns: str, release: str = "r1", severity: str = "critical"
) -> Alarm:
    window = (START + (week - 1) * WEEK, START + week * WEEK)
    return Alarm(window[1], severity, rule, "said", release, window, columns)


def test_the_first_alarm_that_names_a_spoiled_column_is_the_sighting() -> None:
    alarms = [alarm(1, "data_quality.unit", "temp"), alarm(2, "data_quality.unit", "dewp"), alarm(3, "x", "temp")]
    (found,) = sight([CELSIUS], alarms, [], None, [])

    assert found.seen_at == START + 2 * WEEK
    assert found.delay == timedelta(days=5)
    assert found.by == "alert data_quality.unit"


def test_an_alarm_at_the_right_time_about_something_else_sees_nothing() -> None:
    (found,) = sight([CELSIUS], [alarm(2, "data_quality.unit", "humid"), alarm(2, "drift")], [], None, [])
    assert (found.seen_at, found.delay, found.by) == (None, None, "")


def test_an_alarm_from_before_or_long_after_sees_nothing() -> None:
    (found,) = sight([CELSIUS], [alarm(1, "x", "temp"), alarm(5, "x", "temp")], [], None, [])
    assert found.seen_at is None


def test_a_change_of_the_world_that_spoils_no_input_is_seen_by_the_performance_and_by_nothing_else() -> None:
    world = Incident("late_mornings", "", START, START + 3 * WEEK)
    drift, fall = alarm(1, "drift", "temp"), alarm(2, "performance.skill_lost")
    assert sight([world], [drift, fall], [], None, [])[0].seen_at == START + 2 * WEEK
    assert sight([world], [drift], [], None, [])[0].seen_at is None
    assert false_alarms([world], [drift, fall], None) == ([], [])


def test_late_labels_are_seen_by_their_own_alert() -> None:
    late = Incident(LATE_LABELS, "", START, START + WEEK)
    assert sight([late], [alarm(1, "drift"), alarm(2, "labels_late")], [], None, [])[0].seen_at == START + 2 * WEEK
    assert sight([late], [alarm(1, "drift")], [], None, [])[0].seen_at is None


def test_a_bad_release_is_seen_by_its_own_performance_or_by_its_withdrawal() -> None:
    other, own = alarm(3, "performance.skill_lost"), alarm(4, "performance.skill_lost", release="bad")
    rollback = Action(START + 3 * WEEK, "rollback", "r1", "agent", "", "bad")

    assert sight([BAD], [other, own], [], "bad", [])[0].seen_at == START + 4 * WEEK
    assert sight([BAD], [own], [rollback], "bad", [])[0].by == "rollback by agent"
    assert sight([BAD], [other], [replace(rollback, withdrawn="r2")], "bad", [])[0].seen_at is None


def test_a_killed_service_is_seen_by_who_starts_it_again() -> None:
    killed = Incident(SERVICE_KILLED, "", START, START)
    (seen,), (unseen,) = sight([killed], [], [], None, [21.0]), sight([killed], [], [], None, [])

    assert (seen.seen_at, seen.restart_seconds) == (START, 21.0)
    assert unseen.seen_at is None


def test_critical_alarms_of_windows_with_nothing_planted_are_false_but_for_those_on_performance() -> None:
    quiet, planted = alarm(1, "data_quality.missing", "a"), alarm(2, "data_quality.missing", "a")
    weather, warning = alarm(6, "performance.skill_lost"), alarm(1, "drift", severity="warning")
    on_bad = alarm(6, "performance.skill_lost", release="bad")

    assert false_alarms([CELSIUS, BAD], [quiet, planted, weather, warning, on_bad], "bad") == ([quiet], [weather])
