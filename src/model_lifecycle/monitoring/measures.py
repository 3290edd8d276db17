"""The figures of a window by name: what alert rules can be about."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import get_args

from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.monitoring.policy import Breach, breaches
from model_lifecycle.monitoring.replay import Replay
from model_lifecycle.monitoring.service_figures import Operations
from model_lifecycle.monitoring.verdict import Figure, Finding, Rule, Severity, WindowVerdict

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of one window; ``reference`` is what it is compared with by a relative rule."""

    value: float
    lower: float | None = None
    upper: float | None = None
    reference: float | None = None
    message: str = ""
    details: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, figure: Figure, reference: float | None = None) -> "Measure":
        """Return the measure of a figure with its interval."""
        details = {"figure": figure.model_dump(mode="json")}
        return cls(figure.estimate, figure.lower, figure.upper, reference, details=details)


def measures_of(
    window: WindowVerdict, policy: PolicySpec, holdout: Mapping[str, Figure], champion: str
) -> dict[str, Measure]:
    """Return all that is measured in a window; what could not be judged there is absent.

    Counts of findings and of broken policy limits are there as zeros, too, so that an alert about them can end.

    Parameters
    ----------
    window : WindowVerdict
        A judged window; what rests on outcomes is there only in a mature one.
    policy : PolicySpec
        Whose limits ``policy.*`` tells as 0 (kept) or 1 (broken).
    holdout : mapping of str to Figure
        The champion's figures on its hold-out, the reference of ``performance.*``.
    champion : str
        Its name; ``releases.*`` is about all others that answered in the window.
    """
    return {
        "traffic.decisions": Measure(window.decisions),
        **_labels(window),
        **_quality(window.quality),
        **_drift(window),
        **_concept(window),
        **_policy(window, policy),
        **_performance(window, holdout),
        **_others(window, policy, champion),
    }


def replay_measures(replayed: Replay) -> dict[str, Measure]:
    """Return what recomputing the logged features showed, over all windows of the run."""
    features = ", ".join(list(replayed.skewed_features)[:_NAMED])
    skew = (
        f"{replayed.skewed:,} of {replayed.replayed:,} predictions had other features live than recomputed at "
        f"the same watermark: {features}"
    )
    details = replayed.model_dump(mode="json")
    return {
        "skew.predictions": Measure(replayed.skewed, message=skew if replayed.skewed else "", details=details),
        "lateness.events": Measure(replayed.late_events, details=details),
        **{
            f"lateness.seconds_{name}": Measure(value, details=details) for name, value in replayed.late_seconds.items()
        },
    }


def operations_measures(found: Operations) -> dict[str, Measure]:
    """Return how the service runs, as measures of the newest window; what is not known is absent."""
    service = {} if found.service is None else found.service.model_dump(exclude={"release"})
    staleness = found.model_dump(include={"model_age_days", "event_age_hours", "incomplete_history"})
    details = {"operations": found.model_dump(mode="json")}
    known = {name: value for name, value in {**service, **staleness}.items() if value is not None}
    answering = {"operations.answering": Measure(int(found.service is not None), message=found.reason, details=details)}
    return answering | {f"operations.{name}": Measure(value, details=details) for name, value in known.items()}


def _labels(window: WindowVerdict) -> dict[str, Measure]:
    found = window.maturity
    if not found.decisions:
        return {}
    shares = {"waiting": found.waiting, "unavailable": sum(found.unavailable.values())}
    return {
        **{f"labels.{name}_share": Measure(count / found.decisions) for name, count in shares.items()},
        **{f"labels.delay_hours_{name}": Measure(hours) for name, hours in found.delay_hours.items()},
    }


def _quality(findings: Sequence[Finding]) -> dict[str, Measure]:
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.severity, finding.rule].append(finding)
    names = {*product(get_args(Severity), get_args(Rule)), *groups}
    return {f"quality.{severity}.{rule}": _counted(groups[severity, rule]) for severity, rule in sorted(names)}


def _counted(findings: Sequence[Finding]) -> Measure:
    details = {"findings": [finding.model_dump(mode="json") for finding in findings]}
    return Measure(len(findings), message=_joined([finding.message for finding in findings]), details=details)


def _drift(window: WindowVerdict) -> dict[str, Measure]:
    if not window.drift.features:
        return {}
    drifted = window.drift.drifted()
    messages = [
        f"{one.feature} drifted, {one.statistic.replace('_', ' ')} {one.effect:.2g} over its floor of {one.floor:.2g}"
        for one in drifted
    ]
    details = {"features": [one.model_dump(mode="json") for one in drifted]}
    return {
        "drift.features": Measure(len(drifted), message=_joined(messages), details=details),
        **_joint(window),
        **_important(window, details),
        **{
            f"drift.feature.{one.feature}": Measure(
                one.effect, reference=one.floor, details={"features": [one.model_dump(mode="json")]}
            )
            for one in window.drift.features
        },
    }


def _important(window: WindowVerdict, details: Mapping[str, object]) -> dict[str, Measure]:
    share = window.drift.importance_drifted
    return {} if share is None else {"drift.importance": Measure(share, details=details)}


def _joint(window: WindowVerdict) -> dict[str, Measure]:
    found = window.drift.joint
    if found is None:
        return {}
    first = found.pairs[0]
    message = f"correlation of {' and '.join(first.features)} went from {first.before:.2f} to {first.now:.2f}"
    details = {"joint": found.model_dump(mode="json")}
    return {"drift.joint": Measure(int(found.drifted), message=message if found.drifted else "", details=details)}


def _concept(window: WindowVerdict) -> dict[str, Measure]:
    found = window.concept
    if found is None or found.from_outcomes is None:
        return {}
    one = found.from_outcomes
    message = (
        f"the loss of the same inputs is {one.estimate:+.4g} ({one.lower:+.4g} to {one.upper:+.4g}) of the hold-out's"
    )
    parts = {"total": found.total, "from_inputs": found.from_inputs, "from_outcomes": one}
    return {
        "concept.drifted": Measure(
            int(found.drifted),
            message=message if found.drifted else "",
            details={"concept": found.model_dump(mode="json")},
        ),
        **{f"concept.{name}": Measure.of(figure) for name, figure in parts.items() if figure is not None},
    }


def _policy(window: WindowVerdict, policy: PolicySpec) -> dict[str, Measure]:
    if window.performance is None:
        return {}
    kept = {f"policy.{name}": Measure(0) for name in get_args(Breach.model_fields["rule"].annotation)}
    broken = {
        f"policy.{one.rule}": Measure(
            1, message=one.message, details={"figure": one.figure.model_dump(mode="json"), "limit": one.limit}
        )
        for one in breaches(window.performance, policy)
    }
    return {**kept, **broken}


def _performance(window: WindowVerdict, holdout: Mapping[str, Figure]) -> dict[str, Measure]:
    if window.performance is None:
        return {}
    found = {**window.performance.figures, **window.performance.differences}
    reference = {name: figure.estimate for name, figure in holdout.items()}
    return {f"performance.{name}": Measure.of(figure, reference.get(name)) for name, figure in found.items()}


def _others(window: WindowVerdict, policy: PolicySpec, champion: str) -> dict[str, Measure]:
    """Return how many other releases lay beyond the policy's limits: one that was replaced is judged no more otherwise.

    An alert on them is about the first.
    """
    if not window.maturity.mature:
        return {}
    broken = {
        one.release: (one.decisions, found)
        for one in window.by_release
        if one.release != champion and (found := breaches(one.performance, policy))
    }
    messages = [
        f"release {name}, which answered {decisions:,} of {window.decisions:,} decisions: {breach.message}"
        for name, (decisions, found) in broken.items()
        for breach in found
    ]
    limits = {name: [breach.model_dump(mode="json") for breach in found] for name, (_, found) in broken.items()}
    details = {"release": next(iter(broken)), "limits": limits} if broken else {}
    return {"releases.beyond_limits": Measure(len(broken), message=_joined(messages), details=details)}


def _joined(messages: Sequence[str]) -> str:
    rest = f"; and {len(messages) - _NAMED} more" if len(messages) > _NAMED else ""
    return "; ".join(messages[:_NAMED]) + rest
