"""The one feature path: raw columns and history in, model features out; for a table and for a single request."""

from collections.abc import Mapping

import numpy as np

from model_lifecycle.contracts.base import Contract
from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.errors import FeatureError
from model_lifecycle.features.calendar import calendar_parts
from model_lifecycle.features.encoding import encode_category
from model_lifecycle.features.history import History, history_priors


class FeatureState(Contract):
    """What is fitted on the training window and travels in the release: constants only."""

    priors: dict[str, float]
    categories: dict[str, tuple[str, ...]]


def fit_feature_state(
    spec: FeatureSpec, training: Columns, events: Mapping[str, Columns], until: np.datetime64
) -> FeatureState:
    """Fit the constants: priors on events known before ``until``, known categories on the training rows.

    Raises
    ------
    FeatureError
        If a 'rate' has no event to take its prior from.
    """
    categories = {
        name: tuple(sorted(set(encode_category(training[name], spec.missing_category)))) for name in spec.categorical
    }
    return FeatureState(priors=history_priors(spec, events, until), categories=categories)


def compute_features(
    spec: FeatureSpec, state: FeatureState, columns: Columns, times: np.ndarray, history: History
) -> dict[str, np.ndarray]:
    """Compute all features of each row as of its decision time.

    Parameters
    ----------
    spec : FeatureSpec
        What to compute; the result has its names in its order.
    state : FeatureState
        Constants fitted on the training window.
    columns : columns
        The raw inputs ``spec.inputs()``, n rows.
    times : ndarray of datetime64[us], shape (n,)
        Decision times in UTC.
    history : History
        Events; each row sees those known at its own decision time.

    Returns
    -------
    dict of ndarray, shape (n,)
        float64 for numeric, calendar and history features, object (str) for categorical ones.

    Raises
    ------
    FeatureError
        If an input column is absent or of another type, or a decision time is missing.
    """
    try:
        return _computed(spec, state, columns, times, history)
    except KeyError as error:
        absent = sorted(set(spec.inputs()) - set(columns))
        if not absent:
            raise
        raise FeatureError(f"input columns {absent} are absent; found {sorted(columns)}") from error


def _computed(
    spec: FeatureSpec, state: FeatureState, columns: Columns, times: np.ndarray, history: History
) -> dict[str, np.ndarray]:
    row_count(columns)
    if np.isnat(times).any():
        raise FeatureError(f"{int(np.isnat(times).sum())} of {len(times)} decision times are missing, expected none")
    features = {name: _of_kind(name, columns[name], "fiub", "numbers").astype(np.float64) for name in spec.numeric}
    for calendar in spec.calendar:
        _of_kind(calendar.column, columns[calendar.column], "M", "times")
        parts = calendar_parts(columns[calendar.column], calendar.time_zone, calendar.parts)
        features |= dict(zip(calendar.names(), parts, strict=True))
    features |= history.compute(columns, times, state.priors)
    for name in spec.categorical:
        features[name] = encode_category(columns[name], spec.missing_category)
    return features


def _of_kind(name: str, values: np.ndarray, kinds: str, words: str) -> np.ndarray:
    if values.dtype.kind not in kinds:
        raise FeatureError(f"input column {name!r} has type {values.dtype}, expected {words}")
    return values
