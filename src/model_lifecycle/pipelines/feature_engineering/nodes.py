"""The split in time, the fitted constants, and the features of every decision as of its own moment."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import Fold, SplitPlan
from model_lifecycle.errors import FeatureError
from model_lifecycle.features.folds import periods_before
from model_lifecycle.features.history import History
from model_lifecycle.features.tables import events_by_kind, to_columns, to_table
from model_lifecycle.features.transform import FeatureState, compute_features, fit_feature_state
from model_lifecycle.monitoring.profile import ReferenceProfile
from model_lifecycle.monitoring.reference import build_reference_profile
from model_lifecycle.tasks import task_of

_log = logging.getLogger(__name__)


def plan_split(primary: pd.DataFrame, split: SplitSpec, run: RunSpec, question: BusinessQuestion) -> SplitPlan:
    """Lay the test window and the validation folds back from ``as_of``, in whole calendar periods.

    All of it lies ``split.label_delay`` earlier, where outcomes take long, and each training span ends so long before
    its fold.

    Raises
    ------
    FeatureError
        If there are no decisions before the first fold to train on, or none in the test window.
    """
    times = primary[question.decision_time]
    end = pd.Timestamp(run.as_of) - split.label_delay
    begin = times.min()
    *folds, test = (_fold(begin, start, stop, split) for start, stop in pairwise([*_edges_before(end, split), end]))
    for part, low, high in (("training", folds[0].train_start, folds[0].trained_until), ("test", test.start, test.end)):
        rows = int(((times >= low) & (times < high)).sum())
        if not rows:
            expected = "an earlier as_of" if times.max() < low else "a later as_of or shorter periods"
            raise FeatureError(
                f"run.as_of {run.as_of.isoformat()} with {split.validation_periods} validation and "
                f"{split.test_periods} test periods of a {split.period}: 0 {part} decisions between {low} and "
                f"{high}; decisions run from {times.min()} to {times.max()}, expected {expected}"
            )
    return SplitPlan(time_zone=split.time_zone, folds=tuple(folds), test=test, half_life=split.half_life)


def _edges_before(end: pd.Timestamp, split: SplitSpec) -> list[pd.Timestamp]:
    """Return the starts of the validation periods and of the test, oldest first; the last but one ends at the test."""
    steps = range(split.test_periods + split.validation_periods, split.test_periods - 1, -1)
    return [periods_before(end, split, step) for step in steps]


def _fold(begin: pd.Timestamp, start: pd.Timestamp, end: pd.Timestamp, split: SplitSpec) -> Fold:
    """Train on the periods before the gap, as many as the split says, or on all from ``begin`` on."""
    until = start - split.label_delay
    first = begin if split.train_periods is None else max(begin, periods_before(until, split, split.train_periods))
    return Fold(train_start=first, start=start, end=end, train_end=until if split.label_delay else None)


def fit_state(
    primary: pd.DataFrame, events: pd.DataFrame, spec: FeatureSpec, plan: SplitPlan, question: BusinessQuestion
) -> FeatureState:
    """Fit priors on events known before the first fold, and note the categories seen before the test window."""
    before_test = primary[primary[question.decision_time] < pd.Timestamp(plan.test.start)]
    until = np.datetime64(pd.Timestamp(plan.folds[0].start).tz_localize(None), "us")
    return fit_feature_state(spec, to_columns(before_test), events_by_kind(events, spec), until)


def make_model_input(
    primary: pd.DataFrame,
    events: pd.DataFrame,
    spec: FeatureSpec,
    state: FeatureState,
    plan: SplitPlan,
    question: BusinessQuestion,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute the features of every decision, and part training and validation from test rows.

    Returns
    -------
    train, test : DataFrame
        The features in the specification's order, and the ``row_*`` columns of `contracts.model_input`. Rows without
        an observed outcome are kept: whoever trains leaves them out, whoever counts counts them. Rows after the end of
        the test are in neither.
    """
    columns = to_columns(primary)
    history = History.build(spec, events_by_kind(events, spec))
    _refuse_strange_targets(columns, question)
    features = compute_features(spec, state, columns, columns[question.decision_time], history)
    table = to_table({**features, **_row_columns(columns, question)})
    decided = table[model_input.DECISION_TIME]
    before, after = decided < pd.Timestamp(plan.test.start), decided >= pd.Timestamp(plan.test.end)
    return table[before].reset_index(drop=True), table[~(before | after)].reset_index(drop=True)


def _refuse_strange_targets(columns: Columns, question: BusinessQuestion) -> None:
    """Refuse an observed outcome that the question's task does not know.

    Raises
    ------
    FeatureError
        With the values that were found.
    """
    values, task = columns[question.target], task_of(question)
    observed = columns[question.outcome] == model_input.OBSERVED
    try:
        strange = observed & np.isnan(task.encode(values))
    except (TypeError, ValueError) as error:
        raise FeatureError(
            f"target {question.target!r}: {error}; expected a target for a {question.task} question"
        ) from error
    if strange.any():
        found = list(dict.fromkeys(repr(value) for value in values[strange].tolist()))[:5]
        classes = "" if question.value.task != "multiclass" else f", one of {list(question.value.classes)}"
        raise FeatureError(
            f"target {question.target!r}: {int(strange.sum()):,} observed outcomes such as {', '.join(found)}, "
            f"expected a target for a {question.task} question{classes}"
        )


def _row_columns(columns: Columns, question: BusinessQuestion) -> Mapping[str, np.ndarray]:
    return {
        model_input.DECISION_ID: columns[question.decision_id],
        model_input.DECISION_TIME: columns[question.decision_time],
        model_input.LABEL_TIME: columns[question.label_time],
        model_input.TARGET: task_of(question).encode(columns[question.target]),
        model_input.OUTCOME: columns[question.outcome],
        model_input.REASON: columns[question.outcome_reason],
        **{model_input.SLICE + part.column: columns[part.column] for part in question.slices},
    }


def profile_reference(train: pd.DataFrame, spec: FeatureSpec, monitoring: MonitoringSpec) -> dict[str, object]:
    """Describe the features of training and validation rows, as monitoring will compare live traffic with them.

    Left out are the first rows, as long as the longest window of history, unless that were most: theirs was still
    filling, which live traffic's never is, so what moved then would be taken for what always moves.
    """
    times = train[model_input.DECISION_TIME]
    filled = times >= times.min() + max((one.window for one in spec.history), default=timedelta(0))
    columns = to_columns(train[filled] if 2 * filled.sum() >= len(train) else train)
    features = {name: columns[name] for name in spec.names()}
    found = build_reference_profile(features, columns[model_input.DECISION_TIME], spec, monitoring)
    profile = ReferenceProfile.model_validate(found)
    rows = profile.usual_rows(monitoring.window_rows or profile.rows, monitoring.window)
    if warning := profile.calibration_of(rows).warning():
        _log.warning("drift: %s", warning)
    return found
