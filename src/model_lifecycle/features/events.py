"""Events as a case or a file gives them: held against their declaration, and from when on each may be used."""

import numpy as np
import pandas as pd

from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.table import LARGEST_INTEGER
from model_lifecycle.errors import ContractError
from model_lifecycle.features.fixed_point import LARGEST
from model_lifecycle.features.tables import too_large

_FIXED = ("event_id", "kind", "event_time")


def with_known_at(where: str, events: pd.DataFrame, spec: FeatureSpec) -> pd.DataFrame:
    """Return checked events with ``known_at``: what the event itself says, or its time and its kind's lag.

    Parameters
    ----------
    where : str
        Named in every message.
    events : DataFrame
        ``event_id``, ``kind``, ``event_time``, the entities and values of the declared kinds, and perhaps
        ``known_at``, missing where an event does not say it. Times are aware.
    spec : FeatureSpec
        Declares the kinds.

    Returns
    -------
    DataFrame
        Times in UTC, to the microsecond; values as float64.

    Raises
    ------
    ContractError
        If a column is absent, or an event is of an undeclared kind, has no id, that of another one, no time, a time
        without zone, an entity or a value beyond the limits or a value that is no number, or was known before it
        happened.
    """
    entities = list(dict.fromkeys(name for kind in spec.events.values() for name in kind.entities))
    values = list(dict.fromkeys(name for kind in spec.events.values() for name in kind.values))
    absent = sorted({*_FIXED, *entities, *values} - set(events.columns))
    if absent:
        raise ContractError(f"{where}: columns {absent} are absent; found {sorted(map(str, events.columns))[:20]}")
    refuse(where, ~events["kind"].isin(list(spec.events)), f"kinds beside {sorted(spec.events)}", events["kind"])
    refuse(where, events["event_id"].isna(), "no event_id", events["event_id"])
    refuse(where, events["event_id"].duplicated(), "an event_id that occurs before", events["event_id"])
    happened = _instants(where, events["event_time"])
    refuse(where, happened.isna(), "no event_time", happened)
    lags = {kind: pd.Timedelta(declared.availability_lag) for kind, declared in spec.events.items()}
    known = (happened + events["kind"].map(lags).astype("timedelta64[us]")).dt.as_unit("us")
    if "known_at" in events:
        told = _instants(where, events["known_at"])
        refuse(where, told < happened, "known_at before event_time", told)
        known = told.fillna(known)
    for name in entities:
        what = f"{name} beyond ±{LARGEST_INTEGER}, where an id has to be text"
        refuse(where, pd.Series(too_large(events[name])), what, events[name])
    numbers = {name: _numbers(where, events[name]) for name in values}
    return events.assign(event_time=happened, known_at=known, **numbers)


def refuse(where: str, wrong: pd.Series, what: str, values: pd.Series) -> None:
    """Raise a `ContractError` that counts and shows the wrong events, if there are any."""
    if wrong.any():
        rows = np.flatnonzero(wrong.to_numpy())
        shown = [str(value)[:40] for value in values.iloc[rows[:3]]]
        raise ContractError(
            f"{where}: {len(rows):,} of {len(wrong):,} events with {what}, such as {shown} (rows {rows[:3].tolist()})"
        )


def _instants(where: str, values: pd.Series) -> pd.Series:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        times: pd.Series = values.dt.tz_convert("UTC").dt.as_unit("us")
        return times
    what = f"{values.name} of type {values.dtype} where a time with its zone is expected"
    refuse(where, values.notna(), what, values)
    return pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]", name=values.name)


def _numbers(where: str, values: pd.Series) -> pd.Series:
    numbers: pd.Series = pd.to_numeric(values, errors="coerce").astype("float64")
    wrong = (numbers.isna() & values.notna()) | (numbers.abs() > LARGEST)
    refuse(where, wrong, f"{values.name} that is no number within ±{LARGEST:g}", values)
    return numbers
