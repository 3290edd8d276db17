"""Hold a table against its contract; every breach is listed, none is repaired."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pandera.pandas as pa

from model_lifecycle.contracts.table import ColumnContract, TableContract
from model_lifecycle.errors import ContractError

_SHOWN_ROWS = 3
_SHOWN_BREACHES = 12
_SHOWN_NAMES = 20
_IS_TYPE: dict[str, Callable[[pd.Series], bool]] = {
    "category": lambda values: pd.api.types.is_string_dtype(values.dropna()),
    "integer": lambda values: _is_number(values) and bool((values.dropna() % 1 == 0).all()),
    "number": lambda values: _is_number(values),  # noqa: PLW0108 - defined below
    "boolean": lambda values: pd.api.types.is_bool_dtype(values.dtype),
    "time": lambda values: isinstance(values.dtype, pd.DatetimeTZDtype),
}
_EXPECTED = {"time": "time with its zone", "category": "category (text)"}


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)


def check_table(name: str, table: pd.DataFrame, contract: TableContract) -> pd.DataFrame:
    """Return the table's declared columns, unchanged, when it keeps its contract.

    Raises
    ------
    ContractError
        Listing the breaches, each with a count, the first rows and what was expected; the full report of pandera is
        its cause.
    """
    if not isinstance(table, pd.DataFrame):
        raise ContractError(f"contract {name!r}: found {type(table).__name__}, expected a table")
    absent = [column for column in contract.columns if column not in table.columns]
    if absent:
        found = [str(column) for column in table.columns]
        raise ContractError(f"contract {name!r}: columns {_listed(absent)} are absent; found {_listed(found)}")
    wrong = [
        f"column {column!r}: found type {table[column].dtype}, expected {_EXPECTED.get(expected.type, expected.type)}"
        for column, expected in contract.columns.items()
        if not _IS_TYPE[expected.type](table[column])
    ]
    if wrong:
        raise ContractError(_bounded(name, wrong))
    declared = table[list(contract.columns)]
    numbered = declared.reset_index(drop=True)
    try:
        _schema(contract).validate(numbered, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise ContractError(_bounded(name, _breaches(error, numbered, contract))) from error
    return declared


def _schema(contract: TableContract) -> pa.DataFrameSchema:
    rows = [
        pa.Check(lambda table: len(table) >= contract.minimum_rows, error=f"at least {contract.minimum_rows:,} rows")
    ]
    if contract.maximum_rows is not None:
        most = contract.maximum_rows
        rows.append(pa.Check(lambda table: len(table) <= most, error=f"at most {most:,} rows"))
    rows += [
        pa.Check(lambda table, late=later, early=earlier: ~(table[late] < table[early]), error=_order(later, earlier))
        for later, earlier in contract.not_before
    ]
    told_already = len(contract.key) == 1 and contract.columns[contract.key[0]].unique
    return pa.DataFrameSchema(
        {name: _column(column) for name, column in contract.columns.items()},
        checks=rows,
        unique=None if told_already else list(contract.key) or None,
        report_duplicates="exclude_first",
    )


def _order(later: str, earlier: str) -> str:
    return f"{later} not before {earlier}"


def _column(column: ColumnContract) -> pa.Column:
    checks = _checks(column)
    return pa.Column(nullable=True, unique=column.unique, report_duplicates="exclude_first", checks=checks)


def _checks(column: ColumnContract) -> list[pa.Check]:
    allowed = column.maximum_missing
    missing = "no missing value" if not allowed else f"at most {allowed:.1%} missing"
    checks = [pa.Check(lambda values: values.isna().mean() <= allowed, error=missing, ignore_na=False)]
    if column.type in ("integer", "number"):
        checks.append(pa.Check(lambda values: ~np.isinf(values.astype("float64")), error="finite numbers"))
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum, error=f">= {column.minimum:g}"))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum, error=f"<= {column.maximum:g}"))
    if column.categories is not None:
        checks.append(pa.Check.isin(column.categories, error=f"one of {_listed(column.categories)}"))
    return checks


def _breaches(error: pa.errors.SchemaErrors, table: pd.DataFrame, contract: TableContract) -> list[str]:
    """Tell each broken check once; pandera lists a check over rows once a column."""
    cases = error.failure_cases
    cases = cases.assign(column=cases["column"].where(cases["schema_context"] == "Column"))
    compared = {_order(later, earlier): [later, earlier] for later, earlier in contract.not_before}
    breaches = []
    for (column, check), group in cases.groupby(["column", "check"], dropna=False, sort=False):
        of_rows = not isinstance(column, str)
        columns = compared.get(str(check), list(contract.key)) if of_rows else [column]
        where = "rows" if of_rows else f"column {column!r}"
        unique = "uniqueness" in str(check) or "multiple_fields" in str(check)
        expected = f"unique {', '.join(columns)}" if unique and of_rows else "unique values" if unique else check
        places = [int(index) for index in group["index"].dropna().unique()]
        breaches.append(f"{where}: {_found(table, columns, places, of_rows)}; expected {expected}")
    return breaches


def _found(table: pd.DataFrame, columns: list[str], places: list[int], of_rows: bool) -> str:
    if not places and of_rows:
        return f"{len(table):,} rows"
    if not places:
        return f"{table[columns[0]].isna().mean():.1%} of {len(table):,} values missing"
    shown = table.loc[places[:_SHOWN_ROWS], columns].drop_duplicates()
    values = ", ".join(" and ".join(str(value)[:40] for value in row) for row in shown.itertuples(index=False))
    rows = ", ".join(map(str, places[:_SHOWN_ROWS])) + ("" if len(places) <= _SHOWN_ROWS else ", …")
    return f"{len(places):,} of {len(table):,} values such as {values} (rows {rows})"


def _listed(names: Sequence[str]) -> str:
    more = "" if len(names) <= _SHOWN_NAMES else f" and {len(names) - _SHOWN_NAMES} more"
    return f"{[name[:40] for name in names[:_SHOWN_NAMES]]}{more}"


def _bounded(name: str, breaches: list[str]) -> str:
    more = f"\n  … and {len(breaches) - _SHOWN_BREACHES} more" if len(breaches) > _SHOWN_BREACHES else ""
    if len(breaches) == 1:
        return f"contract {name!r}, {breaches[0]}"
    return f"contract {name!r} is broken {len(breaches)} times:\n  " + "\n  ".join(breaches[:_SHOWN_BREACHES]) + more
