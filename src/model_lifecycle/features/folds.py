"""Which rows a fold trains on and which it is judged on."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.split import Fold
from model_lifecycle.features.tables import to_columns

PERIODS = {
    "year": pd.DateOffset(years=1),
    "quarter": pd.DateOffset(months=3),
    "month": pd.DateOffset(months=1),
    "week": pd.DateOffset(weeks=1),
    "day": pd.DateOffset(days=1),
}


def periods_before(moment: datetime, split: SplitSpec, count: int) -> pd.Timestamp:
    """Return the moment so many periods earlier on the clocks of the split's time zone, in UTC."""
    wall = pd.Timestamp(moment).tz_convert(split.time_zone)
    return (wall - PERIODS[split.period] * count).tz_convert("UTC")


def learnt_since(as_of: datetime, split: SplitSpec) -> datetime | None:
    """Return from when on decisions count for a split as of a moment, None where all of them do."""
    if split.train_periods is None:
        return None
    first = periods_before(as_of - split.label_delay, split, split.test_periods + split.validation_periods)
    return periods_before(first - split.label_delay, split, split.train_periods).to_pydatetime()


def age_when_made(as_of: datetime, split: SplitSpec, *, refit: bool) -> timedelta:
    """Return how old the training data of a release are when it is made: outcomes and the test window come after."""
    if refit:
        return split.label_delay
    first = periods_before(as_of - split.label_delay, split, split.test_periods)
    return (pd.Timestamp(as_of) - first).to_pytimedelta() + split.label_delay


def training_rows(table: pd.DataFrame, fold: Fold) -> np.ndarray:
    """Return a mask of the rows that were decided in its training span and labelled before it, bool, shape (n,)."""
    decided, labelled = table[model_input.DECISION_TIME], table[model_input.LABEL_TIME]
    start = pd.Timestamp(fold.start)
    known = (table[model_input.OUTCOME] == model_input.OBSERVED) & (labelled < start)
    return (
        known & (decided >= pd.Timestamp(fold.train_start)) & (decided < pd.Timestamp(fold.trained_until))
    ).to_numpy(dtype=bool)


def row_weights(table: pd.DataFrame, rows: np.ndarray, fold: Fold, half_life: timedelta | None) -> np.ndarray | None:
    """Return how much each training row of a fold counts, float64, shape (n_rows,); None: all alike.

    A row's weight is ``0.5 ** (age / half_life)``, its age counted back from the start of the fold.
    """
    if half_life is None:
        return None
    age = (pd.Timestamp(fold.start) - table.loc[rows, model_input.DECISION_TIME]) / half_life
    return np.asarray(0.5 ** age.to_numpy(dtype=np.float64))


def fold_rows(table: pd.DataFrame, fold: Fold) -> np.ndarray:
    """Return a mask of all rows decided inside the fold, with or without an outcome, bool, shape (n,)."""
    decided = table[model_input.DECISION_TIME]
    inside = (decided >= pd.Timestamp(fold.start)) & (decided < pd.Timestamp(fold.end))
    return inside.to_numpy(dtype=bool)


def observed_rows(table: pd.DataFrame) -> np.ndarray:
    """Return a mask of the rows with an observed outcome, bool, shape (n,)."""
    return (table[model_input.OUTCOME] == model_input.OBSERVED).to_numpy(dtype=bool)


def unavailable_rows(table: pd.DataFrame) -> np.ndarray:
    """Return a mask of the rows whose outcome will never be observed, bool, shape (n,)."""
    return (table[model_input.OUTCOME] == model_input.UNAVAILABLE).to_numpy(dtype=bool)


def decision_times(table: pd.DataFrame) -> np.ndarray:
    """Return the decision times, datetime64[us] in UTC, shape (n,)."""
    times = table[model_input.DECISION_TIME].dt.tz_convert("UTC").dt.tz_localize(None)
    return np.asarray(times.to_numpy(dtype="datetime64[us]"))


def features_of(table: pd.DataFrame, spec: FeatureSpec, rows: np.ndarray) -> Columns:
    """Return the chosen rows' features as columns."""
    return to_columns(table.loc[rows, list(spec.names())])
