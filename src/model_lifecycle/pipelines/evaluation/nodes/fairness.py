"""Groups of a sensitive slice side by side, and the gate that holds their differences to the limits.

Fairlearn says how far groups lie apart. The intervals are this project's own: fairlearn's bootstrap takes rows for
independent.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NotRequired

import numpy as np
import pandas as pd
from typing_extensions import TypedDict

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion, Slice
from model_lifecycle.contracts.gates import GateLimits, GateResult
from model_lifecycle.errors import StatisticError
from model_lifecycle.features.folds import decision_times, observed_rows
from model_lifecycle.pipelines.evaluation.nodes.enough import ends, too_thin
from model_lifecycle.pipelines.evaluation.nodes.scores import action_of, prediction_of
from model_lifecycle.reporting.conversion import interval_evidence
from model_lifecycle.reporting.evidence import FairnessEvidence, GapEvidence, GroupEvidence, IntervalEvidence
from model_lifecycle.reporting.text import number
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.groups import group_difference_interval, group_ratio_interval
from model_lifecycle.statistics.intervals import clustered_mean_interval
from model_lifecycle.tasks import Treatment, task_of

_SHOWN = 5


def compare_groups(
    scores: pd.DataFrame, subject: str, question: BusinessQuestion, gates: GateLimits
) -> list[FairnessEvidence]:
    """Compare how a model's decisions treat the groups of every sensitive slice.

    Parameters
    ----------
    scores : DataFrame
        Of all test rows; a decision counts whether or not its outcome is known, and as far as there was capacity.
    subject : str
        The model that is judged.

    Returns
    -------
    list of FairnessEvidence
        One for each sensitive slice and figure of the task; none when no slice is sensitive.

    Raises
    ------
    StatisticError
        If a prediction or an action is not finite.
    """
    sensitive = [part for part in question.slices if part.kind == "sensitive"]
    if not sensitive:
        return []
    task, times = task_of(question), decision_times(scores)
    target = scores[model_input.TARGET].to_numpy(dtype=np.float64)
    prediction, action = prediction_of(scores, subject), task.done(action_of(scores, subject), times)
    if not (np.isfinite(prediction).all() and np.isfinite(action).all()):
        raise StatisticError(f"{subject}: predictions or actions on test rows are not finite; expected finite numbers")
    treatments = task.treatments(np.where(observed_rows(scores), target, np.nan), prediction, action)
    block = block_ids(times, DAY)
    return [
        _compared(part, scores[model_input.SLICE + part.column], name, treatment, block, gates)
        for part in sensitive
        for name, treatment in treatments.items()
    ]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that count; each array of shape (n,)."""

    values: np.ndarray
    group: np.ndarray
    block: np.ndarray

    def of(self, groups: Sequence[str]) -> "_Rows":
        """Return the rows of some groups."""
        mine = np.isin(self.group, groups)
        return _Rows(self.values[mine], self.group[mine], self.block[mine])


def _compared(
    part: Slice, column: pd.Series, figure: str, treatment: Treatment, block: np.ndarray, gates: GateLimits
) -> FairnessEvidence:
    names = column.astype(object).where(column.notna(), "(missing)").astype(str).to_numpy(dtype=object)
    decisions = pd.Series(names).value_counts()
    groups = part.groups or tuple(sorted(decisions.index))
    counted = np.isfinite(treatment.values)
    rows = _Rows(treatment.values[counted], names[counted], block[counted])
    found = [_group(name, int(decisions.get(name, 0)), rows.of([name]), part, gates) for name in groups]
    judged = [one["group"] for one in found if one["value"] is not None]
    limits = _limits(treatment, gates)
    return {
        "column": part.column,
        "figure": figure,
        "limits": limits,
        "groups": found,
        "gaps": _gaps(rows.of(judged), judged, limits, gates),
        "left_out": len(names) - sum(int(decisions.get(name, 0)) for name in groups),
    }


def _group(name: str, decisions: int, rows: _Rows, part: Slice, gates: GateLimits) -> GroupEvidence:
    n, minimum = len(rows.values), gates.fairness.minimum_rows
    if decisions < part.minimum_rows or n < minimum:
        reason = (
            f"{decisions:,} decisions, of which {n:,} count; expected at least {part.minimum_rows:,}, and {minimum:,}"
        )
        return {"group": name, "rows": n, "value": None, "reason": reason}
    try:
        value = interval_evidence(clustered_mean_interval(rows.values, rows.block, gates.level))
    except StatisticError as error:
        return {"group": name, "rows": n, "value": None, "reason": str(error)}
    return {"group": name, "rows": n, "value": value}


def _limits(treatment: Treatment, gates: GateLimits) -> dict[str, float | None]:
    """Return the limits of the figure by measure."""
    found: dict[str, float | None] = {}
    if treatment.difference is not None:
        share = getattr(gates.fairness, treatment.difference)
        found["difference"] = None if share is None else share * treatment.unit
    if treatment.ratio is not None:
        found["ratio"] = getattr(gates.fairness, treatment.ratio)
    return found


def _gaps(rows: _Rows, judged: list[str], limits: Mapping[str, float | None], gates: GateLimits) -> list[GapEvidence]:
    """Return the widest gap by each measure; no ratio of two groups that both got nothing."""
    from fairlearn.metrics import MetricFrame, mean_prediction

    if len(judged) < 2:
        return []
    frame = MetricFrame(
        metrics=mean_prediction, y_true=rows.values, y_pred=rows.values, sensitive_features=pd.Series(rows.group)
    )
    pairs = [(pair, rows.of(pair)) for pair in combinations(judged, 2)]
    found: list[GapEvidence] = []
    for measure, limit in limits.items():
        compared = [
            _pair(measure, of_both, pair, gates)
            for pair, of_both in pairs
            if measure == "difference" or of_both.values.any()
        ]
        if compared:
            widest = frame.difference() if measure == "difference" else frame.ratio()
            decides = max(compared, key=lambda one: _rank(measure, one, limit, gates))
            found.append({"measure": measure, "widest": float(widest), **decides})
    return found


class _Pair(TypedDict):
    """Two groups, so named that their difference is at least 0 and their ratio at most 1."""

    first: str
    second: str
    interval: IntervalEvidence | None
    reason: NotRequired[str]


def _pair(measure: str, rows: _Rows, names: tuple[str, str], gates: GateLimits) -> _Pair:
    means = {name: float(rows.values[rows.group == name].mean()) for name in names}
    first, second = sorted(names, key=means.__getitem__, reverse=measure == "difference")
    interval = group_difference_interval if measure == "difference" else group_ratio_interval
    try:
        found = interval(rows.values, rows.group == first, rows.block, gates.level)
    except StatisticError as error:
        return {"first": first, "second": second, "interval": None, "reason": str(error)}
    return {"first": first, "second": second, "interval": interval_evidence(found)}


def _rank(measure: str, pair: _Pair, limit: float | None, gates: GateLimits) -> tuple[int, float]:
    """Return what a pair's gap counts: one surely beyond the limit, then what cannot be told, then by its far end."""
    if pair["interval"] is None or too_thin(pair["interval"], gates):
        return 1, 0.0
    near, far = ends(pair["interval"]) if measure == "difference" else [-end for end in ends(pair["interval"])[::-1]]
    allowed = math.inf if limit is None else limit if measure == "difference" else -limit
    return (2 if near > allowed else 0), far


def treated_alike(fairness: Sequence[FairnessEvidence], gates: GateLimits) -> GateResult:
    """Fail unless any two groups are shown to differ by less than the limit, with their whole interval.

    The release bears the burden of proof, as against the champion: one that breaks a limit passes in at most
    ``(1 - level) / 2`` of cases, and too little evidence holds it back.
    """
    if not fairness:
        return GateResult("fairness", True, "no sensitive groups are declared", {})
    held = [one for one in fairness if any(limit is not None for limit in one["limits"].values())]
    found = [
        _judged(one, gap, gates) for one in held for gap in one["gaps"] if one["limits"][gap["measure"]] is not None
    ]
    unknown = [
        f"{one['figure']} of {one['column']}={group['group']} ({group.get('reason')})"
        for one in held
        for group in one["groups"]
        if group["value"] is None
    ]
    unknown += [f"{one['figure']} of {one['column']}: one group" for one in held if len(one["groups"]) == 1]
    unknown += [told for told, used in found if math.isnan(used)]
    beyond = [told for told, used in found if used > 1.0]
    figures = {"comparisons": float(len(found)), "beyond": float(len(beyond)), "unknown": float(len(unknown))}
    if beyond or unknown:
        reason = f"not shown to be within the limit: {_shown(beyond)}; not to be judged: {_shown(unknown)}"
        return GateResult("fairness", False, reason, figures)
    if not found:
        return GateResult("fairness", True, "nothing is held to a limit", figures)
    worst, used = max(found, key=lambda one: one[1])
    return GateResult(
        "fairness", True, f"of {len(found)} comparisons the nearest to its limit: {worst}", {**figures, "used": used}
    )


def _judged(one: FairnessEvidence, gap: GapEvidence, gates: GateLimits) -> tuple[str, float]:
    """Return a gap in words, and how much of its limit it may use up with its whole interval; NaN if nobody knows."""
    interval, measure = gap["interval"], gap["measure"]
    limit = one["limits"][measure]
    sign = "-" if measure == "difference" else "/"
    named = f"{one['figure']} of {one['column']} {gap['first']} {sign} {gap['second']}"
    if interval is None or limit is None:
        return f"{named}: {gap.get('reason', '')}", math.nan
    if thin := too_thin(interval, gates):
        return f"{named}: {thin}", math.nan
    lower, upper = ends(interval)
    used = (upper / limit if limit else math.inf) if measure == "difference" else math.log(lower) / math.log(limit)
    told = f"{number(interval['estimate'])} ({number(lower)} to {number(upper)}), allowed {number(limit)}"
    return f"{named} {told}", used


def _shown(found: list[str]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more if found else "none"
