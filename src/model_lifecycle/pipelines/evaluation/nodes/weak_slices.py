"""The parts of the test rows on which the challenger's predictions cannot be taken at their word.

A slice has a higher loss by nature where outcomes are more even, so the loss says little. What is searched for is what
predictions get wrong in a slice *beside what they get wrong everywhere on the same days*: its level, or its slope.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.weak_slices import WeakSliceSpec
from model_lifecycle.features.folds import decision_times, observed_rows
from model_lifecycle.features.tables import to_columns
from model_lifecycle.pipelines.evaluation.nodes.cuts import Cut, cuts
from model_lifecycle.pipelines.evaluation.nodes.scores import prediction_of
from model_lifecycle.reporting.evidence import WeakSliceEvidence, WeakSlicesEvidence
from model_lifecycle.reporting.explanations import CandidateExplanation
from model_lifecycle.scoring import Scorer
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.simultaneous import Series, SimultaneousTests, simultaneous_tests
from model_lifecycle.statistics.within_block import WithinBlock, recalibrate_within

_METHOD = "all slices at once, by the largest statistic under random signs of the days"
_OVERLAP = 0.5  # of the smaller one's rows: then two slices tell the same story
_COMPARED = 1000  # findings among which the surest are looked for
_FEWEST_DAYS = 3
_ROUNDING = 1e-9


def find_weak_slices(
    scores: pd.DataFrame,
    test: pd.DataFrame,
    train: pd.DataFrame,
    explanations: dict[str, CandidateExplanation],
    challenger: Scorer,
    spec: WeakSliceSpec,
    run: RunSpec,
) -> WeakSlicesEvidence:
    """Search the test rows, by every input and by pairs of them, for slices whose predictions are off.

    Parameters
    ----------
    scores, test, train : DataFrame
        Scores and inputs of the test rows, and inputs of the training rows, whose quantiles are the bins.
    explanations : dict
        Of each candidate; how much an input moves the challenger's predictions says whether it is crossed with others.

    Returns
    -------
    WeakSlicesEvidence
        Where nothing is weak, something is found in ``1 - level`` of cases; single inputs and pairs share that equally.
    """
    observed = observed_rows(scores)
    rows = _Rows.of(scores[observed], challenger, spec)
    columns, reference = (_inputs(table, challenger.spec.names()) for table in (test[observed], train))
    importance = explanations[challenger.facts.model]["importance"]
    order = [one["feature"] for one in sorted(importance, key=lambda one: -one["mean_abs_shap"])]
    by_size: dict[int, list[_Test]] = {}
    searched = 0
    for size, cut in cuts(columns, reference, order, spec):
        tests = list(_tests(cut, rows))
        searched += len({code for one in tests for code in one.codes.tolist()})
        by_size.setdefault(size, []).extend(tests)
    sizes = [tests for tests in by_size.values() if tests]
    if rows.n_days < _FEWEST_DAYS or not sizes:
        reason = f"{len(rows.day):,} labelled rows on {rows.n_days} days hold no slice that can be told"
        return {"searched": 0, "found": 0, "level": spec.level, "slices": [], "reason": reason}
    level, rng = 1.0 - (1.0 - spec.level) / len(sizes), np.random.default_rng(run.seed)
    found = [
        one
        for tests in sizes
        for one in _weak(tests, simultaneous_tests([one.series for one in tests], level, spec.draws, rng), level)
    ]
    found.sort(key=lambda one: -one.statistic)
    return {
        "searched": searched,
        "found": len({(id(one.test.cut), int(one.test.codes[one.place])) for one in found}),
        "level": spec.level,
        "slices": [_evidence(one, rows, len(sizes), spec) for one in _apart(found, spec.top)],
    }


def _inputs(table: pd.DataFrame, features: Sequence[str]) -> dict[str, np.ndarray]:
    """Return features and declared slices by name; times are no slices."""
    slices = [str(name) for name in table.columns if str(name).startswith(model_input.SLICE)]
    names = {name.removeprefix(model_input.SLICE): name for name in slices}
    names |= {name: name for name in features}
    columns = to_columns(table[list(names.values())])
    return {name: values for name, column in names.items() if (values := columns[column]).dtype.kind != "M"}


@dataclass(frozen=True, slots=True)
class _Rows:
    """What is known of the labelled test rows."""

    day: np.ndarray
    n_days: int
    losses: np.ndarray
    happened: Mapping[str, np.ndarray]
    left: Mapping[str, WithinBlock]
    weight: Mapping[str, np.ndarray]  # of each day
    minimum: int  # weight of a slice

    @classmethod
    def of(cls, scores: pd.DataFrame, challenger: Scorer, spec: WeakSliceSpec) -> "_Rows":
        """Compare what happened with what the challenger promised."""
        target = scores[model_input.TARGET].to_numpy(dtype=np.float64)
        prediction = prediction_of(scores, challenger.facts.model)
        promises = challenger.task.promises(target, prediction)
        _, day = np.unique(block_ids(decision_times(scores), DAY), return_inverse=True)
        left = {name: recalibrate_within(one.event, one.probability, day) for name, one in promises.items()}
        return cls(
            day,
            int(day.max()) + 1,
            challenger.task.losses(target, prediction),
            {name: one.event for name, one in promises.items()},
            left,
            {name: np.bincount(day, one.weight) for name, one in left.items()},
            spec.minimum_events,
        )


@dataclass(frozen=True, slots=True)
class _Test:
    """One question of all slices of a cut: whether a level, or a slope, is off.

    ``information`` turns what the days add up to into the effect, shape (n_codes,).
    """

    cut: Cut
    codes: np.ndarray
    event: str
    fault: Literal["level", "slope"]
    series: Series
    information: np.ndarray


def _tests(cut: Cut, rows: _Rows) -> Iterator[_Test]:
    """Yield what can be asked of the slices of a cut; predictions that are all alike have no slope."""
    if not cut.kept.size:
        return
    size = len(cut.labels)
    cell = cut.code * rows.n_days + rows.day

    def by_day(values: np.ndarray) -> np.ndarray:
        found = np.bincount(cell, values, minlength=size * rows.n_days).reshape(size, rows.n_days)
        return np.asarray(found[cut.kept])

    def whole(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(cut.code, values, minlength=size)[cut.kept])

    count = whole(np.ones(len(cut.code)))
    for event, left in rows.left.items():
        level, by_weight = by_day(left.residual), by_day(left.weight)
        weight, leaning = by_weight.sum(axis=1), whole(left.weight * left.margin)
        alone = weight - (by_weight**2 / rows.weight[event]).sum(axis=1)
        spread = whole(left.weight * left.margin**2) - leaning**2 / weight
        slope = by_day(left.residual * left.margin) - (leaning / weight)[:, np.newaxis] * level
        enough = weight >= rows.minimum
        yield from _told(cut, event, "level", level, count * alone / weight, enough & (alone > _ROUNDING * weight))
        yield from _told(cut, event, "slope", -slope, spread, enough & (spread > _ROUNDING * weight))


def _told(
    cut: Cut,
    event: str,
    fault: Literal["level", "slope"],
    values: np.ndarray,
    information: np.ndarray,
    told: np.ndarray,
) -> Iterator[_Test]:
    """Yield the test of those slices of which the rows can tell something."""
    if told.any():
        series = Series(values[told], "both" if fault == "level" else "above")
        yield _Test(cut, cut.kept[told], event, fault, series, information[told])


@dataclass(frozen=True, slots=True)
class _Finding:
    """A slice whose sum over the days is told from 0."""

    test: _Test
    place: int  # among the slices of the test
    statistic: float
    half: float  # of the interval of the sum
    p_value: float
    n_effective: float

    @property
    def inside(self) -> np.ndarray:
        """The rows of the slice, bool."""
        return np.asarray(self.test.cut.code == self.test.codes[self.place])


def _weak(tests: Sequence[_Test], results: SimultaneousTests, level: float) -> Iterator[_Finding]:
    places = [(test, place) for test in tests for place in range(len(test.information))]
    for number in np.flatnonzero(results.p_values <= 1.0 - level):
        error = results.standard_errors[number]
        yield _Finding(
            *places[number],
            abs(float(results.sums[number])) / error / results.critical,
            results.critical * error,
            float(results.p_values[number]),
            float(results.n_effective[number]),
        )


def _apart(found: Sequence[_Finding], top: int) -> list[_Finding]:
    """Return the surest findings that do not tell of the same event on much the same rows."""
    kept: list[tuple[_Finding, np.ndarray]] = []
    for one in found[:_COMPARED]:
        inside = one.inside
        if all(one.test.event != other.test.event or not _alike(inside, theirs) for other, theirs in kept):
            kept.append((one, inside))
        if len(kept) == top:
            break
    return [one for one, _ in kept]


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one & other).sum() > _OVERLAP * min(one.sum(), other.sum()))


def _evidence(found: _Finding, rows: _Rows, families: int, spec: WeakSliceSpec) -> WeakSliceEvidence:
    test, inside = found.test, found.inside
    slope = test.fault == "slope"
    total = float(test.series.values[found.place].sum())
    effect, half = (float(one / test.information[found.place]) for one in (total, found.half))
    estimate = 1.0 - effect if slope else effect
    observed = float(rows.happened[test.event][inside].mean())
    return {
        "conditions": dict(test.cut.labels[test.codes[found.place]]),
        "rows": int(inside.sum()),
        "event": test.event,
        "fault": test.fault,
        "observed": observed,
        "predicted": observed - (float(rows.left[test.event].residual[inside].mean()) if slope else effect),
        "effect": {
            "estimate": estimate,
            "lower": estimate - half,
            "upper": estimate + half,
            "level": spec.level,
            "n_blocks": rows.n_days,
            "n_effective": found.n_effective,
            "method": _METHOD,
        },
        "p_value": min(1.0, found.p_value * families),
        "loss": float(rows.losses[inside].mean()),
        "loss_elsewhere": float(rows.losses[~inside].mean()),
    }
