"""From verdicts to the policy's decision: the champion against the one before it, and what was done before."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import pandas as pd

from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.contracts.records import AuditRecord, EventRecord
from model_lifecycle.contracts.trail import (
    BLOCKED,
    TRUSTED,
    Span,
    blocked_spans,
    probation_end,
    promoted_at,
    retrainings,
)
from model_lifecycle.features.folds import age_when_made, learnt_since
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.paired import Comparison, compare_live, in_probation
from model_lifecycle.monitoring.policy import Attempt, PolicyState, decide
from model_lifecycle.monitoring.replay import reach
from model_lifecycle.monitoring.verdict import MonitoringReport
from model_lifecycle.monitoring.windows import resolve_until
from model_lifecycle.scoring import Scorer
from model_lifecycle.statistics.blocks import DAY

_MONITORING = "monitoring"
_LAST = datetime(9999, 1, 1, tzinfo=UTC)  # without an `until` every label counts


class PredictionReader(Protocol):
    """What the prediction log is to a node."""

    def newest(self) -> datetime | None:
        """Return the latest decision time, None without predictions."""

    def read(self, start: datetime, end: datetime, as_of: datetime) -> pd.DataFrame:
        """Return the predictions of a window with the labels known at ``as_of``."""


class EventReader(Protocol):
    """What the event store is to a node."""

    def known_since(self, moment: datetime) -> list[tuple[int, EventRecord]]:
        """Return the events that became known at a moment or later, with their sequence, in its order."""


class Registered(Protocol):
    """A release with its scorer."""

    @property
    def scorer(self) -> Scorer:
        """What it answers with."""
        ...


def compare_with_previous(
    *,
    log: PredictionReader,
    events: EventReader,
    champion: Registered | None,
    previous: Registered | None,
    trail: Sequence[AuditRecord],
    until: str | None,
    monitoring: MonitoringSpec,
    policy: PolicySpec,
) -> dict[str, Any]:
    """Compare a champion with the release before it, on the champion's own decisions in its probation.

    Decisions on data that cannot be trusted are left out. The whole probation is compared once more after its end.

    Returns
    -------
    dict
        A `Comparison` as JSON; without a difference when there is nothing to compare, with the reason.
    """
    if champion is None or previous is None:
        return _nothing("" if champion is None else champion.scorer.release_id, None, "no release before it")
    mine, before = champion.scorer, previous.scorer
    since, now = promoted_at(trail, mine.release_id), resolve_until(until, log.newest())
    if since is None or now is None or now <= since:
        return _nothing(mine.release_id, before.release_id, "no decision since a promotion that the trail tells")
    blocked = blocked_spans(trail)
    end = probation_end(since, policy.rollout.probation, blocked)
    if now >= end + monitoring.window:
        return _nothing(mine.release_id, before.release_id, "its probation is over")
    rows = log.read(since, min(end, now), _LAST if until is None else now)
    rows = rows[~_within(rows["decision_time"], blocked)].reset_index(drop=True)
    starts = [one for one in (reach(rows, scorer) for scorer in (mine, before)) if one is not None]
    known = events.known_since(min(starts).to_pydatetime()) if starts else []
    last = now >= end - DAY  # what a day more would show is no look of its own
    return compare_live(rows, known, mine, before, since, in_probation(last=last)).model_dump(mode="json")


def _within(moments: pd.Series, spans: Sequence[Span]) -> np.ndarray:
    found = np.zeros(len(moments), dtype=bool)
    for start, end in spans:
        found |= ((moments >= start) & (moments < end)).to_numpy()
    return found


def _nothing(release: str, other: str | None, reason: str) -> dict[str, Any]:
    found = Comparison(release=release, other=other, since=None, rows=0, difference=None, reason=reason)
    return found.model_dump(mode="json")


def decide_policy(
    report: Mapping[str, Any],
    champion: ChampionFacts | Mapping[str, Any],
    policy: PolicySpec,
    trail: Sequence[AuditRecord],
    compared: Mapping[str, Any],
    split: SplitSpec,
) -> dict[str, Any]:
    """Return the policy's decision after the last window, as JSON."""
    found, facts = MonitoringReport.model_validate(report), ChampionFacts.read(champion)
    now = found.as_of or found.until or facts.trained_until
    done = [(at, seconds) for at, seconds in retrainings(trail) if at <= now]
    last = max((at for at, _ in done), default=facts.retrained_at)
    state = PolicyState(
        now=now,
        release=facts.release,
        trained_until=facts.trained_until,
        promoted_at=promoted_at(trail, facts.release) or facts.promoted_at,
        retrained_at=last if facts.retrained_at is None or last is None else max(last, facts.retrained_at),
        retrainings=tuple(Attempt(at=at, seconds=seconds) for at, seconds in done),
        new_labels=found.new_labels,
        importance=facts.importance,
        versus_previous=Comparison.model_validate(compared).difference,
        blocked=tuple(span for span in blocked_spans(trail) if span[0] < now),
        learns_since=learnt_since(now, policy.training.applied(split)),
        youngest=age_when_made(now, split, refit=policy.refit),
    )
    return decide(found.windows, policy, state).model_dump(mode="json")


def tell_policy(decision: Mapping[str, Any]) -> str:
    """Return the decision in words, with its reasons: no alert is no verdict where no window could be judged."""
    return "\n".join([f"policy: {decision['action']}", *(f"  because {reason}" for reason in decision["reasons"])])


def tell_blocked(report: Mapping[str, Any], trail: Sequence[AuditRecord]) -> list[AuditRecord]:
    """Return what the trail is to tell of the windows: those that failed data quality, and those that are fine again.

    Rows of a window that failed are not trained on from then on; one that was judged again without a critical finding,
    after a repair, may be.
    """
    found, before = MonitoringReport.model_validate(report), set(blocked_spans(trail))
    entries = []
    for window in found.windows:
        known = (window.start, window.end) in before
        if window.blocked() == known:
            continue
        action = BLOCKED if window.blocked() else TRUSTED
        why = "; ".join(one.message for one in window.critical()) or "judged again, and no critical finding is left"
        details = {"start": window.start.isoformat(), "end": window.end.isoformat()}
        entries.append(AuditRecord(window.end, _MONITORING, action, found.release, why, details))
    return entries
