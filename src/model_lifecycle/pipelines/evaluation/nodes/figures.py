"""The figures of the test window, each with an interval that respects dependence in time."""

from collections.abc import Callable
from typing import TypedDict

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion, Slice
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.errors import StatisticError
from model_lifecycle.pipelines.evaluation.nodes.scores import CHAMPION, act_of, models_of, score_of
from model_lifecycle.reporting.conversion import interval_evidence
from model_lifecycle.reporting.evidence import (
    CalibrationEvidence,
    DifferenceEvidence,
    IntervalEvidence,
    SliceEvidence,
    ThresholdEvidence,
)
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.calibration import (
    calibration_slope_intercept,
    expected_calibration_error,
    reliability,
)
from model_lifecycle.statistics.discrimination import auc_contributions, average_precision
from model_lifecycle.statistics.intervals import (
    Interval,
    clustered_mean_interval,
    jackknife_interval,
    paired_difference_interval,
)
from model_lifecycle.statistics.proper_scores import log_losses, squared_errors


class TestFigures(TypedDict):
    """All figures of one evaluation; the shapes are those of `reporting.evidence`."""

    subject: str
    baselines: list[str]
    champion: str | None
    rows: int
    labelled: int
    metrics: dict[str, dict[str, IntervalEvidence]]
    differences: list[DifferenceEvidence]
    value: dict[str, IntervalEvidence]
    threshold: ThresholdEvidence
    calibration: CalibrationEvidence
    slices: list[SliceEvidence]


class _Sample:
    """The observed test rows, and all settled ones, day by day."""

    def __init__(self, scores: pd.DataFrame, question: BusinessQuestion, gates: GateLimits) -> None:
        self.settled = scores[scores[model_input.OUTCOME] != model_input.PENDING].reset_index(drop=True)
        self.observed = self.settled[self.settled[model_input.OUTCOME] == model_input.OBSERVED].reset_index(drop=True)
        if self.observed.empty:
            raise StatisticError("test window: no observed outcome, expected some; labels may not have arrived yet")
        self.target = self.observed[model_input.TARGET].to_numpy(dtype=np.float64)
        self.block, self.settled_block = _days(self.observed), _days(self.settled)
        self.gain = settled_gains(self.settled, question)
        self.gates = gates

    def mean(self, values: np.ndarray, block: np.ndarray) -> IntervalEvidence:
        return _interval(
            lambda: clustered_mean_interval(values, block, self.gates.level), lambda: float(np.mean(values)), self.gates
        )

    def jackknife(self, statistic: Callable[..., float], *arrays: np.ndarray) -> IntervalEvidence:
        return _interval(
            lambda: jackknife_interval(statistic, self.block, *arrays, level=self.gates.level),
            lambda: statistic(*arrays),
            self.gates,
        )


def settled_gains(settled: pd.DataFrame, question: BusinessQuestion) -> np.ndarray:
    """Return what acting gains on each settled row, in the question's unit, float64, shape (n,)."""
    unavailable = (settled[model_input.OUTCOME] == model_input.UNAVAILABLE).to_numpy(dtype=bool)
    return question.value.gains(settled[model_input.TARGET].to_numpy(), unavailable)


def _days(rows: pd.DataFrame) -> np.ndarray:
    return block_ids(rows[model_input.DECISION_TIME].dt.tz_localize(None).to_numpy(), DAY)


def _interval(compute: Callable[[], Interval], point: Callable[[], float], gates: GateLimits) -> IntervalEvidence:
    """Return the interval; with too few blocks for one, the bare estimate, on which no gate passes."""
    try:
        return interval_evidence(compute())
    except StatisticError:
        bare = float(point())
        return {"estimate": bare, "lower": None, "upper": None, "level": gates.level, "n_blocks": 1, "n_effective": 1.0}


def compute_figures(
    scores: pd.DataFrame,
    subject: str,
    baselines: list[str],
    question: BusinessQuestion,
    gates: GateLimits,
    threshold: float,
) -> TestFigures:
    """Compute all figures.

    Every interval rests on the days of the window and on how much they depend on one another. Differences are paired,
    row by row. Values are per 1,000 decisions over all settled rows, unavailable ones included.

    Raises
    ------
    StatisticError
        If no test row has an observed outcome, or they are all of one class.
    """
    sample = _Sample(scores, question, gates)
    models = models_of(scores)
    champion = CHAMPION if CHAMPION in models else None
    against = [*baselines, *([champion] if champion else [])]
    return {
        "subject": subject,
        "baselines": baselines,
        "champion": champion,
        "rows": len(scores),
        "labelled": len(sample.observed),
        "metrics": {model: _metrics(sample, model) for model in models},
        "differences": [one for other in against for one in _differences(sample, subject, other)],
        "value": _values(sample, subject, champion),
        "threshold": {
            "threshold": threshold,
            "chosen_on": "the validation folds, all rows with a settled outcome",
            "act_share": float(act_of(scores, subject).mean()),
        },
        "calibration": _calibration(sample, subject),
        "slices": [found for part in question.slices for found in _slices(sample, subject, part)],
    }


def _metrics(sample: _Sample, model: str) -> dict[str, IntervalEvidence]:
    score, target = score_of(sample.observed, model), sample.target
    return {
        "log_loss": sample.mean(log_losses(target, score), sample.block),
        "auc": sample.mean(auc_contributions(target, score), sample.block),
        "average_precision": sample.jackknife(average_precision, target, score),
        "brier": sample.mean(squared_errors(target, score), sample.block),
    }


def _differences(sample: _Sample, subject: str, other: str) -> list[DifferenceEvidence]:
    mine, theirs, target = score_of(sample.observed, subject), score_of(sample.observed, other), sample.target
    level = sample.gates.level
    found: list[DifferenceEvidence] = []
    for metric, loss in (("log_loss", log_losses), ("brier", squared_errors)):
        a, b = loss(target, mine), loss(target, theirs)
        interval = _interval(
            lambda a=a, b=b: paired_difference_interval(a, b, sample.block, level),  # type: ignore[misc]
            lambda a=a, b=b: (a - b).mean(),  # type: ignore[misc]
            sample.gates,
        )
        found.append({"model": subject, "against": other, "metric": metric, "interval": interval})
    auc = sample.mean(auc_contributions(target, mine) - auc_contributions(target, theirs), sample.block)
    value = sample.mean(_value_of(sample, subject) - _value_of(sample, other), sample.settled_block)
    found.append({"model": subject, "against": other, "metric": "auc", "interval": auc})
    found.append({"model": subject, "against": other, "metric": "value_per_1000", "interval": value})
    return found


def _value_of(sample: _Sample, model: str) -> np.ndarray:
    return np.where(act_of(sample.settled, model), sample.gain, 0.0) * 1000


def _values(sample: _Sample, subject: str, champion: str | None) -> dict[str, IntervalEvidence]:
    per_row = {
        "model": _value_of(sample, subject),
        **({CHAMPION: _value_of(sample, champion)} if champion else {}),
        "act_always": sample.gain * 1000,
        "act_never": np.zeros(len(sample.gain)),
        "perfect": np.maximum(sample.gain, 0.0) * 1000,
    }
    return {policy: sample.mean(values, sample.settled_block) for policy, values in per_row.items()}


def _calibration(sample: _Sample, subject: str) -> CalibrationEvidence:
    score, target = score_of(sample.observed, subject), sample.target
    bins = reliability(target, score)
    slope, intercept = _line(target, score)
    return {
        "bins": [
            {"mean_prediction": float(mean), "observed_rate": float(rate), "n": int(n)}
            for mean, rate, n in zip(bins.mean_prediction, bins.observed_rate, bins.n, strict=True)
        ],
        "expected_error": expected_calibration_error(target, score),
        "slope": slope,
        "intercept": intercept,
        "in_the_large": sample.mean(score - target, sample.block),
    }


def _line(target: np.ndarray, score: np.ndarray) -> tuple[float | None, float | None]:
    """Return slope and intercept; none where no line fits: scores that part the classes, as a leaked target does."""
    try:
        line = calibration_slope_intercept(target, score)
    except StatisticError:
        return None, None
    return line.slope, line.intercept


def _slices(sample: _Sample, subject: str, part: Slice) -> list[SliceEvidence]:
    column = sample.observed[model_input.SLICE + part.column]
    found: list[SliceEvidence] = []
    for category, rows in column.groupby(column.fillna("(missing)")).groups.items():
        places = rows.to_numpy()
        if len(places) < part.minimum_rows:
            continue
        target, score = sample.target[places], score_of(sample.observed, subject)[places]
        evidence: SliceEvidence = {
            "column": part.column,
            "category": str(category),
            "kind": part.kind,
            "rows": len(places),
            "positives": int(target.sum()),
            "auc": None,
            "log_loss": None,
        }
        try:
            block, level = sample.block[places], sample.gates.level
            evidence["log_loss"] = interval_evidence(clustered_mean_interval(log_losses(target, score), block, level))
            evidence["auc"] = interval_evidence(clustered_mean_interval(auc_contributions(target, score), block, level))
        except StatisticError as error:
            evidence["reason"] = str(error)
        found.append(evidence)
    return found
