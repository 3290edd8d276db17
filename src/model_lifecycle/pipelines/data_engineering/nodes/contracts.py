"""Hold a table against its contract; every breach is listed, none is repaired."""

from collections.abc import Callable

import pandas as pd
import pandera.pandas as pa

from model_lifecycle.contracts.table import ColumnContract, TableContract
from model_lifecycle.errors import ContractError

_SHOWN_ROWS = 3
_SHOWN_BREACHES = 12
_IS_TYPE: dict[str, Callable[[pd.Series], bool]] = {
    "category": lambda values: pd.api.types.is_string_dtype(values.dropna()),
    "integer": lambda values: _is_number(values) and bool((values.dropna() % 1 == 0).all()),
    "number": lambda values: _is_number(values),
    "boolean": lambda values: pd.api.types.is_bool_dtype(values.dtype),
    "time": lambda values: isinstance(values.dtype, pd.DatetimeTZDtype),
}


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
        raise ContractError(
            f"contract {name!r}: columns {absent} are absent; found {list(map(str, table.columns))}"
        )
    wrong = [
        f"column {column!r}: found type {table[column].dtype}, expected {expected.type}"
        for column, expected in contract.columns.items()
        if not _IS_TYPE[expected.type](table[column])
    ]
    if wrong:
        raise ContractError(_bounded(name, wrong))
    declared = table[list(contract.columns)]
    try:
        _schema(contract).validate(declared.reset_index(drop=True), lazy=True)
    except pa.errors.SchemaErrors as error:
        raise ContractError(_bounded(name, _breaches(error, len(table)))) from error
    return declared


def _schema(contract: TableContract) -> pa.DataFrameSchema:
    rows = [
        pa.Check(
            lambda table: len(table) >= contract.minimum_rows, error=f"at least {contract.minimum_rows:,} rows"
        )
    ]
    if contract.maximum_rows is not None:
        most = contract.maximum_rows
        rows.append(pa.Check(lambda table: len(table) <= most, error=f"at most {most:,} rows"))
    rows += [
        pa.Check(
            lambda table, late=later, early=earlier: ~(table[late] < table[early]),
            error=f"{later} not before {earlier}",
        )
        for later, earlier in contract.not_before
    ]
    return pa.DataFrameSchema(
        {name: pa.Column(nullable=True, unique=column.unique, checks=_checks(column)) for name, column in contract.columns.items()},
        checks=rows,
        unique=list(contract.key) or None,
        report_duplicates="exclude_first",
    )


def _checks(column: ColumnContract) -> list[pa.Check]:
    allowed = column.maximum_missing
    missing = "no missing value" if not allowed else f"at most {allowed:.1%} missing"
    checks = [pa.Check(lambda values: values.isna().mean() <= allowed, error=missing, ignore_na=False)]
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum, error=f">= {column.minimum:g}"))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum, error=f"<= {column.maximum:g}"))
    if column.categories is not None:
        checks.append(pa.Check.isin(column.categories, error=f"one of {list(column.categories)[:20]}"))
    return checks


def _breaches(error: pa.errors.SchemaErrors, rows: int) -> list[str]:
    cases = error.failure_cases
    breaches = []
    for (context, column, check), group in cases.groupby(["schema_context", "column", "check"], dropna=False, sort=False):
        where = f"column {column!r}" if context == "Column" else "rows"
        places = [int(index) for index in group["index"].dropna().unique()]
        values = [str(value)[:40] for value in group["failure_case"].drop_duplicates().head(_SHOWN_ROWS)]
        expected = "unique values" if "uniqueness" in str(check) or "multiple_fields" in str(check) else check
        if places:
            shown = ", ".join(map(str, places[:_SHOWN_ROWS])) + ("" if len(places) <= _SHOWN_ROWS else ", …")
            found = f"{len(places):,} of {rows:,} values such as {', '.join(values)} (rows {shown})"
        else:
            found = f"found otherwise over {rows:,} rows"
        breaches.append(f"{where}: {found}; expected {expected}")
    return breaches


def _bounded(name: str, breaches: list[str]) -> str:
    more = f"\n  … and {len(breaches) - _SHOWN_BREACHES} more" if len(breaches) > _SHOWN_BREACHES else ""
    if len(breaches) == 1:
        return f"contract {name!r}, {breaches[0]}"
    return f"contract {name!r} is broken {len(breaches)} times:\n  " + "\n  ".join(breaches[:_SHOWN_BREACHES]) + more
