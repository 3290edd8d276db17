"""Alert rules held against windows: which window breaches which rule, each breach with an id that stays the same."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from model_lifecycle.contracts.alerting import AlertingSpec, AlertRule
from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.contracts.records import AlertRecord, Json
from model_lifecycle.monitoring.measures import Measure, measures_of, operations_measures, replay_measures
from model_lifecycle.monitoring.replay import Replay
from model_lifecycle.monitoring.verdict import Figure, MonitoringReport


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric of one window, held against one rule."""

    rule: str
    metric: str
    start: datetime
    end: datetime
    breached: bool
    message: str
    details: Json


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a run found, the oldest window first; ``at`` is the moment whose knowledge it stands on.

    ``unjudged`` names the rules that no window of the run could be held against, and why. ``whole`` is False of what
    judges nothing but what it names: all other alerts stay as they are, and so does the time of the last run.
    """

    release: str
    at: datetime | None
    alerting: AlertingSpec
    judged: tuple[Judged, ...]
    unjudged: Mapping[str, str]
    whole: bool = True

    def breaches(self) -> list[AlertRecord]:
        """Return one record a rule and window that breaches it; judged again, with more labels, the same by id."""
        rules = self.alerting.active()
        return [
            AlertRecord(
                alert_id=_record_id(self.release, one),
                raised_at=self.at,
                window_start=one.start,
                window_end=one.end,
                severity=rules[one.rule].severity,
                rule=_name(one, rules[one.rule]),
                message=one.message,
                details={"release": self.release, **one.details},
            )
            for one in self.judged
            if one.breached and self.at is not None
        ]


def judge_alerts(
    report: MonitoringReport,
    replayed: Replay | None,
    policy: PolicySpec,
    holdout: Mapping[str, Figure],
    alerting: AlertingSpec,
) -> Judgement:
    """Hold every rule against every window in which its metric can be judged.

    Parameters
    ----------
    report : MonitoringReport
        The judged windows.
    replayed : Replay or None
        Of the whole run; it counts as a measure of the newest window. None: nothing was replayed.
    policy, holdout : PolicySpec, mapping of str to Figure
        As in `measures_of`.
    alerting : AlertingSpec
        The rules.
    """
    judged: list[Judged] = []
    lacking: dict[str, str] = {}
    newest = report.newest()
    for window in report.windows:
        found = measures_of(window, policy, holdout, report.release)
        if window is newest and replayed is not None:
            found |= replay_measures(replayed)
        if window is newest and report.operations is not None:
            found |= operations_measures(report.operations)
        for name, rule in alerting.active().items():
            for metric, measure in found.items():
                if not fnmatchcase(metric, rule.metric):
                    continue
                held = exceeds(measure, rule)
                if held is None:
                    lacking[name] = f"{metric} has no {'interval' if rule.comparison == 'interval' else 'reference'}"
                    continue
                message = measure.message or f"{metric} is {_shown(measure)}, {_limit(measure, rule)}"
                judged.append(Judged(name, metric, window.start, window.end, held, message, measure.details))
    seen = {one.rule for one in judged}
    unjudged = {
        name: lacking.get(name, f"no window tells {rule.metric}")
        for name, rule in alerting.active().items()
        if name not in seen
    }
    return Judgement(report.release, report.as_of or report.until, alerting, tuple(judged), unjudged)


def exceeds(measure: Measure, rule: AlertRule) -> bool | None:
    """Return whether a figure lies beyond a rule's limit, None when it lacks the interval or reference for it.

    Examples
    --------
    >>> exceeds(Measure(0.66, 0.60, 0.72), AlertRule(metric="performance.auc", below=0.7))
    True
    >>> exceeds(Measure(0.66, 0.60, 0.72), AlertRule(metric="performance.auc", below=0.7, comparison="interval"))
    False
    """
    value: float | None = measure.value
    if rule.comparison == "relative":
        against = measure.reference
        value = (measure.value - against) / abs(against) if against else None
    elif rule.comparison == "interval":
        value = measure.lower if rule.above is not None else measure.upper
    if value is None:
        return None
    if rule.above is not None:
        return value > rule.above
    return rule.below is not None and value < rule.below


def _limit(measure: Measure, rule: AlertRule) -> str:
    side, limit = ("above", rule.above) if rule.above is not None else ("below", rule.below)
    if rule.comparison == "relative":
        return f"limit {limit:+.0%} of the reference {measure.reference:.4g}"
    return f"limit {side} {limit:g}" + (" with the whole interval" if rule.comparison == "interval" else "")


def _shown(measure: Measure) -> str:
    if measure.lower is None or measure.upper is None:
        return f"{measure.value:.4g}"
    return f"{measure.value:.4g} ({measure.lower:.4g} to {measure.upper:.4g})"


def _name(one: Judged, rule: AlertRule) -> str:
    """Return a rule's name, and for one with a pattern what the pattern stands for."""
    if "*" not in rule.metric:
        return one.rule
    return f"{one.rule}.{one.metric.removeprefix(rule.metric.split('*', maxsplit=1)[0])}"


def _record_id(release: str, one: Judged) -> str:
    parts = (release, one.start.isoformat(), one.end.isoformat(), one.rule, one.metric)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
