"""Which alarm or action saw which incident, and which alarms saw none. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from model_lifecycle.contracts.trail import ROLLED_BACK
from model_lifecycle.rehearsal.incidents.plan import BAD_RELEASE, LATE_LABELS, SERVICE_KILLED, Incident
from model_lifecycle.rehearsal.journal import Action, Alarm

_LABELS = "labels_late"
_PERFORMANCE = "performance"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What came of an incident; ``seen_at`` is None if nothing named it, ``by`` is what did."""

    incident: Incident
    seen_at: datetime | None
    by: str
    restart_seconds: float | None = None

    @property
    def delay(self) -> timedelta | None:
        """Time from the beginning to the first that named it."""
        return None if self.seen_at is None else self.seen_at - self.incident.start


def sight(
    incidents: Sequence[Incident],
    alarms: Sequence[Alarm],
    actions: Sequence[Action],
    bad_release: str | None,
    restarts: Sequence[float],
) -> tuple[Sighting, ...]:
    """Find for each incident the first that names it.

    Being raised at the right time is not enough. Spoiled inputs are seen by a critical or warning alert on data that
    names one of them; a change of the world that spoils no input by an alert on the performance; late labels by the
    alert on waiting labels; a bad release by an alert on the performance of that very release, or by its withdrawal; a
    killed service by the supervisor.

    Parameters
    ----------
    incidents : sequence of Incident
        What was planted.
    alarms, actions : sequences
        What was seen and done, in the order of time.
    bad_release : str, optional
        Its name.
    restarts : sequence of float
        Seconds that each restart of the service took.
    """
    return tuple(_sighting(one, alarms, actions, bad_release, restarts) for one in incidents)


def _sighting(
    one: Incident,
    alarms: Sequence[Alarm],
    actions: Sequence[Action],
    bad_release: str | None,
    restarts: Sequence[float],
) -> Sighting:
    if one.kind == SERVICE_KILLED:
        if not restarts:
            return Sighting(one, None, "")
        return Sighting(one, one.start, "the supervisor", restarts[0])
    found = [(alarm.at, f"alert {alarm.rule}") for alarm in alarms if names(alarm, one, bad_release)]
    if one.kind == BAD_RELEASE:
        found += [
            (action.at, f"rollback by {action.by}")
            for action in actions
            if action.action == ROLLED_BACK and action.withdrawn == bad_release and action.at >= one.start
        ]
    seen_at, by = min(found, default=(None, ""))
    return Sighting(one, seen_at, by)


def names(alarm: Alarm, one: Incident, bad_release: str | None) -> bool:
    """Tell whether an alarm names an incident: in its time, and by what it is about."""
    if one.kind == BAD_RELEASE:
        return alarm.at >= one.start and alarm.release == bad_release and alarm.rule.startswith(_PERFORMANCE)
    if not touches(alarm, one):
        return False
    if one.kind == LATE_LABELS:
        return alarm.rule.startswith(_LABELS)
    if not one.columns:
        return alarm.rule.startswith(_PERFORMANCE)
    return bool(set(alarm.columns) & set(one.columns))


def touches(alarm: Alarm, one: Incident) -> bool:
    """Tell whether the window of an alarm and the time of an incident have something in common."""
    start, end = alarm.window
    return start <= one.end and one.start < end


def false_alarms(
    incidents: Sequence[Incident], alarms: Sequence[Alarm], bad_release: str | None
) -> tuple[list[Alarm], list[Alarm]]:
    """Return the critical alarms of windows in which nothing was planted, those on data and those on performance.

    A planted incident may show in more than what it spoils, and a bad release in all windows that it answers in; these
    are no false alarms. Nor need one on performance be false: the world changes without being told to.
    """
    loose = [
        alarm
        for alarm in alarms
        if alarm.severity == "critical"
        and alarm.release != bad_release
        and not any(touches(alarm, one) for one in incidents)
    ]
    return (
        [alarm for alarm in loose if not alarm.rule.startswith(_PERFORMANCE)],
        [alarm for alarm in loose if alarm.rule.startswith(_PERFORMANCE)],
    )
