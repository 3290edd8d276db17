"""One policy from the first release to the end of the history."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from model_lifecycle.backtest.production import Production, Release
from model_lifecycle.backtest.schedule import Schedule
from model_lifecycle.backtest.watch import Watch
from model_lifecycle.contracts.backtest import TriedPolicy
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.errors import LifecycleError
from model_lifecycle.monitoring.policy import Attempt, breaches, decide
from model_lifecycle.monitoring.verdict import WindowVerdict

_log = logging.getLogger(__name__)
_CENTURY = "36525d"
_AT_ONCE = "1s"
Kind = Literal["promoted", "rejected", "failed", "alarm"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened under a policy, and why; ``seconds`` it took to compute."""

    at: datetime
    kind: Kind
    release: str
    reasons: tuple[str, ...]
    seconds: float = 0.0


@dataclass
class Walk:
    """What a policy did: which release answered from when on, and all that happened.

    ``windows`` are the ends of monitoring windows, each with whether it could be judged by its labels.
    """

    timeline: list[tuple[datetime, Release]]
    events: list[Event] = field(default_factory=list)
    windows: dict[datetime, bool] = field(default_factory=dict)
    retrained_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.retrained_at = self.timeline[0][0]

    def count(self, *kinds: Kind) -> int:
        """Return how many events there are of these kinds."""
        return sum(event.kind in kinds for event in self.events)

    def heard(self, history: list[WindowVerdict]) -> None:
        """Note of monitoring windows whether they could be judged; more labels may have arrived at a later look."""
        for window in history:
            self.windows[window.end] = self.windows.get(window.end, False) or window.performance is not None

    def attempts(self) -> list[Attempt]:
        """Return the retrainings as a budget counts them."""
        return [Attempt(at=event.at, seconds=event.seconds) for event in self.events if event.kind != "alarm"]

    def retrainings(self) -> int:
        """Return how often a model was trained, whatever came of it."""
        return self.count("promoted", "rejected", "failed")


@dataclass(frozen=True)
class Rules:
    """What all policies share: the schedule, how windows are judged, and the configured limits."""

    schedule: Schedule
    monitoring: MonitoringSpec
    policy: PolicySpec


def walk(tried: TriedPolicy, first: Release, rules: Rules, production: Production, watch: Watch) -> Walk:
    """Let a policy decide at every moment at which it may.

    Every policy is watched: an alarm is a monitoring window whose figures first breach a limit. Those that listen to
    monitoring may retrain at the end of each window, a calendar at the start of its periods.
    """
    found = Walk([(rules.schedule.start, first)])
    limits = _limits(tried, rules.policy)
    drift = tried.trigger == "drift" or retrains_for_drift(tried, rules.policy)
    alarmed: set[datetime] = set()
    for moment, is_check in _moments(tried, rules):
        if is_check:
            history = watch.history(found.timeline, moment, limits, drift=drift)
            found.heard(history)
            _raise_alarms(found, history, limits, moment, alarmed)
            reasons = _triggered(tried, history, limits, watch, found, moment)
        else:
            reasons = (f"every {tried.every}",)
        if reasons:
            _retrain(found, moment, reasons, tried, production)
    return found


def retrains_for_drift(tried: TriedPolicy, policy: PolicySpec) -> bool:
    """Return whether a policy follows the configured one in retraining for the drift of features that matter."""
    return tried.trigger == "configured" and policy.drift.action == "retrain"


def _moments(tried: TriedPolicy, rules: Rules) -> Iterator[tuple[datetime, bool]]:
    """Yield moments and whether monitoring looks at a window then; a check comes before a retraining of its moment."""
    checks = rules.schedule.checks(rules.monitoring.window)
    dates = rules.schedule.calendar(tried.every) if tried.every is not None else []
    found = [*((moment, True) for moment in checks), *((moment, False) for moment in dates)]
    yield from sorted(found, key=lambda one: (one[0], not one[1]))


def _limits(tried: TriedPolicy, policy: PolicySpec) -> PolicySpec:
    """Return the limits that a policy listens to: only the configured one retrains by age."""
    ageless = policy if tried.trigger == "configured" else _changed(policy, maximum_age=_CENTURY)
    return tried.limits.applied(ageless)


def _changed(policy: PolicySpec, **changes: str) -> PolicySpec:
    return PolicySpec.model_validate(policy.model_dump() | changes)


def _raise_alarms(
    found: Walk, history: list[WindowVerdict], limits: PolicySpec, at: datetime, alarmed: set[datetime]
) -> None:
    release = found.timeline[-1][1].name
    for window in history:
        broken = breaches(window.performance, limits)
        if broken and window.end not in alarmed:
            alarmed.add(window.end)
            found.events.append(Event(at, "alarm", release, tuple(one.message for one in broken)))


def _triggered(
    tried: TriedPolicy,
    history: list[WindowVerdict],
    limits: PolicySpec,
    watch: Watch,
    found: Walk,
    at: datetime,
) -> tuple[str, ...]:
    """Return why the policy retrains now, by the very rules of monitoring; nothing when it does not."""
    if tried.trigger in ("never", "calendar"):
        return ()
    heard = [_heard(window, tried) for window in history]
    if tried.trigger == "drift":  # drift alone never retrains by those rules: here it makes the champion too old
        drifted = history[-1].drift.drifted() if history else ()
        if not drifted:
            return ()
        limits = _changed(limits, maximum_age=_AT_ONCE)
    decision = decide(heard, limits, watch.state(found.timeline, at, found.retrained_at, found.attempts()))
    if decision.action != "retrain":
        return ()
    if tried.trigger == "drift":
        return (f"drifted: {', '.join(one.feature for one in drifted[:5])}",)
    return decision.reasons


def _heard(window: WindowVerdict, tried: TriedPolicy) -> WindowVerdict:
    """Return the verdict as far as the trigger listens to it."""
    found = window.performance
    if found is None or tried.trigger == "configured":
        return window
    figures = found.figures if tried.trigger == "value" else {}
    differences = found.differences if tried.trigger == "performance" else {}
    kept = found.model_copy(update={"figures": figures, "differences": differences})
    return window.model_copy(update={"performance": kept})


def _retrain(found: Walk, at: datetime, reasons: tuple[str, ...], tried: TriedPolicy, production: Production) -> None:
    """Train a challenger; ship it if the gates agree or are not asked, and keep the champion otherwise."""
    found.retrained_at = at
    champion = found.timeline[-1][1]
    seconds = 0.0
    try:
        challenger = production.train(at, tried)
        seconds = challenger.seconds
        if tried.gated:
            review = production.review(challenger, champion)
            seconds += review.seconds
            if review.failed:
                told = tuple(f"{gate}: {reason}" for gate, reason in review.failed.items())
                found.events.append(Event(at, "rejected", challenger.name, (*reasons, *told), seconds))
                return
        release = production.shipped(challenger, tried)
    except LifecycleError as error:
        _log.info("%s: retraining as of %s: %s", tried.trigger, at.isoformat(), error)
        found.events.append(Event(at, "failed", "", (*reasons, str(error)), seconds))
        return
    seconds += release.seconds if release is not challenger else 0.0
    found.timeline.append((at, release))
    found.events.append(Event(at, "promoted", release.name, reasons, seconds))
