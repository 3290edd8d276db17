"""Events of the past, read from a file and checked before any of them is stored."""

from pathlib import Path

import numpy as np
import pandas as pd

from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.table import LARGEST_INTEGER
from model_lifecycle.errors import ContractError
from model_lifecycle.features.fixed_point import LARGEST
from model_lifecycle.features.tables import too_large

_TIMES = ("event_time", "known_at")


def read_history(path: Path, spec: FeatureSpec, until: str | None) -> pd.DataFrame:
    """Return the events of a file, in the order in which they became known.

    Parameters
    ----------
    path : Path
        Parquet, or CSV (may be compressed), with ``event_id``, ``kind``, ``event_time``, the entities and values of
        the kinds, and perhaps ``known_at`` (the event time and the kind's availability lag by default).
    spec : FeatureSpec
        Declares the kinds.
    until : str, optional
        ISO time with its offset: only events known before it.

    Raises
    ------
    ContractError
        If the file cannot be read, lacks a column, or an event is of an undeclared kind, has no id, no time, a time
        without zone, an entity or a value beyond the limits or a value that is no number, or was known before it
        happened.
    """
    events = _read(path)
    absent = sorted({"event_id", "kind", "event_time"} - set(events.columns))
    if absent:
        raise ContractError(f"{path}: columns {absent} are absent; found {sorted(events.columns)[:20]}")
    _refuse(path, ~events["kind"].isin(list(spec.events)), f"kinds beside {sorted(spec.events)}", events["kind"])
    _refuse(path, events["event_id"].isna(), "no event_id", events["event_id"])
    _refuse(path, events["event_id"].duplicated(), "an event_id that occurs before", events["event_id"])
    events["event_time"] = _instants(path, events["event_time"])
    if "known_at" not in events:
        lags = {kind: pd.Timedelta(declared.availability_lag) for kind, declared in spec.events.items()}
        events["known_at"] = events["event_time"] + events["kind"].map(lags)
    events["known_at"] = _instants(path, events["known_at"])
    _refuse(path, events["known_at"] < events["event_time"], "known_at before event_time", events["known_at"])
    entities = dict.fromkeys(name for kind in spec.events.values() for name in kind.entities)
    values = dict.fromkeys(name for kind in spec.events.values() for name in kind.values)
    lacking = sorted({*entities, *values} - set(events.columns))
    if lacking:
        raise ContractError(f"{path}: columns {lacking} of the declared events are absent")
    for name in entities:
        what = f"{name} beyond ±{LARGEST_INTEGER}, where an id has to be text"
        _refuse(path, pd.Series(too_large(events[name])), what, events[name])
    for name in values:
        numbers = pd.to_numeric(events[name], errors="coerce").astype("float64")
        wrong = (numbers.isna() & events[name].notna()) | (numbers.abs() > LARGEST) | np.isinf(numbers)
        _refuse(path, wrong, f"{name} that is no number within ±{LARGEST:g}", events[name])
        events[name] = numbers
    kept = events[["event_id", "kind", *_TIMES, *entities, *values]]
    if until is not None:
        kept = kept[kept["known_at"] < pd.Timestamp(RunSpec.model_validate({"as_of": until}).as_of)]
    return kept.sort_values(["known_at", "event_id"], kind="stable").reset_index(drop=True)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ContractError(f"{path}: no such file; a finished `kedro run` writes the default one")
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"event_id": str})
    except Exception as error:
        raise ContractError(f"{path}: cannot be read as Parquet or CSV: {error}") from error


def _instants(path: Path, values: pd.Series) -> pd.Series:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        times: pd.Series = values.dt.tz_convert("UTC").dt.as_unit("us")
    else:
        zoned = values.astype("str").str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True)
        _refuse(path, ~zoned, f"{values.name} without its offset, such as 2013-07-01T12:00:00Z", values)
        times = pd.Series(pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")).dt.as_unit("us")
    _refuse(path, times.isna(), f"no readable {values.name}", values)
    return times


def _refuse(path: Path, wrong: pd.Series, what: str, values: pd.Series) -> None:
    if wrong.any():
        rows = np.flatnonzero(wrong.to_numpy())
        shown = [str(value)[:40] for value in values[wrong].head(3)]
        raise ContractError(
            f"{path}: {len(rows):,} of {len(wrong):,} events with {what}, such as {shown} (rows {rows[:3].tolist()})"
        )
