"""Play a stretch of time against the service, judge it window by window, and act on the policy's decisions."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from model_lifecycle.agent.runs import run_pipelines
from model_lifecycle.client import PredictionAnswer
from model_lifecycle.contracts.records import EventRecord, LabelRecord
from model_lifecycle.contracts.trail import ORDERED, PROMOTED, REJECTED, ROLLED_BACK
from model_lifecycle.monitoring.policy import Decision
from model_lifecycle.registry import Registry
from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.rehearsal.findings import Findings, read_findings
from model_lifecycle.rehearsal.journal import Action, Alarm, Journal
from model_lifecycle.rehearsal.pace import Pace
from model_lifecycle.rehearsal.project import Project
from model_lifecycle.rehearsal.retraining import Retraining
from model_lifecycle.rehearsal.sabotage import Saboteur
from model_lifecycle.rehearsal.schedule import TICK, Tick, last_asking
from model_lifecycle.rehearsal.telling import Teller, decision_lines, window_lines
from model_lifecycle.rehearsal.traffic import Record, Traffic

# About what a retraining beside the traffic takes: the traffic until the next window is spread over it.
RETRAINING_SECONDS = 300.0
SLOWEST_TICK_SECONDS = 3.0
SWAP_SECONDS = 60.0
_WAIT_SECONDS = 0.2
_BY = "rehearsal"


@dataclass(frozen=True)
class Happenings:
    """All that is sent, in the order of time."""

    events: Sequence[EventRecord]
    labels: Sequence[LabelRecord]
    records: Sequence[Record]


class Play:
    """One rehearsal while it runs; leaving the block stops a retraining that still runs.

    Parameters
    ----------
    project : Project
        The configuration, with the rehearsal's own registry.
    folder : Path
        The rehearsal's data folder.
    parameters : mapping
        For every ``kedro run``: where the raw tables are.
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
    speed : float, optional
        Simulated seconds a second at the most; as fast as it goes by default.
    """

    def __init__(
        self,
        project: Project,
        folder: Path,
        parameters: Mapping[str, str],
        traffic: Traffic,
        counts: Counts,
        teller: Teller,
        journal: Journal,
        saboteur: Saboteur,
        speed: float | None = None,
    ) -> None:
        self._project = project
        self._folder = folder
        self._parameters = parameters
        self._traffic = traffic
        self._counts = counts
        self._teller = teller
        self._journal = journal
        self._saboteur = saboteur
        self._pace = Pace(speed)
        self._registry = Registry(project.registry, project.case)
        self._reporting = folder / "08_reporting" / project.case
        self._alerts: set[str] = set()
        self._retraining: Retraining | None = None
        self._rejected_at: datetime | None = None
        self._awaited: tuple[str, float] | None = None

    def run(self, happenings: Happenings, ticks: Sequence[Tick], windows: Sequence[datetime]) -> None:
        """Play all ticks.

        Raises
        ------
        LifecycleError
            If the service is gone, or monitoring or a retraining fails.
        """
        with ExitStack() as stack:
            stack.callback(self._stop)
            ends = deque(windows)
            day = _Day(self._counts, ticks[0].end - TICK)
            last = last_asking(ticks)
            for number, tick in enumerate(ticks):
                started = time.monotonic()
                if number == last:  # what a retraining has made shall still answer
                    self._settle(tick.end)
                self._saboteur.act(tick.end, self._traffic, self._registry, self._journal, self._teller)
                self._play(tick, happenings)
                self._pace.keep(tick.end)
                day.told(tick.end, self._teller, self._counts)
                if ends and tick.end >= ends[0]:
                    self._judge(ends.popleft(), last=number >= last)
                elif self._retraining is not None:
                    stop = ends[0] if ends else ticks[-1].end
                    self._slow_down(started, sum(later.end <= stop for later in ticks[number:]), tick.end)
            self._settle(ticks[-1].end)

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

    def _judge(self, until: datetime, last: bool) -> None:
        """Run monitoring on what was logged and known until a moment, and act on what it decides."""
        self._conclude(until, wait=True)
        width = self._project.monitoring.window
        self._teller.say(until, f"monitoring judges the window {self._teller.clock(until - width)} to now")
        # A rehearsal must page nobody.
        parameters = {"monitoring_until": until.isoformat(), "alerting.deliver": "false", **self._parameters}
        run_pipelines(("monitoring",), parameters, self._folder / "logs" / f"monitoring-{self._counts.windows + 1}.log")
        found = read_findings(self._reporting)
        self._tell_findings(until, found)
        self._act(until, found.decision, last)

    def _tell_findings(self, until: datetime, found: Findings) -> None:
        window = found.report.newest()
        fresh = [alert for key, alert in found.alerts.items() if key not in self._alerts]
        self._alerts.update(found.alerts)
        with self._counts.changing() as counts:
            counts.windows += 1
            counts.windows_blocked += bool(window and window.blocked())
            counts.alerts += len(fresh)
        lines = list(window_lines(window)) if window else ["nothing was logged"]
        decisions = window.decisions if window else 0
        self._teller.say(until, f"{decisions:,} decisions, {len(fresh)} new alerts", lines)
        for alert in fresh:
            self._journal.alarms.append(Alarm.of(alert))
            self._teller.say(until, f"alert {alert['severity']} {alert['rule']}: {alert['message']}")
        self._teller.say(until, f"policy: {found.decision.action}", decision_lines(found.decision))

    def _act(self, at: datetime, decision: Decision, last: bool) -> None:
        if decision.action == "rollback":
            why = "; ".join(decision.reasons)[:500]
            entry = self._registry.rollback(why, _BY)
            self._journal.told(Action(at, ROLLED_BACK, entry.release_id, _BY, why))
            with self._counts.changing() as counts:
                counts.rollbacks += 1
            self._awaited = (entry.release_id, time.monotonic() + SWAP_SECONDS)
            self._teller.say(at, f"rolled back to {entry.release_id}")
        elif decision.action == "retrain":
            self._retrain(at, decision, last)

    def _retrain(self, at: datetime, decision: Decision, last: bool) -> None:
        if last:
            self._teller.say(at, "the traffic ends here: no retraining is started")
            return
        over = None if self._rejected_at is None else self._rejected_at + self._project.policy.cooldown
        if over is not None and at < over:
            held = f"the last retraining was held back, its cooldown is over at {self._teller.clock(over)}"
            self._teller.say(at, f"no retraining now: {held}")
            return
        with self._counts.changing() as counts:
            counts.retrains += 1
        log = self._folder / "logs" / f"retraining-{self._counts.retrains}.log"
        self._journal.done(Action(at, ORDERED, "", _BY, "; ".join(decision.reasons)[:500]))
        self._retraining = Retraining(at, self._parameters, self._registry, self._reporting, log)
        self._teller.say(at, f"retraining as of now, beside the traffic (its output: {log})")

    def _slow_down(self, started: float, ticks_left: int, at: datetime) -> None:
        """Spread the ticks up to the next window over the retraining, and see whether it has ended."""
        due = started + min(SLOWEST_TICK_SECONDS, RETRAINING_SECONDS / max(1, ticks_left))
        while time.monotonic() < due and self._retraining is not None and self._retraining.running():
            time.sleep(min(_WAIT_SECONDS, max(0.0, due - time.monotonic())))
        self._conclude(at, wait=False)

    def _conclude(self, at: datetime, wait: bool) -> None:
        """Tell what came of a retraining that has ended, or whose end is waited for."""
        run = self._retraining
        if run is None or (run.running() and not wait):
            return
        if run.running():
            self._teller.say(at, "the traffic waits for the end of the retraining")
        found = run.outcome()
        self._retraining = None
        took = f"the retraining as of {self._teller.clock(run.as_of)} took {found.seconds:.0f} s"
        with self._counts.changing() as counts:
            counts.promotions += found.promoted
            counts.rejections += bool(found.rejected)
        if found.rejected:
            self._rejected_at = run.as_of
            self._journal.told(Action(run.as_of, REJECTED, "", _BY, "; ".join(found.rejected)[:500]))
            self._teller.say(at, f"{took}; gates hold it back, {found.champion} stays", found.rejected)
        elif found.promoted:
            self._awaited = (found.champion, time.monotonic() + SWAP_SECONDS)
            self._journal.done(Action(at, PROMOTED, found.champion, _BY, "it passed every gate"))
            self._teller.say(at, f"{took}; it passed every gate: {found.champion} is the champion")
        else:
            self._teller.say(at, f"{took}; it made the champion {found.champion} again")

    def _settle(self, at: datetime) -> None:
        """Wait until a retraining has ended and the service uses what the registry names."""
        self._conclude(at, wait=True)
        while self._awaited is not None and time.monotonic() < self._awaited[1]:
            used, refused = self._traffic.release_in_use()
            if used == self._awaited[0] or refused is not None:
                break
            time.sleep(_WAIT_SECONDS)

    def _stop(self) -> None:
        if self._retraining is not None:
            self._retraining.stop()


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
