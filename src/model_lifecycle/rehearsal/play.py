"""Play a stretch of time against the service, while the agent judges it and acts on the policy's decisions."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from model_lifecycle.agent.state import ACTOR, AgentState
from model_lifecycle.client import PredictionAnswer
from model_lifecycle.contracts.records import AuditRecord, EventRecord, LabelRecord
from model_lifecycle.contracts.trail import ORDERED, PROMOTED, REJECTED, ROLLED_BACK
from model_lifecycle.registry import Registry
from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.rehearsal.findings import read_findings
from model_lifecycle.rehearsal.journal import Alarm, Journal
from model_lifecycle.rehearsal.pace import Pace
from model_lifecycle.rehearsal.project import Project
from model_lifecycle.rehearsal.sabotage import Saboteur
from model_lifecycle.rehearsal.schedule import TICK, Tick
from model_lifecycle.rehearsal.telling import Teller, decision_lines, reason_lines, window_lines
from model_lifecycle.rehearsal.traffic import Record, Traffic
from model_lifecycle.rehearsal.watch import Watch

# About what a retraining beside the traffic takes: the traffic until the next window is spread over it.
RETRAINING_SECONDS = 300.0
SLOWEST_TICK_SECONDS = 3.0
SWAP_SECONDS = 60.0
_WAIT_SECONDS = 0.2
_COUNTED = {ORDERED: "retrains", PROMOTED: "promotions", REJECTED: "rejections", ROLLED_BACK: "rollbacks"}


@dataclass(frozen=True)
class Happenings:
    """All that is sent, in the order of time."""

    events: Sequence[EventRecord]
    labels: Sequence[LabelRecord]
    records: Sequence[Record]


class Play:
    """One rehearsal while it runs.

    Parameters
    ----------
    project : Project
        The configuration, with the rehearsal's own registry.
    folder : Path
        The rehearsal's data folder.
    traffic : Traffic
        To the running service.
    counts : Counts
        Takes the counts.
    teller : Teller
        Says what happens.
    journal : Journal
        Takes what is seen and done.
    saboteur : Saboteur
        Lets incidents happen.
    watch : Watch
        The agent.
    speed : float, optional
        Simulated seconds a second at the most; as fast as it goes by default.
    """

    def __init__(
        self,
        project: Project,
        folder: Path,
        traffic: Traffic,
        counts: Counts,
        teller: Teller,
        journal: Journal,
        saboteur: Saboteur,
        watch: Watch,
        speed: float | None = None,
    ) -> None:
        self._width = project.monitoring.window
        self._traffic = traffic
        self._counts = counts
        self._teller = teller
        self._journal = journal
        self._saboteur = saboteur
        self._watch = watch
        self._pace = Pace(speed)
        self._registry = Registry(project.registry, project.case)
        self._reporting = folder / "08_reporting" / project.case
        self._alerts: set[str] = set()
        self._checked: datetime | None = None
        self._awaited: tuple[str, float] | None = None

    def run(self, happenings: Happenings, ticks: Sequence[Tick]) -> None:
        """Play all ticks; the agent, once it is started, is stopped at the end, and so is what it runs.

        Raises
        ------
        LifecycleError
            If the service or the agent is gone, or one of the agent's works fails again and again.
        """
        with ExitStack() as stack:
            stack.enter_context(self._watch)
            day, state = _Day(self._counts, ticks[0].end - TICK), None
            for number, tick in enumerate(ticks):
                started = time.monotonic()
                self._saboteur.act(tick.end, self._traffic, self._registry, self._journal.store, self._teller)
                self._play(tick, happenings)
                self._pace.keep(tick.end)
                day.told(tick.end, self._teller, self._counts)
                state = self._look(tick.end)
                if state is not None and state.phase == "retraining":
                    left = sum(tick.end < later.end <= state.next_check for later in ticks[number:])
                    self._slow_down(started, left)
            if state is not None and state.phase != "watching":
                self._teller.say(ticks[-1].end, f"the traffic ends here, with the agent at: {state.phase}")

    def _play(self, tick: Tick, happenings: Happenings) -> None:
        self._traffic.tell(happenings.events[tick.events], happenings.labels[tick.labels])
        seen = set(self._counts.releases)
        answers = self._traffic.ask(happenings.records[tick.decisions])
        for answer in answers:
            if answer.release not in seen:
                seen.add(answer.release)
                self._tell_first(tick.end, answer)
        if self._awaited is not None and time.monotonic() > self._awaited[1]:
            self._tell_no_swap(tick.end)

    def _tell_first(self, at: datetime, answer: PredictionAnswer) -> None:
        self._teller.say(
            at,
            f"first answer of release {answer.release}: score {answer.score:.3f}, {answer.decision}",
            [f"requests so far {self._counts.requests:,}, of which lost {self._counts.errors:,}"],
        )
        if self._awaited is not None and self._awaited[0] == answer.release:
            self._awaited = None

    def _tell_no_swap(self, at: datetime) -> None:
        if self._awaited is None:
            return
        used, refused = self._traffic.release_in_use()
        if used != self._awaited[0]:
            why = refused or "it has not followed the registry"
            self._teller.say(at, f"the service still uses {used}, not {self._awaited[0]}: {why}")
        self._awaited = None

    def _look(self, at: datetime) -> AgentState | None:
        """Let the agent do what is due, and tell what it has found and done."""
        state = self._watch.show(at)
        if state is not None and state.last_check != self._checked:
            self._checked = state.last_check
            self._tell_findings(at)
        for entry in self._journal.news():
            self._tell_done(at, entry)
        return state

    def _tell_findings(self, until: datetime) -> None:
        found = read_findings(self._reporting)
        window = found.report.newest()
        fresh = [alert for key, alert in found.alerts.items() if key not in self._alerts]
        self._alerts.update(found.alerts)
        with self._counts.changing() as counts:
            counts.windows += 1
            counts.windows_blocked += bool(window and window.blocked())
            counts.alerts += len(fresh)
        lines = list(window_lines(window)) if window else ["nothing was logged"]
        decisions = window.decisions if window else 0
        since = self._teller.clock(until - self._width)
        self._teller.say(until, f"monitoring, {since} to now: {decisions:,} decisions, {len(fresh)} new alerts", lines)
        for alert in fresh:
            self._journal.alarms.append(Alarm.of(alert))
            self._teller.say(until, f"alert {alert['severity']} {alert['rule']}: {alert['message']}")
        self._teller.say(until, f"policy: {found.decision.action}", decision_lines(found.decision))

    def _tell_done(self, at: datetime, entry: AuditRecord) -> None:
        """Tell an entry of the audit trail, and count what the agent did."""
        if entry.actor == ACTOR and entry.action in _COUNTED:
            with self._counts.changing() as counts:
                setattr(counts, _COUNTED[entry.action], getattr(counts, _COUNTED[entry.action]) + 1)
        if entry.action in (PROMOTED, ROLLED_BACK):
            self._awaited = (entry.release, time.monotonic() + SWAP_SECONDS)
        seconds = entry.details.get("seconds")
        took = f", after {seconds:.0f} s" if isinstance(seconds, float) else ""
        what = f"{entry.action} {entry.release}".rstrip()
        self._teller.say(at, f"{entry.actor}: {what}{took}", reason_lines(entry.reason.split("; ")))

    def _slow_down(self, started: float, ticks_left: int) -> None:
        """Spread the ticks up to the next check over the retraining."""
        due = started + min(SLOWEST_TICK_SECONDS, RETRAINING_SECONDS / max(1, ticks_left))
        while (left := due - time.monotonic()) > 0:
            time.sleep(min(_WAIT_SECONDS, left))


class _Day:
    """Says once a simulated day how far the traffic is."""

    def __init__(self, counts: Counts, start: datetime) -> None:
        self._next = start + timedelta(days=1)
        self._number = 0
        self._records, self._events, self._labels = counts.records, counts.events, counts.labels

    def told(self, at: datetime, teller: Teller, counts: Counts) -> None:
        if at < self._next:
            return
        self._number += 1
        teller.say(
            at,
            f"day {self._number}: {counts.records - self._records:,} decisions, "
            f"{counts.events - self._events:,} events, {counts.labels - self._labels:,} labels, "
            f"{counts.errors:,} requests lost so far",
        )
        self._next += timedelta(days=1)
        self._records, self._events, self._labels = counts.records, counts.events, counts.labels
