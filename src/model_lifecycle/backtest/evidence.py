"""What the policies did and earned, as the evidence that reports are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from model_lifecycle.backtest.ledger import Ledger
from model_lifecycle.backtest.production import Live
from model_lifecycle.backtest.recommendation import Earned, Recommendation, difference, recommend
from model_lifecycle.backtest.schedule import Schedule
from model_lifecycle.backtest.walk import Walk
from model_lifecycle.contracts.backtest import BacktestSpec, TriedPolicy
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.errors import StatisticError
from model_lifecycle.reporting.backtest_evidence import (
    BacktestEvidence,
    NetDifference,
    PolicyEvidence,
    PolicyMonth,
    RecommendationEvidence,
)
from model_lifecycle.reporting.conversion import interval_evidence, question_evidence
from model_lifecycle.reporting.evidence import IntervalEvidence
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.intervals import Interval, clustered_mean_interval
from model_lifecycle.tasks import Task, task_of

_PER = 1000.0
_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Sample:
    """The decisions that count, their days and months."""

    live: Live
    task: Task
    level: float
    block: np.ndarray
    month: np.ndarray

    def figures(self, ledger: Ledger, rows: np.ndarray) -> dict[str, IntervalEvidence | None]:
        """Return value, loss and ranking of some rows; the latter two of those with an observed outcome."""
        seen = rows & ~self.live.unavailable
        target, prediction, metrics = self.live.target[seen], ledger.prediction[seen], self.task.metrics
        names = {"loss": self.task.loss, "ranking": self.task.ranking}
        return {
            "value": _interval(lambda: clustered_mean_interval(ledger.gain[rows] * _PER, self.block[rows], self.level)),
            **{
                kind: _interval(
                    lambda name=name: metrics[name].interval(self.block[seen], target, prediction, self.level)  # type: ignore[misc]
                )
                for kind, name in names.items()
            },
        }


def gather(
    case: str,
    question: BusinessQuestion,
    spec: BacktestSpec,
    schedule: Schedule,
    live: Live,
    walks: Mapping[str, Walk],
    ledgers: Mapping[str, Ledger],
    gates: GateLimits,
) -> BacktestEvidence:
    """Gather the evidence: every policy's figures, the differences between them, and what follows."""
    block = block_ids(live.times, DAY)
    local = pd.DatetimeIndex(live.times).tz_localize("UTC").tz_convert(schedule.time_zone)
    sample = _Sample(live, task_of(question), gates.level, block, local.strftime("%Y-%m").to_numpy())
    earned = {
        name: Earned(
            ledgers[name].gain * _PER,
            spec.cost(name) * walk.retrainings() * _PER / len(live.times),
            walk.retrainings(),
        )
        for name, walk in walks.items()
    }
    days, never = _last_of_days(block), spec.never()
    found = recommend(earned, block, gates)

    def against(policy: str, other: str) -> NetDifference:
        return _difference(policy, other, difference(earned[policy], earned[other], block, gates.level, gates))

    return {
        "question": question_evidence(case, question),
        "start": schedule.start.isoformat(),
        "end": schedule.end.isoformat(),
        "time_zone": schedule.time_zone,
        "decisions": len(live.times),
        "days": [str(day) for day in np.datetime_as_string(live.times[days], unit="D")],
        "never": never,
        "present": spec.present,
        "training_rows": spec.training_rows,
        "policies": [
            _policy(
                name, spec, walks[name], ledgers[name], sample, earned[name],
                _gained(name, never, spec, walks, ledgers, live)[days],
            )
            for name in walks
        ],
        "against_never": [against(name, never) for name in walks if name != never],
        "recommendation": _recommendation(found, spec.present, against),
    }  # fmt: skip


def _policy(
    name: str, spec: BacktestSpec, walk: Walk, ledger: Ledger, sample: _Sample, earned: Earned, gained: np.ndarray
) -> PolicyEvidence:
    every = sample.figures(ledger, np.ones(len(ledger.gain), dtype=bool))
    scale = len(ledger.gain) / _PER
    return {
        "policy": name,
        "rule": rule(spec.tried()[name]),
        "value": every["value"],
        "loss": every["loss"],
        "ranking": every["ranking"],
        "months": [_month(month, ledger, sample) for month in np.unique(sample.month)],
        "net": earned.net,
        "total": earned.net * scale,
        "cost": earned.cost * scale,
        "retrainings": walk.retrainings(),
        "promotions": walk.count("promoted"),
        "rejections": walk.count("rejected"),
        "failures": walk.count("failed"),
        "alarms": walk.count("alarm"),
        "windows": len(walk.windows),
        "judged": sum(walk.windows.values()),
        "seconds": sum(event.seconds for event in walk.events),
        "events": [
            {
                "at": event.at.isoformat(),
                "kind": event.kind,
                "release": event.release,
                "reasons": list(event.reasons),
                "seconds": event.seconds,
            }
            for event in walk.events
        ],
        "gained": gained.tolist(),
    }


def _month(month: str, ledger: Ledger, sample: _Sample) -> PolicyMonth:
    rows = sample.month == month
    found = sample.figures(ledger, rows)
    return {
        "month": str(month),
        "decisions": int(rows.sum()),
        "value": found["value"],
        "loss": found["loss"],
        "ranking": found["ranking"],
    }


def _gained(
    name: str,
    never: str,
    spec: BacktestSpec,
    walks: Mapping[str, Walk],
    ledgers: Mapping[str, Ledger],
    live: Live,
) -> np.ndarray:
    """Return the net value up to each decision, less that of never retraining."""
    ahead = np.cumsum(ledgers[name].gain - ledgers[never].gain)
    for event in walks[name].events:
        if event.kind != "alarm":
            ahead[live.place(event.at) :] -= spec.cost(name)
    return ahead


def _last_of_days(block: np.ndarray) -> np.ndarray:
    """Return the place of each day's last decision."""
    return np.flatnonzero(np.diff(block, append=block[-1] + 1))


def rule(tried: TriedPolicy) -> str:
    """Return a policy in words.

    Examples
    --------
    >>> rule(TriedPolicy(trigger="calendar", every="month", window=3, gated=False))
    'every month, on the last 3 periods, shipped whatever the gates say'
    >>> rule(TriedPolicy(trigger="value", limits={"minimum_value_per_1000": 400, "cooldown": "2w"}))
    'when realised value breaches its limit, minimum value per 1000 400, cooldown 14 days, as configured, gated'
    """
    when = {
        "never": "never retrains",
        "calendar": f"every {tried.every}",
        "performance": "when realised performance breaches its limit",
        "value": "when realised value breaches its limit",
        "drift": "when a feature drifts",
        "configured": "by the policy as configured",
    }[tried.trigger]
    if tried.trigger == "never":
        return when
    window = {"configured": "as configured", "expanding": "on everything"}.get(
        str(tried.window), f"on the last {tried.window} periods"
    )
    changed = [f"{name.replace('_', ' ')} {_limit(value)}" for name, value in tried.limits if value is not None]
    if tried.half_life is not None:
        window += f" with a half-life of {tried.half_life.days} days"
    parts = [when, *changed, window, "gated" if tried.gated else "shipped whatever the gates say"]
    return ", ".join([*parts, "refitted on all labels"] if tried.refit else parts)


def _limit(value: float | timedelta) -> str:
    return f"{value / _A_DAY:g} days" if isinstance(value, timedelta) else f"{value:,.10g}"


def _recommendation(
    found: Recommendation, present: str, against: Callable[[str, str], NetDifference]
) -> RecommendationEvidence:
    return {
        "policy": found.policy,
        "best": found.best,
        "worse": found.worse(),
        "against_best": [_difference(name, found.best, one) for name, one in found.against_best.items()],
        "level": found.level,
        "regret": against(present, found.best),
        "change": against(found.policy, present),
    }


def _difference(policy: str, other: str, found: Interval | None) -> NetDifference:
    return {"policy": policy, "against": other, "interval": None if found is None else interval_evidence(found)}


def _interval(compute: Callable[[], Interval]) -> IntervalEvidence | None:
    try:
        return interval_evidence(compute())
    except StatisticError:
        return None
