"""What more data would bring and what age costs: the challenger's configuration, fitted on other windows of time.

Everything is judged on the validation folds, raw outputs as in the search; the test rows take no part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.curves import CurvesSpec
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import Fold, SplitPlan
from model_lifecycle.errors import ModelError, StatisticError
from model_lifecycle.features.folds import (
    decision_times,
    features_of,
    fold_rows,
    observed_rows,
    periods_before,
    training_rows,
)
from model_lifecycle.features.tables import outputs_of
from model_lifecycle.models import Model, load_family
from model_lifecycle.reporting.conversion import interval_evidence
from model_lifecycle.reporting.evidence import CurvePoint, CurvesEvidence, IntervalEvidence
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.intervals import clustered_mean_interval
from model_lifecycle.statistics.within_slope import within_slopes
from model_lifecycle.tasks import Task, task_of

_SHARES = (0.25, 0.5)  # of a window


@dataclass(frozen=True)
class _Point:
    """One place on a curve: the loss of every row of the folds that it was judged on, NaN for the others."""

    at: float | None
    rows: int  # fitted on, the mean over the folds
    losses: np.ndarray
    reason: str = ""


class Choice(Protocol):
    """How a candidate is fitted."""

    @property
    def family(self) -> str:
        """The model family."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the search settled on."""
        ...


class Choices(Protocol):
    """All candidates and the one that becomes the challenger."""

    @property
    def challenger(self) -> str:
        """Its name."""
        ...

    @property
    def candidates(self) -> Mapping[str, Choice]:
        """By name."""
        ...


def measure_curves(
    train: pd.DataFrame,
    plan: SplitPlan,
    split: SplitSpec,
    choices: Choices,
    out_of_fold: pd.DataFrame,
    spec: FeatureSpec,
    curves: CurvesSpec,
    gates: GateLimits,
    run: RunSpec,
    question: BusinessQuestion,
) -> CurvesEvidence:
    """Fit the challenger's configuration on less data and on older data, and judge it on the validation folds.

    Models of another *age* end some periods before the fold and have windows of one length, half of the history before
    the first fold in whole periods, so that age and amount of data are not mixed. Those of another *size* end where the
    fold starts, and take the most recent part of that window, or all there is, which the search has fitted.

    Returns
    -------
    CurvesEvidence
        Losses, paired differences to the largest and to the freshest model, and the slope of the loss over the age
        (`within_slopes`). Where something could not be measured, a reason says why.
    """
    found: CurvesEvidence = {
        "model": choices.challenger, "period": split.period, "sizes": [], "ages": [], "loss_per_period": None
    }  # fmt: skip
    if not curves.enabled:
        return {**found, "reason": "switched off by curves.enabled"}
    history = _whole_periods(train[model_input.DECISION_TIME].min(), plan.folds[0].start, split)
    if not history:
        return {**found, "reason": f"no whole {split.period} before the first fold to fit on"}
    length = (min(history, split.train_periods or history) + 1) // 2
    older = max(0, min(curves.ages - len(plan.folds) + 1, history - length))
    oldest = min(curves.ages, len(plan.folds) - 1 + older)
    fits = _Fits(train, plan.folds, split, choices.candidates[choices.challenger], spec, run, task_of(question), older)
    ages = [fits.point(age, age, length) for age in range(oldest + 1)]
    shorter = [fits.point(length * share, 0, length, share) for share in _SHARES]
    everything = fits.of_the_search(outputs_of(out_of_fold, choices.challenger), out_of_fold.index.to_numpy())
    times = decision_times(train)
    found["sizes"] = _told([*shorter, replace(ages[0], at=length), everything], everything, times, gates.level)
    found["ages"] = _told(ages, ages[0], times, gates.level)
    try:
        rows, slopes = within_slopes(np.stack([age.losses for age in ages], axis=1), np.arange(len(ages), dtype=float))
    except StatisticError:
        return {**found, "reason": f"history is too short for a model that is a {split.period} older"}
    return {**found, "loss_per_period": _mean(slopes, times[rows], gates.level)}


def _whole_periods(begin: pd.Timestamp, end: datetime, split: SplitSpec) -> int:
    """Return how many periods of history lie before a moment; one of which at least half is there counts as whole."""
    count, later = 0, pd.Timestamp(end)
    while True:
        earlier = periods_before(end, split, count + 1)
        if earlier + (later - earlier) / 2 < begin:
            return count
        count, later = count + 1, earlier


class _Fits:
    """Fits one configuration on windows of whole periods, each once, and judges it on folds after them."""

    def __init__(
        self,
        train: pd.DataFrame,
        folds: Sequence[Fold],
        split: SplitSpec,
        choice: Choice,
        spec: FeatureSpec,
        run: RunSpec,
        task: Task,
        older: int,
    ) -> None:
        """Lay out the ends of windows: ``older`` periods before the first fold, and the start of every fold."""
        self._train, self._folds, self._split, self._choice = train, folds, split, choice
        self._spec, self._run, self._task, self._older = spec, run, task, older
        before = [periods_before(folds[0].start, split, back) for back in range(older, 0, -1)]
        self._ends = [*before, *(fold.start for fold in folds)]
        self._target = train[model_input.TARGET].to_numpy(dtype=np.float64)
        self._judged = [fold_rows(train, fold) & observed_rows(train) for fold in folds]
        self._fitted: dict[tuple[int, float], tuple[Model, int]] = {}

    def point(self, at: float, age: int, length: int, share: float = 1.0) -> _Point:
        """Judge models of the last share of windows that end ``age`` periods before a fold, where there are any."""
        losses, counts = np.full(len(self._train), np.nan), []
        for place, judged in enumerate(self._judged):
            if (end := self._older + place - age) < 0:
                continue
            try:
                model, rows = self._fit(end, length, share)
            except ModelError as error:
                return _Point(at, 0, np.full(len(self._train), np.nan), str(error))
            raw = model.predict(features_of(self._train, self._spec, judged))
            losses[judged] = self._task.raw_losses(self._target[judged], raw)
            counts.append(rows)
        return _Point(at, round(float(np.mean(counts))), losses)

    def of_the_search(self, raw: np.ndarray, place: np.ndarray) -> _Point:
        """Judge what the search has fitted on all that was there before each fold, by its raw outputs."""
        predicted = np.full((len(self._train), *raw.shape[1:]), np.nan)
        predicted[place] = raw
        judged, losses = np.any(self._judged, axis=0), np.full(len(self._train), np.nan)
        losses[judged] = self._task.raw_losses(self._target[judged], predicted[judged])
        rows = [training_rows(self._train, fold).sum() for fold in self._folds]
        return _Point(None, round(float(np.mean(rows))), losses)

    def _fit(self, end: int, length: int, share: float) -> tuple[Model, int]:
        if (end, share) not in self._fitted:
            start = self._ends[end]
            span = share * (start - periods_before(start, self._split, length))
            gap = self._split.label_delay
            window = Fold(train_start=start - gap - span, start=start, end=start, train_end=start - gap)
            rows = training_rows(self._train, window)
            model = load_family(self._choice.family).fit(
                features_of(self._train, self._spec, rows),
                self._target[rows],
                self._choice.parameters,
                self._run.seed,
                self._run.threads,
                self._task.objective,
            )
            self._fitted[end, share] = model, int(rows.sum())
        return self._fitted[end, share]


def _told(points: Sequence[_Point], reference: _Point, times: np.ndarray, level: float) -> list[CurvePoint]:
    told: list[CurvePoint] = []
    for point in points:
        one: CurvePoint = {"at": point.at, "rows": point.rows, "loss": None, "difference": None}
        judged = np.isfinite(point.losses)
        if point.reason:
            one["reason"] = point.reason
        else:
            one["loss"] = _mean(point.losses[judged], times[judged], level)
            if (fewer := int(judged.sum())) < (all_of_them := int(np.isfinite(reference.losses).sum())):
                one["reason"] = f"on the latest {fewer:,} of {all_of_them:,} decisions alone: compare what is lost"
        more = point.losses - reference.losses
        if point is not reference and (both := np.isfinite(more)).any():
            one["difference"] = _mean(more[both], times[both], level)
        told.append(one)
    return told


def _mean(values: np.ndarray, times: np.ndarray, level: float) -> IntervalEvidence:
    """Return the mean with its interval over days; with too few of them the bare mean."""
    try:
        return interval_evidence(clustered_mean_interval(values, block_ids(times, DAY), level))
    except StatisticError:
        bare = float(values.mean())
        return {"estimate": bare, "lower": None, "upper": None, "level": level, "n_blocks": 1, "n_effective": 1.0}
