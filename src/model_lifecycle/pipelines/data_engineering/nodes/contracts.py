"""Hold a table against its contract; every breach is listed, bad rows may be set aside, none is repaired."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa

from model_lifecycle.contracts.table import ColumnContract, TableContract
from model_lifecycle.errors import ContractError
from model_lifecycle.features.iso_texts import offsets_of
from model_lifecycle.features.tables import is_boolean
from model_lifecycle.pipelines.data_engineering.nodes.schema import (
    Breach,
    breach_of,
    found_at,
    listed,
    schema_breaches,
    schema_of,
)

_SHOWN_BREACHES = 12
_SHOWN_TEXT = 400
ROW, REASONS = "quarantine_row", "quarantine_reasons"
_READERS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "integer": lambda values: _whole(pd.to_numeric(values, errors="coerce")),
    "number": lambda values: pd.to_numeric(values, errors="coerce"),
    "time": lambda values: pd.to_datetime(values, errors="coerce", utc=True, format="mixed"),
}
_IS_TYPE: dict[str, Callable[[pd.Series], bool]] = {
    "category": lambda values: pd.api.types.is_string_dtype(values.dropna()),
    "integer": lambda values: _is_number(values) and bool((values.dropna() % 1 == 0).all()),
    "number": lambda values: _is_number(values),  # noqa: PLW0108 - defined below
    "boolean": is_boolean,
    "time": lambda values: isinstance(values.dtype, pd.DatetimeTZDtype),
}
_EXPECTED = {"time": "time with its zone, or time_zone in the contract", "category": "category (text)"}


def _whole(numbers: pd.Series) -> pd.Series:
    return numbers.where(numbers % 1 == 0)


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)


@dataclass(frozen=True)
class Sifted:
    """A table held against its contract: what goes on, what is set aside and why, and what is merely told."""

    kept: pd.DataFrame
    aside: pd.DataFrame
    breaches: tuple[Breach, ...]  # those that do not stop the run
    places: np.ndarray  # of the kept rows in the table as it came

    @property
    def warnings(self) -> list[str]:
        """Return what is told."""
        return [breach.message for breach in self.breaches if breach.severity == "warning"]


def on_clocks(table: pd.DataFrame, contract: TableContract) -> pd.DataFrame:
    """Give times without a zone the zone of their contract; what is wrong with the table stays as it is.

    An hour that the clock shows twice is its first, in daylight saving time; one that it leaves out begins the next.
    """
    zones = {
        name: column.time_zone
        for name, column in contract.columns.items()
        if column.time_zone is not None and name in table and pd.api.types.is_datetime64_dtype(table[name].dtype)
    }
    return table.assign(
        **{
            name: table[name].dt.tz_localize(zone, ambiguous=np.ones(len(table), bool), nonexistent="shift_forward")
            for name, zone in zones.items()
        }
    )


def check_table(name: str, table: pd.DataFrame, contract: TableContract) -> pd.DataFrame:
    """Return the table's declared columns, unchanged, when it keeps its contract; rows cannot be set aside.

    Raises
    ------
    ContractError
        As of `sift_table`, and if a row would be set aside.
    """
    sifted = sift_table(name, table, contract)
    if len(sifted.aside):
        reasons = [breach.message for breach in sifted.breaches if breach.severity == "quarantine"]
        raise ContractError(f"contract {name!r}: {len(sifted.aside):,} rows would be set aside: {reasons[:3]}")
    return sifted.kept


def sift_table(name: str, table: pd.DataFrame, contract: TableContract, as_of: pd.Timestamp | None = None) -> Sifted:
    """Hold a table against its contract.

    Parameters
    ----------
    name : str
        Named in every message.
    table : DataFrame
        As it came.
    contract : TableContract
        What is expected of it.
    as_of : Timestamp, optional
        The moment of the run, for freshness; rows of later moments do not make a table fresh.

    Returns
    -------
    Sifted
        ``kept`` holds the declared columns of the rows that go on; ``aside`` the other rows as they came, with their
        number and the reasons. Together they are the table.

    Raises
    ------
    ContractError
        Listing the breaches of severity 'error', each with a count, the first rows and what was expected; the full
        report of pandera is its cause. Also when more rows would be set aside than the contract allows.
    """
    if not isinstance(table, pd.DataFrame):
        raise ContractError(f"contract {name!r}: found {type(table).__name__}, expected a table")
    absent = [column for column in contract.columns if column not in table.columns]
    if absent:
        found = [str(column) for column in table.columns]
        raise ContractError(f"contract {name!r}: columns {listed(absent)} are absent; found {listed(found)}")
    declared, breaches = _readable(table, contract)
    wrong = [
        _wrong_type(declared[[column]], expected)
        for column, expected in contract.columns.items()
        if not _IS_TYPE[expected.type](declared[column])
    ]
    if wrong:
        raise ContractError(_bounded(name, wrong))
    sound = declared.drop(index=_rows_of(breaches))
    cause: Exception | None = None
    try:
        schema_of(contract).validate(sound, lazy=True)
    except pa.errors.SchemaErrors as error:
        cause, found_breaches = error, schema_breaches(error, sound, contract)
        breaches += found_breaches
    breaches += _table_breaches(sound, contract, as_of)
    errors = [breach.message for breach in breaches if breach.severity == "error"]
    if errors:
        raise ContractError(_bounded(name, errors)) from cause
    return set_aside(name, table, contract, breaches)


def _wrong_type(table: pd.DataFrame, contract: ColumnContract) -> str:
    """Tell the type of a single column, and the values that cannot be read as the expected one."""
    ((name, values),) = table.items()
    expected = "time" if contract.time_zone else _EXPECTED.get(contract.type, contract.type)
    message = f"column {name!r}: found type {values.dtype}, expected {expected}"
    if contract.type == "time" and pd.api.types.is_string_dtype(values.dropna()):
        offsets = offsets_of(values)
        if len(offsets) > 1:
            return (
                f"{message}; it is text whose offsets from UTC differ ({listed(offsets)}), which `parse_dates` leaves "
                f"as it is: store it in UTC, or parse it in `build_tables`, as by `pd.to_datetime({name}, utc=True)`, "
                "and let the raw table's contract say category"
            )
        return f"{message}; text has to be parsed, as by `load_args: {{parse_dates: [{name}]}}` of the catalog entry"
    if contract.type not in ("integer", "number"):
        return message
    unread = _READERS[contract.type](values).isna() & values.notna()
    rows = unread.to_numpy().nonzero()[0].tolist()
    return f"{message}; it is none on {found_at(table, [str(name)], rows)}" if rows else message


def set_aside(name: str, table: pd.DataFrame, contract: TableContract, breaches: Sequence[Breach]) -> Sifted:
    """Part the rows that break a 'quarantine' expectation from the others; nothing is lost.

    Raises
    ------
    ContractError
        If more rows would be set aside than the contract allows, or what is left breaks the contract.
    """
    reasons: dict[int, list[str]] = {}
    for breach in breaches:
        for row in breach.rows.tolist() if breach.severity == "quarantine" else []:
            reasons.setdefault(row, []).append(breach.of_row())
    rows = np.array(sorted(reasons), dtype=np.int64)
    share = len(rows) / max(len(table), 1)
    if share > contract.maximum_quarantined:
        raise ContractError(
            f"contract {name!r}: {len(rows):,} of {len(table):,} rows ({share:.2%}) would be set aside, at most "
            f"{contract.maximum_quarantined:.2%} may; "
            + "; ".join(breach.message for breach in breaches if breach.severity == "quarantine")[:_SHOWN_TEXT]
        )
    mask = np.zeros(len(table), dtype=bool)
    mask[rows] = True
    aside = table[mask].astype("str")
    aside.insert(0, ROW, rows)
    aside.insert(1, REASONS, ["; ".join(reasons[row]) for row in rows.tolist()])
    kept = _readable(table[~mask], contract)[0] if len(rows) else table[list(contract.columns)]
    kept.index = table.index[~mask]
    if len(rows):
        kept = check_table(name, kept, contract)
    if len(kept) + len(aside) != len(table):
        raise ContractError(f"contract {name!r}: {len(table):,} rows came in, {len(kept):,} kept, {len(aside):,} aside")
    return Sifted(kept, aside, tuple(breaches), np.flatnonzero(~mask))


def _readable(table: pd.DataFrame, contract: TableContract) -> tuple[pd.DataFrame, list[Breach]]:
    """Return the declared columns, numbered; bad cells of a column whose rows may be set aside are read away."""
    declared = table[list(contract.columns)].reset_index(drop=True)
    breaches = []
    for name, column in contract.columns.items():
        read = _READERS.get(column.type)
        if column.severity != "quarantine" or read is None or _IS_TYPE[column.type](declared[name]):
            continue
        values = read(declared[name])
        rows = (values.isna() & declared[name].notna()).to_numpy().nonzero()[0]
        breaches.append(breach_of(declared, [name], rows, f"column {name!r}", column.type, "quarantine", contract))
        declared[name] = values
    return declared, breaches


def _rows_of(breaches: Sequence[Breach]) -> list[int]:
    return sorted({row for breach in breaches for row in breach.rows.tolist()})


def _table_breaches(table: pd.DataFrame, contract: TableContract, as_of: pd.Timestamp | None) -> list[Breach]:
    """Return what concerns the table as a whole: its order and how fresh it is."""
    breaches = []
    if contract.ordered_by:
        keys = pd.MultiIndex.from_frame(table[list(contract.ordered_by)])
        if not keys.is_monotonic_increasing:
            ranks = table[list(contract.ordered_by)].apply(lambda values: values.rank(method="dense")).to_numpy()
            step = np.diff(ranks, axis=0)
            first = (step != 0).argmax(axis=1) if len(step) else np.empty(0, dtype=np.int64)
            rows = table.index.to_numpy()[(step[np.arange(len(step)), first] < 0).nonzero()[0] + 1]
            words = f"ascending order of {', '.join(contract.ordered_by)}"
            breaches.append(breach_of(table, list(contract.ordered_by), rows, "rows", words, "error", contract))
    if contract.freshness and as_of is not None:
        times = table[contract.freshness.column]
        newest, age = times[times < as_of].max(), pd.Timedelta(contract.freshness.maximum_age)
        if pd.isna(newest) or newest < as_of - age:
            found = f"column {contract.freshness.column!r}: newest value before {as_of} is {newest}"
            expected = f"expected one of the last {age}"
            none = np.empty(0, np.int64)
            breaches.append(Breach(f"{found}; {expected}", contract.freshness.severity, none, expected))
    return breaches


def _bounded(name: str, breaches: list[str]) -> str:
    more = f"\n  … and {len(breaches) - _SHOWN_BREACHES} more" if len(breaches) > _SHOWN_BREACHES else ""
    if len(breaches) == 1:
        return f"contract {name!r}, {breaches[0]}"
    return f"contract {name!r} is broken {len(breaches)} times:\n  " + "\n  ".join(breaches[:_SHOWN_BREACHES]) + more
