"""Before any model: whether these data can answer the question, and whether the answer is worth having."""

import logging
import math
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.leakage import LeakageEvidence
from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.errors import GateBlocked
from model_lifecycle.features.folds import decision_times, unavailable_rows
from model_lifecycle.reporting.conversion import interval_evidence, question_evidence
from model_lifecycle.reporting.evidence import GateEvidence, IntervalEvidence
from model_lifecycle.reporting.feasibility_evidence import DetectableEvidence, FeasibilityEvidence, PeriodRate
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.intervals import clustered_mean_interval
from model_lifecycle.statistics.power import minimum_detectable_mean
from model_lifecycle.tasks import Task, task_of

_POWER = 0.8
_NEARLY_ALL = 0.9  # of the outcomes of one kind
_FEWEST_OF_A_KIND = 30  # whose 90% quantile says something
_log = logging.getLogger(__name__)


def assessor(case: str) -> Callable[..., FeasibilityEvidence]:
    """Return the node that weighs the question of that case."""

    def assess_feasibility(
        train: pd.DataFrame,
        test: pd.DataFrame,
        question: BusinessQuestion,
        plan: SplitPlan,
        gates: GateLimits,
        monitoring: MonitoringSpec,
    ) -> FeasibilityEvidence:
        """Weigh the question on everything before the test window; of that, only whether its outcomes have arrived.

        Warns where one kind of outcome comes much later than another and no ``split.label_delay`` waits for it.

        Returns
        -------
        FeasibilityEvidence
            The outcome by period, the worth of perfect prediction and of the trivial policies, the smallest gain that a
            test window of this length can show, and go or no-go with reasons.
        """
        task = task_of(question)
        settled = train[train[model_input.OUTCOME] != model_input.PENDING]
        observed = settled[settled[model_input.OUTCOME] == model_input.OBSERVED]
        target = observed[model_input.TARGET].to_numpy(dtype=np.float64)
        value, room = _values(settled, task, gates)
        losses = task.losses(target, task.repeated(task.constant(target), len(target)))
        detectable = [
            _detectable(task.loss, losses, _blocks(observed), plan, gates),
            _detectable("value_per_1000", room, _blocks(settled), plan, gates),
        ]
        reasons = [
            *_reasons(task, target, value, detectable[0], float(losses.mean()), question),
            _arrived(settled, test, gates),
        ]
        if plan.test.train_end is None and (late := _unlike(observed, task, monitoring.window)):
            _log.warning("feasibility: %s", late)
            reasons[-1]["reason"] += f"; {late}"
        return {
            "question": question_evidence(case, question),
            "start": settled[model_input.DECISION_TIME].min().isoformat(),
            "end": plan.test.start.isoformat(),
            "time_zone": plan.time_zone,
            "rows": len(settled),
            "unavailable": _counts(settled),
            "outcome": {
                name: _interval(values, _blocks(observed), gates) for name, values in task.shares(target).items()
            },
            "periods": _periods(settled, plan, task),
            "value": value,
            "minimum_value_per_1000": question.success.minimum_value_per_1000,
            "detectable": detectable,
            "go": all(reason["passed"] for reason in reasons),
            "reasons": reasons,
        }

    return assess_feasibility


def require_go(feasibility: FeasibilityEvidence) -> None:
    """Stop before any model is fitted when the answer is no-go.

    Raises
    ------
    GateBlocked
        With the reasons.
    """
    if not feasibility["go"]:
        reasons = "; ".join(reason["reason"] for reason in feasibility["reasons"] if not reason["passed"])
        raise GateBlocked(f"feasibility says no-go: {reasons}")


def require_no_leak(leakage: LeakageEvidence) -> None:
    """Stop before any model is fitted when an input knows the outcome.

    Raises
    ------
    GateBlocked
        With every leak.
    """
    if not leakage["passed"]:
        found = "".join(f"\n  {leak['check']}: {leak['message']}" for leak in leakage["leaks"])
        raise GateBlocked(
            f"leakage: {len(leakage['leaks'])} findings; take the inputs out of `features`, or give a reason in "
            f"`leakage.exempt`:{found}"
        )


def enough_outcomes(task: Task, target: np.ndarray, question: BusinessQuestion) -> GateEvidence:
    """Weigh the outcomes to train on: of the rarest kind there must be enough.

    Parameters
    ----------
    target : ndarray of float64, shape (n,)
        The observed outcomes, as the task encodes them.
    """
    counts, wanted = task.counts(target), question.success.minimum_positives
    rarest = min(counts, key=lambda name: counts[name])
    return _reason(
        f"enough {rarest} outcomes", counts[rarest] >= wanted,
        f"{counts[rarest]:,} {rarest} outcomes, expected at least {wanted:,}",
        found=counts[rarest], limit=wanted,
    )  # fmt: skip


def _blocks(table: pd.DataFrame) -> np.ndarray:
    return block_ids(table[model_input.DECISION_TIME].dt.tz_localize(None).to_numpy(), DAY)


def _interval(values: np.ndarray, block: np.ndarray, gates: GateLimits) -> IntervalEvidence:
    return interval_evidence(clustered_mean_interval(values, block, gates.level))


def _values(settled: pd.DataFrame, task: Task, gates: GateLimits) -> tuple[dict[str, IntervalEvidence], np.ndarray]:
    """Return the worth of each trivial policy and of perfection, and per row what perfection gains over the best."""
    outcome = settled[model_input.TARGET].to_numpy(dtype=np.float64), unavailable_rows(settled)
    block = _blocks(settled)
    times = decision_times(settled)

    def worth(action: np.ndarray) -> np.ndarray:
        return task.gains(*outcome, task.done(action, times)) * 1000

    perfect = worth(task.foresight(*outcome, times))
    trivial = {name: worth(np.full(len(settled), action)) for name, action in task.policies.items()}
    best = max(trivial, key=lambda name: trivial[name].mean())
    value = {name: _interval(gain, block, gates) for name, gain in {"perfect": perfect, **trivial}.items()}
    return value, perfect - trivial[best]


def _detectable(
    metric: str, room: np.ndarray, block: np.ndarray, plan: SplitPlan, gates: GateLimits
) -> DetectableEvidence:
    """Say what a window as long as the test shows, by the median of such windows before it.

    The spread between days is that of what a perfect model gains; that of a real model's gain is smaller, so this errs
    on the side of caution. The median keeps one extreme month from standing for all.
    """
    days = max(round((plan.test.end - plan.test.start) / DAY), 2)
    window = (block.max() - block) // days
    parts = [window == number for number in np.unique(window)]
    found = [
        minimum_detectable_mean(room[part], block[part], days, gates.level, _POWER)
        for part in parts
        if np.unique(block[part]).size > days / 2
    ]
    return {
        "metric": metric,
        "gain": float(np.median(found or [minimum_detectable_mean(room, block, days, gates.level, _POWER)])),
        "power": _POWER,
        "level": gates.level,
        "n_blocks": days,
    }


def _reasons(
    task: Task,
    target: np.ndarray,
    value: dict[str, IntervalEvidence],
    detectable: DetectableEvidence,
    loss: float,
    question: BusinessQuestion,
) -> list[GateEvidence]:
    """Weigh outcomes, worth and evidence; the last by the loss, as the gates will."""
    trivial = max(value[name]["estimate"] for name in task.policies)
    room, needed = value["perfect"]["estimate"] - trivial, question.success.minimum_value_per_1000
    metric = task.loss.replace("_", " ")
    return [
        enough_outcomes(task, target, question),
        _reason(
            "outcomes differ", len(np.unique(target)) > 1,
            f"{len(np.unique(target)):,} different outcomes on {len(target):,} rows, expected at least 2",
            found=len(np.unique(target)), limit=2,
        ),
        _reason(
            "enough to gain", room >= needed,
            f"perfect prediction is worth {room:,.0f} {question.value.unit} per 1,000 decisions more than the best "
            f"trivial action, expected at least {needed:,.0f}",
            found=room, limit=needed,
        ),
        _reason(
            "gain can be seen", detectable["gain"] <= loss,
            f"the test window shows gains in {metric} from {detectable['gain']:,.4g} on, of {loss:,.4g} that there "
            f"are to gain over the best constant",
            found=detectable["gain"], limit=loss,
        ),
    ]  # fmt: skip


def _arrived(settled: pd.DataFrame, test: pd.DataFrame, gates: GateLimits) -> GateEvidence:
    """Refuse a test window whose outcomes are still to come: the evidence gate would, after the search.

    Those that come first are no fair part of all: a cancellation is known at once, a stay only when it is over.
    """
    known = test.loc[test[model_input.OUTCOME] == model_input.OBSERVED, model_input.TARGET]
    kinds, arrived = known.nunique(), float((test[model_input.OUTCOME] != model_input.PENDING).mean())
    reason = f"{len(known):,} of {len(test):,} outcomes of the test window are known, {kinds:,} different ones"
    if arrived < gates.minimum_label_share:
        taken = (settled[model_input.LABEL_TIME] - settled[model_input.DECISION_TIME]).dt.total_seconds()
        days = math.ceil(taken.quantile(gates.minimum_label_share) / DAY.total_seconds())
        reason += (
            f"; before it {gates.minimum_label_share:.0%} of the outcomes took up to {days} days: `split.label_delay: "
            f"{days}d` lays the split so much earlier"
        )
    passed = kinds > 1 and arrived >= gates.minimum_label_share
    return _reason("outcomes have arrived", passed, reason, found=arrived, limit=gates.minimum_label_share)


def _unlike(observed: pd.DataFrame, task: Task, window: timedelta) -> str:
    """Say how much later one kind of outcome comes than another, where that spoils what windows are judged by.

    Of a number, the upper tenth is one kind and the rest the other.
    """
    target = observed[model_input.TARGET].to_numpy(dtype=np.float64)
    kind = target if task.objective.kind in ("binary", "multiclass") else target >= np.quantile(target, 0.9)
    taken = observed[model_input.LABEL_TIME] - observed[model_input.DECISION_TIME]
    kinds = taken.groupby(kind)
    delays = kinds.quantile(_NEARLY_ALL)[kinds.size() >= _FEWEST_OF_A_KIND]
    if len(delays) < 2 or delays.max() <= max(2 * delays.min(), window):
        return ""
    first, last = delays.min() / DAY, delays.max() / DAY
    return (
        f"{_NEARLY_ALL:.0%} of one kind of outcome take up to {last:.3g} days, of another {first:.3g}: declare "
        f"`split.label_delay: {math.ceil(last)}d`, or monitoring judges windows by those that come early"
    )


def _reason(gate: str, passed: bool, reason: str, **figures: float) -> GateEvidence:
    return {
        "gate": gate,
        "passed": bool(passed),
        "reason": reason,
        "figures": {k: float(v) for k, v in figures.items()},
    }


def _counts(table: pd.DataFrame) -> dict[str, int]:
    reasons = table.loc[table[model_input.OUTCOME] == model_input.UNAVAILABLE, model_input.REASON]
    return {str(reason): int(count) for reason, count in reasons.value_counts().sort_index().items()}


def _periods(table: pd.DataFrame, plan: SplitPlan, task: Task) -> list[PeriodRate]:
    local = table[model_input.DECISION_TIME].dt.tz_convert(plan.time_zone).dt.tz_localize(None)
    first_fold = pd.Timestamp(plan.folds[0].start)
    periods: list[PeriodRate] = []
    for period, rows in table.groupby(local.dt.to_period("M")):
        observed = rows[rows[model_input.OUTCOME] == model_input.OBSERVED]
        start, end = rows[model_input.DECISION_TIME].min(), rows[model_input.DECISION_TIME].max()
        periods.append(
            {
                "period": str(period),
                "start": start.isoformat(),
                "end": end.isoformat(),
                "part": "train" if start < first_fold else "validation",
                "rows": len(rows),
                "labelled": len(observed),
                "outcome": {
                    name: float(values.mean())
                    for name, values in task.shares(observed[model_input.TARGET].to_numpy(dtype=np.float64)).items()
                    if len(observed)
                },
            }
        )
    return periods
