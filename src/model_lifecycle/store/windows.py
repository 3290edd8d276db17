"""Windows of predictions, with or without their labels, as tables for monitoring."""

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection, Select, func, select, true

from model_lifecycle.store.encoding import from_json
from model_lifecycle.store.schema import labels, predictions

_TIMES = ("decision_time", "logged_at", "label_time", "received_at")
_JSON = ("inputs", "features", "flags", "outputs")
_NULLABLE_TEXT = ("outcome", "reason")
_NUMBERS = ("score", "threshold", "value", "propensity")


def prediction_window(start: int, end: int, shadow: bool = False) -> Select[*tuple[object, ...]]:
    """Select answers, or what a shadow scored instead, with ``start <= decision_time < end``, in microseconds."""
    time, role = predictions.c.decision_time, predictions.c.role
    action = func.coalesce(predictions.c.action, predictions.c.decision).label("action")
    columns = [action if column.name == "action" else column for column in predictions.c]
    window = select(*columns).where(time >= start, time < end, role == "shadow" if shadow else role != "shadow")
    return window.order_by(time, predictions.c.prediction_id)


def answers_by_id(after: str, before: str, limit: int) -> Select[*tuple[object, ...]]:
    """Select answers between two ids, both excluded, in their order."""
    key = predictions.c.prediction_id
    query = select(*predictions.c).where(key > after, key < before, predictions.c.role != "shadow")
    return query.order_by(key).limit(limit)


def last_shadow(release: str) -> Select[str]:
    """Select the last id under which a release has scored as a shadow."""
    mine = (predictions.c.role == "shadow") & (predictions.c.release == release)
    return select(predictions.c.prediction_id).where(mine).order_by(predictions.c.prediction_id.desc()).limit(1)


def labelled_window(start: int, end: int, as_of: int, shadow: bool = False) -> Select[*tuple[object, ...]]:
    """Select a `prediction_window`, each row with the last received of the labels with ``label_time <= as_of``."""
    return _labelled(prediction_window(start, end, shadow), labels.c.label_time <= as_of, whole=True)


def outcomes_since(after: str) -> Select[*tuple[object, ...]]:
    """Select the answers with a higher id and a label, each with the last received, in the order of their ids."""
    names = ("prediction_id", "decision_id", "decision_time", "release", "role", "score", "threshold", "decision")
    columns = [predictions.c[name] for name in (*names, "outputs", "inputs")]
    answers = select(*columns).where(predictions.c.prediction_id > after, predictions.c.role != "shadow")
    return _labelled(answers.order_by(predictions.c.prediction_id), true(), whole=False)


def observed_outcomes(start: int, end: int, as_of: int) -> Select[int]:
    """Count the decisions of a window whose outcome, as known at `as_of`, is observed and not older than they are."""
    window = prediction_window(start, end).with_only_columns(predictions.c.decision_id, predictions.c.decision_time)
    known = _labelled(window.order_by(None), labels.c.label_time <= as_of, whole=False).subquery()
    seen = (known.c.outcome == "observed") & (known.c.label_time >= known.c.decision_time)
    return select(func.count(known.c.decision_id.distinct())).where(seen)


def _labelled(
    window: Select[*tuple[object, ...]], known: ColumnElement[bool], *, whole: bool
) -> Select[*tuple[object, ...]]:
    """Add the last received of the known labels to each row; without one it stays if the window is to be whole."""
    decisions = window.with_only_columns(predictions.c.decision_id).order_by(None)
    rank = func.row_number().over(
        partition_by=labels.c.decision_id, order_by=(labels.c.received_at.desc(), labels.c.sequence.desc())
    )
    ranked = select(*labels.c, rank.label("rank")).where(known, labels.c.decision_id.in_(decisions)).subquery()
    latest = (ranked.c.decision_id == predictions.c.decision_id) & (ranked.c.rank == 1)
    return window.add_columns(
        ranked.c.outcome, ranked.c.value, ranked.c.reason, ranked.c.label_time, ranked.c.received_at
    ).join_from(predictions, ranked, latest, isouter=whole)


def read_frame(connection: Connection, query: Select[*tuple[object, ...]]) -> pd.DataFrame:
    """Run a query of this module.

    Returns
    -------
    pandas.DataFrame
        Times as ``datetime64[us, UTC]`` (NaT where unlabelled), numbers as float64 (NaN), `outcome` and `reason` as
        object with None, `inputs`, `features`, `flags` and `outputs` as dicts, the rest as the query gives it.
    """
    result = connection.execute(query)
    names = list(result.keys())
    rows = result.all()
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    return pd.DataFrame({name: _series(name, values) for name, values in zip(names, columns, strict=True)})


def _series(name: str, values: tuple[object, ...]) -> pd.Series:
    if name in _TIMES:
        missing = np.iinfo(np.int64).min  # numpy's own mark for NaT
        micros = np.array([missing if value is None else value for value in values], dtype=np.int64)
        return pd.Series(micros.view("datetime64[us]")).dt.tz_localize("UTC")
    if name in _JSON:
        return pd.Series([from_json(str(value)) for value in values], dtype=object)
    if name in _NUMBERS:
        return pd.Series(values, dtype=np.float64)
    if name == "watermark":
        return pd.Series(values, dtype=np.int64)
    return pd.Series(values, dtype=object if name in _NULLABLE_TEXT else "str")
