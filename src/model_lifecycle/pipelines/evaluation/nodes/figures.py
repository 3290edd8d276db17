"""The figures of the test window, each with an interval that respects dependence in time."""

from collections.abc import Callable
from functools import cache
from typing import TypedDict

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion, Slice
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.errors import StatisticError
from model_lifecycle.features.folds import decision_times, observed_rows, unavailable_rows
from model_lifecycle.pipelines.evaluation.nodes.enough import one_sided
from model_lifecycle.pipelines.evaluation.nodes.fairness import compare_groups
from model_lifecycle.pipelines.evaluation.nodes.scores import (
    CHAMPION,
    action_of,
    compared_with,
    models_of,
    prediction_of,
)
from model_lifecycle.pipelines.evaluation.nodes.sensitivity import sensitivity
from model_lifecycle.reporting.conversion import interval_evidence
from model_lifecycle.reporting.evidence import (
    CalibrationEvidence,
    DifferenceEvidence,
    FairnessEvidence,
    IntervalEvidence,
    MonthEvidence,
    SensitivityEvidence,
    SliceEvidence,
    SuccessEvidence,
    ThresholdEvidence,
)
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.discrimination import expected_auc
from model_lifecycle.statistics.intervals import (
    Interval,
    clustered_mean_interval,
    leave_one_out,
)
from model_lifecycle.tasks import Metric, Task, task_of

VALUE = "value_per_1000"
_PER = 1000.0
_SHOWN = 5  # categories that are told by name


class TestFigures(TypedDict):
    """All figures of one evaluation; the shapes are those of `reporting.evidence`."""

    subject: str
    loss: str
    ranking: str
    baselines: list[str]
    champion: str | None
    compared_with: str | None
    rows: int
    settled: int
    labelled: int
    metrics: dict[str, dict[str, IntervalEvidence]]
    differences: list[DifferenceEvidence]
    value: dict[str, IntervalEvidence]
    success: SuccessEvidence
    value_by_month: list[MonthEvidence]
    sensitivity: list[SensitivityEvidence]
    threshold: ThresholdEvidence
    calibration: CalibrationEvidence
    recalibration: list[DifferenceEvidence]
    slices: list[SliceEvidence]
    fairness: list[FairnessEvidence]


class _Sample:
    """The observed test rows, and all settled ones, day by day."""

    def __init__(
        self, scores: pd.DataFrame, question: BusinessQuestion, gates: GateLimits, *, only_judged: bool = False
    ) -> None:
        self.settled = scores[scores[model_input.OUTCOME] != model_input.PENDING].reset_index(drop=True)
        self.observed = self.settled[observed_rows(self.settled)].reset_index(drop=True)
        if self.observed.empty:
            raise StatisticError("test window: no observed outcome, expected some; labels may not have arrived yet")
        self.task = task_of(question)
        self.only_judged = only_judged
        told = (self.task.loss, self.task.ranking) if only_judged else self.task.metrics
        self.metrics = {name: self.task.metrics[name] for name in told}
        self.target = self.observed[model_input.TARGET].to_numpy(dtype=np.float64)
        self.outcome = self.settled[model_input.TARGET].to_numpy(dtype=np.float64), unavailable_rows(self.settled)
        self.times = decision_times(self.settled)
        self.block, self.settled_block = _days(self.observed), _days(self.settled)
        self.gates = gates

    def mean(self, values: np.ndarray, block: np.ndarray) -> IntervalEvidence:
        return _interval(
            lambda: clustered_mean_interval(values, block, self.gates.level),
            lambda: float(np.mean(values)),
            self.gates.level,
        )

    def losses(self, model: str) -> np.ndarray:
        return self.task.losses(self.target, prediction_of(self.observed, model))

    def saved(self, model: str) -> np.ndarray:
        """Return the loss of each row that recalibration on these very rows would save."""
        prediction = prediction_of(self.observed, model)
        anew = self.task.losses(self.target, self.task.recalibrated(self.target, prediction))
        return np.asarray(self.losses(model) - anew)

    def worth(self, action: np.ndarray | float) -> np.ndarray:
        """Return what actions on the settled rows gained, as far as they were done, per 1,000 decisions."""
        every = np.broadcast_to(np.asarray(action, dtype=np.float64), self.times.shape)
        return np.asarray(self.task.gains(*self.outcome, self.task.done(every, self.times)) * _PER)

    def policies(self, subject: str, others: list[str]) -> dict[str, np.ndarray]:
        """Return what each way to decide gained on each settled row."""
        return {
            "model": self.worth(action_of(self.settled, subject)),
            **{other: self.worth(action_of(self.settled, other)) for other in others},
            **{name: self.worth(action) for name, action in self.task.policies.items()},
            "perfect": self.worth(self.task.foresight(*self.outcome, self.times)),
        }


def _days(rows: pd.DataFrame) -> np.ndarray:
    return block_ids(rows[model_input.DECISION_TIME].dt.tz_localize(None).to_numpy(), DAY)


def _interval(compute: Callable[[], Interval], point: Callable[[], float], level: float) -> IntervalEvidence:
    """Return the interval; with too few blocks for one, the bare estimate, on which no gate passes."""
    try:
        return interval_evidence(compute())
    except StatisticError:
        bare = float(point())
        return {"estimate": bare, "lower": None, "upper": None, "level": level, "n_blocks": 1, "n_effective": 1.0}


def compute_figures(
    scores: pd.DataFrame,
    subject: str,
    baselines: list[str],
    question: BusinessQuestion,
    gates: GateLimits,
    threshold: float | None,
    time_zone: str = "UTC",
    *,
    only_judged: bool = False,
) -> TestFigures:
    """Compute all figures, or those alone that the gates read, for who wants nothing but the verdict.

    Every interval rests on the days of the window and on how much they depend on one another. Differences are paired,
    row by row. Values are per 1,000 decisions over all settled rows, unavailable ones included.

    Raises
    ------
    StatisticError
        If no test row has an observed outcome, or they are all alike.
    """
    sample = _Sample(scores, question, gates, only_judged=only_judged)
    task, models = sample.task, models_of(scores)
    champion = CHAMPION if CHAMPION in models else None
    against = [*baselines, *([champion] if champion else [])]
    worth = sample.policies(subject, against)
    decided = pd.Series(task.decisions(action_of(scores, subject))).value_counts(normalize=True)
    return {
        "subject": subject,
        "loss": task.loss,
        "ranking": task.ranking,
        "baselines": baselines,
        "champion": champion,
        "compared_with": compared_with(scores),
        "rows": len(scores),
        "settled": len(sample.settled),
        "labelled": len(sample.observed),
        "metrics": {model: _metrics(sample, model) for model in models},
        "differences": [one for other in against for one in _differences(sample, subject, other, worth)],
        "value": {}
        if only_judged
        else {policy: sample.mean(values, sample.settled_block) for policy, values in worth.items()},
        "success": _success(sample, worth, question),
        "value_by_month": [] if only_judged else _by_month(sample, worth, time_zone),
        "sensitivity": []
        if only_judged
        else sensitivity(
            question,
            sample.outcome,
            sample.times,
            prediction_of(sample.settled, subject),
            action_of(sample.settled, subject),
        ),
        "threshold": {
            "threshold": threshold,
            "chosen_on": "the validation folds, all rows with a settled outcome",
            "decisions": {str(name): float(share) for name, share in decided.items()},
        },
        "calibration": _calibration(sample, subject, against, worth),
        "recalibration": [
            {
                "model": subject, "against": other, "metric": task.loss,
                "interval": sample.mean(sample.saved(subject) - sample.saved(other), sample.block),
            }
            for other in against
        ],
        "slices": [found for part in question.slices for found in _slices(sample, subject, part)],
        "fairness": compare_groups(scores, subject, question, gates),
    }  # fmt: skip


def _metrics(sample: _Sample, model: str) -> dict[str, IntervalEvidence]:
    prediction = prediction_of(sample.observed, model)
    return {name: _metric(sample, metric, prediction) for name, metric in sample.metrics.items()}


def _metric(sample: _Sample, metric: Metric, prediction: np.ndarray) -> IntervalEvidence:
    return _interval(
        lambda: metric.interval(sample.block, sample.target, prediction, sample.gates.level),
        lambda: metric.value(sample.target, prediction),
        sample.gates.level,
    )


def _differences(sample: _Sample, subject: str, other: str, worth: dict[str, np.ndarray]) -> list[DifferenceEvidence]:
    mine, theirs, target = prediction_of(sample.observed, subject), prediction_of(sample.observed, other), sample.target

    def difference(metric: Metric, level: float) -> IntervalEvidence:
        return _interval(
            lambda: metric.difference(sample.block, target, mine, theirs, level),
            lambda: metric.value(target, mine) - metric.value(target, theirs),
            level,
        )

    found: list[DifferenceEvidence] = []
    for name, metric in sample.metrics.items():
        interval = difference(metric, sample.gates.level)
        found.append({"model": subject, "against": other, "metric": name, "interval": interval})
        if name == sample.task.loss:
            found[-1]["bounds"] = difference(metric, one_sided(sample.gates.level))
    value = sample.mean(worth["model"] - worth[other], sample.settled_block)
    found.append({"model": subject, "against": other, "metric": VALUE, "interval": value})
    return found


def _success(sample: _Sample, worth: dict[str, np.ndarray], question: BusinessQuestion) -> SuccessEvidence:
    best = max(sample.task.policies, key=lambda name: float(worth[name].mean()))
    return {
        "minimum_value_per_1000": question.success.minimum_value_per_1000,
        "against": best,
        "gain": sample.mean(worth["model"] - worth[best], sample.settled_block),
    }


def _by_month(sample: _Sample, worth: dict[str, np.ndarray], time_zone: str) -> list[MonthEvidence]:
    local = sample.settled[model_input.DECISION_TIME].dt.tz_convert(time_zone).dt.strftime("%Y-%m").to_numpy()
    found: list[MonthEvidence] = []
    for month in np.unique(local):
        rows = local == month
        block = sample.settled_block[rows]
        value = {policy: sample.mean(values[rows], block) for policy, values in worth.items()}
        found.append({"month": str(month), "rows": int(rows.sum()), "value": value})
    return found


def _calibration(
    sample: _Sample, subject: str, against: list[str], worth: dict[str, np.ndarray]
) -> CalibrationEvidence:
    task, target, prediction = sample.task, sample.target, prediction_of(sample.observed, subject)
    bins = task.reliability(target, prediction)
    acted = action_of(sample.settled, subject).copy()
    seen = observed_rows(sample.settled)
    acted[seen] = task.at_its_word(task.recalibrated(target, prediction), sample.times[seen])
    anew = sample.worth(acted)
    trivial = max(float(worth[name].mean()) for name in task.policies)
    slope, intercept = _line(sample, prediction)
    return {
        "bins": [
            {"mean_prediction": float(mean), "observed_rate": float(rate), "n": int(n)}
            for mean, rate, n in zip(bins.mean_prediction, bins.observed_rate, bins.n, strict=True)
        ],
        "expected_error": bins.expected_error(),
        "slope": slope,
        "intercept": intercept,
        "in_the_large": sample.mean(task.in_the_large(target, prediction), sample.block),
        "in_the_large_of": task.in_the_large_of(target, prediction),
        "miscalibration": {}
        if sample.only_judged
        else {model: sample.mean(sample.saved(model), sample.block) for model in (subject, *against)},
        "value_lost": max(float((anew - worth["model"]).mean()), 0.0),
        "value_room": float(worth["perfect"].mean()) - trivial,
    }


def _line(sample: _Sample, prediction: np.ndarray) -> tuple[IntervalEvidence | None, IntervalEvidence | None]:
    """Return slope and intercept; none where no line fits; without an interval where none fits without some day."""
    task, target = sample.task, sample.target
    whole = None if sample.only_judged else task.calibration_line(target, prediction)
    if whole is None:
        return None, None

    def ends(outcome: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        line = task.calibration_line(outcome, predicted)
        return np.full(2, np.nan) if line is None else np.array([line.slope, line.intercept])

    lines = cache(lambda: leave_one_out(ends, sample.block, target, prediction))
    level = sample.gates.level
    return (
        _interval(lambda: lines().part(0).interval(level), lambda: whole.slope, level),
        _interval(lambda: lines().part(1).interval(level), lambda: whole.intercept, level),
    )


def _slices(sample: _Sample, subject: str, part: Slice) -> list[SliceEvidence]:
    categories = sample.observed[model_input.SLICE + part.column].fillna("(missing)")
    sizes = categories.value_counts()
    small = sizes[sizes < part.minimum_rows]
    found = [
        _slice(sample, subject, part, str(category), rows.to_numpy())
        for category, rows in categories.groupby(categories).groups.items()
        if category not in small.index
    ]
    return [*found, _too_small(sample, part, small)] if len(small) else found


def _too_small(sample: _Sample, part: Slice, sizes: pd.Series) -> SliceEvidence:
    """Tell of the categories of a column that have too few rows, the largest by name."""
    rows = sample.observed[model_input.SLICE + part.column].fillna("(missing)").isin(sizes.index).to_numpy()
    largest = [f"{category} {count:,}" for category, count in sizes.head(_SHOWN).items()]
    more = [f"{len(sizes) - _SHOWN} more"] if len(sizes) > _SHOWN else []
    return {
        "column": part.column,
        "category": "(too small)",
        "kind": part.kind,
        "rows": int(rows.sum()),
        "outcomes": sample.task.counts(sample.target[rows]),
        "ranking": None,
        "loss": None,
        "reason": f"labelled rows: {', '.join([*largest, *more])}; expected at least {part.minimum_rows:,} each",
        "too_small": len(sizes),
    }


def _slice(sample: _Sample, subject: str, part: Slice, category: str, places: np.ndarray) -> SliceEvidence:
    task, target = sample.task, sample.target[places]
    prediction, block = prediction_of(sample.observed, subject)[places], sample.block[places]
    evidence: SliceEvidence = {
        "column": part.column,
        "category": category,
        "kind": part.kind,
        "rows": len(places),
        "outcomes": task.counts(target),
        "ranking": None,
        "loss": None,
    }
    level, ranking = sample.gates.level, task.metrics[task.ranking]
    try:
        evidence["loss"] = interval_evidence(clustered_mean_interval(task.losses(target, prediction), block, level))
        evidence["ranking"] = interval_evidence(ranking.interval(block, target, prediction, level))
        evidence["promised"] = _promised(task, target, prediction)
    except StatisticError as error:
        evidence["reason"] = str(error)
    return evidence


def _promised(task: Task, target: np.ndarray, prediction: np.ndarray) -> float | None:
    """Return the AUC that probabilities lead one to expect, of classes weighted as they happen; None of a quantity."""
    if task.ranking != "auc":
        return None
    promises = [one for one in task.promises(target, prediction).values() if one.event.any()]
    found = [expected_auc(one.probability) for one in promises]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    return float(np.average(known, weights=[one.event.mean() for one in promises]))
