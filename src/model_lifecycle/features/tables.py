"""Between pandas tables, as the catalog keeps them, and the columns that everything computes on."""

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.table import LARGEST_INTEGER
from model_lifecycle.errors import FeatureError


def to_columns(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return a table's columns as numpy arrays.

    Returns
    -------
    dict of ndarray
        float64, int64 and bool as they are; times as datetime64[us] in UTC; text as object with None for missing.

    Raises
    ------
    FeatureError
        If a column is of another type.
    """
    return {str(name): _column(str(name), table[name]) for name in table.columns}


def _column(name: str, values: pd.Series) -> np.ndarray:
    types, dtype = pd.api.types, values.dtype
    if types.is_bool_dtype(dtype) and not values.hasnans:
        return values.to_numpy(dtype=bool)
    if types.is_datetime64_any_dtype(dtype):
        if isinstance(dtype, pd.DatetimeTZDtype):
            values = values.dt.tz_convert("UTC").dt.tz_localize(None)
        return values.to_numpy(dtype="datetime64[us]")
    if types.is_integer_dtype(dtype) and not values.hasnans:
        return values.to_numpy(dtype=np.int64)
    if types.is_integer_dtype(dtype) or types.is_float_dtype(dtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if isinstance(dtype, pd.StringDtype) or types.infer_dtype(values) in ("string", "empty"):
        text = values.to_numpy(dtype=object, copy=True)
        text[values.isna().to_numpy()] = None
        return text
    raise FeatureError(f"column {name!r} has type {dtype}, expected number, bool without missing, time or text")


def is_boolean(values: pd.Series) -> bool:
    """Return whether a column holds true and false; with missing ones, as of a CSV file, they are objects to pandas.

    Examples
    --------
    >>> is_boolean(pd.Series([True, None, False], dtype=object)), is_boolean(pd.Series([True, "yes"], dtype=object))
    (True, False)
    """
    if values.dtype != object:
        return bool(pd.api.types.is_bool_dtype(values.dtype))
    return pd.api.types.infer_dtype(values, skipna=True) == "boolean"


def too_large(values: pd.Series) -> np.ndarray:
    """Return where a number lies beyond `LARGEST_INTEGER`, where no request names it exactly, bool, shape (n,)."""
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return np.zeros(len(values), dtype=bool)
    inside = values.between(-LARGEST_INTEGER, LARGEST_INTEGER) | values.isna()
    return ~inside.to_numpy(dtype=bool, na_value=True)


def to_table(columns: Columns) -> pd.DataFrame:
    """Return columns as a pandas table; times become aware, in UTC."""
    table = pd.DataFrame(dict(columns))
    for name, values in columns.items():
        if np.issubdtype(values.dtype, np.datetime64):
            table[name] = table[name].dt.tz_localize("UTC")
    return table


def events_by_kind(events: pd.DataFrame, spec: FeatureSpec) -> dict[str, Columns]:
    """Return the columns of each declared kind of event, as `features.history.History.build` takes them.

    Parameters
    ----------
    events : DataFrame
        ``kind``, ``known_at`` and the entity and value columns of every kind.
    spec : FeatureSpec
        Declares the kinds; others are left out.
    """
    return {
        kind: to_columns(events.loc[events["kind"] == kind, ["known_at", *declared.entities, *declared.values]])
        for kind, declared in spec.events.items()
    }


def with_outputs(table: pd.DataFrame, name: str, values: np.ndarray) -> pd.DataFrame:
    """Return the table with what a model gave out: a column of that name, or ``<name>.<number>`` for each output.

    Parameters
    ----------
    values : ndarray of float64, shape (n,) or (n, n_outputs)
    """
    columns = {name: values} if values.ndim == 1 else {f"{name}.{place}": found for place, found in enumerate(values.T)}
    return table.assign(**columns)


def outputs_of(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return what `with_outputs` put in, float64, shape (n,) or (n, n_outputs)."""
    if name in table.columns:
        return table[name].to_numpy(dtype=np.float64)
    columns: list[str] = []
    while f"{name}.{len(columns)}" in table.columns:
        columns.append(f"{name}.{len(columns)}")
    return table[columns].to_numpy(dtype=np.float64)
