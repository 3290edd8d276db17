"""Events of the past, read from a file and checked before any of them is stored."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.records import CLOCK_TOLERANCE
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.errors import ContractError
from model_lifecycle.features.events import refuse, with_known_at

_TIMES = ("event_time", "known_at")
_NO_NUMBER = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")  # a missing value, as programs write it
_WHOLE_FLOAT = r"-?(?:0|[1-9]\d*)\.0"


def read_history(path: Path, spec: FeatureSpec, until: str | None) -> pd.DataFrame:
    """Return the events of a file, in the order in which they became known.

    Parameters
    ----------
    path : Path
        Parquet, or CSV (may be compressed), with ``event_id``, ``kind``, ``event_time``, the entities and values of
        the kinds, and perhaps ``known_at`` (the event time and the kind's availability lag by default, also where it
        is missing). In a CSV the entities are text as it stands there, ``0042`` and ``NA`` too; only an empty field
        is missing. A column of whole numbers that all end in ``.0``, as floats are written, loses that.
    spec : FeatureSpec
        Declares the kinds.
    until : str, optional
        ISO time with its offset: only events known before it.

    Raises
    ------
    ContractError
        If the file cannot be read, an event lies more than a day ahead of the clock, or as of `with_known_at`.
    """
    events, latest = _read(path, spec), datetime.now(UTC) + CLOCK_TOLERANCE
    for name in set(_TIMES) & set(events.columns):
        events[name] = _instants(path, events[name])
        late = f"{name} more than a day from now, expected none after {latest:%Y-%m-%dT%H:%M:%SZ}"
        refuse(str(path), events[name] > latest, late, events[name])
    events = with_known_at(str(path), events, spec)
    entities = dict.fromkeys(name for kind in spec.events.values() for name in kind.entities)
    values = dict.fromkeys(name for kind in spec.events.values() for name in kind.values)
    kept = events[["event_id", "kind", *_TIMES, *entities, *values]]
    if until is not None:
        kept = kept[kept["known_at"] < pd.Timestamp(RunSpec.model_validate({"as_of": until}).as_of)]
    return kept.sort_values(["known_at", "event_id"], kind="stable").reset_index(drop=True)


def _read(path: Path, spec: FeatureSpec) -> pd.DataFrame:
    if not path.is_file():
        raise ContractError(f"{path}: no such file; a finished `kedro run` writes the default one")
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path, spec)
    except Exception as error:
        raise ContractError(f"{path}: cannot be read as Parquet or CSV: {error}") from error


def _read_csv(path: Path, spec: FeatureSpec) -> pd.DataFrame:
    """Read entities as text, since ``0042`` and ``NA`` are ids, and numbers as such."""
    entities = dict.fromkeys(name for kind in spec.events.values() for name in kind.entities)
    text = ("event_id", "kind", *entities)
    found = pd.read_csv(path, nrows=0).columns
    missing = {name: [""] if name in text else list(_NO_NUMBER) for name in found}
    events = pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=missing)
    for name in set(entities) & set(found):
        if events[name].dropna().str.fullmatch(_WHOLE_FLOAT).all():
            events[name] = events[name].str.removesuffix(".0")
    return events


def _instants(path: Path, values: pd.Series) -> pd.Series:
    """Read times that are text; a missing one stays missing."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values
    zoned = values.isna() | values.astype("str").str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True)
    refuse(str(path), ~zoned, f"{values.name} without its offset, such as 2013-07-01T12:00:00Z", values)
    times = pd.Series(pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601"))
    refuse(str(path), times.isna() & values.notna(), f"no readable {values.name}", values)
    return times
