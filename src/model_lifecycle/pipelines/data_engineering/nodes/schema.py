"""The expectations of a contract as a pandera schema, and what breaks them in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa

from model_lifecycle.contracts.table import ColumnContract, Severity, TableContract

_SHOWN_ROWS = 3
_SHOWN_NAMES = 20


@dataclass(frozen=True)
class Breach:
    """One broken expectation, and the rows that break it; none where it is one of the whole table.

    ``message`` tells what was found in the table, ``expectation`` alone what was expected.
    """

    message: str
    severity: Severity
    rows: np.ndarray
    expectation: str

    def of_row(self) -> str:
        """Return the reason for a single one of the rows."""
        return f"{self.expectation} (one of {len(self.rows):,} such rows)"


def breach_of(
    table: pd.DataFrame,
    columns: list[str],
    rows: np.ndarray,
    where: str,
    expected: str,
    severity: Severity,
    contract: TableContract,
) -> Breach:
    """Tell a breach with a count, the first rows and values, and what was expected; no private value is quoted."""
    private = [name for name in columns if contract.columns[name].private]
    shown = table.assign(
        **{name: table[name].astype(object).where(table[name].isna(), "a private value") for name in private}
    )
    found = found_at(shown, columns, rows.tolist(), of_rows=where == "rows")
    return Breach(f"{where}: {found}; expected {expected}", severity, rows, f"{where}: expected {expected}")


def schema_of(contract: TableContract) -> pa.DataFrameSchema:
    """Return the expectations that pandera checks."""
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
    each_row = column.severity == "quarantine" and not column.maximum_missing
    return pa.Column(nullable=not each_row, unique=column.unique, report_duplicates="exclude_first", checks=checks)


def _checks(column: ColumnContract) -> list[pa.Check]:
    allowed = column.maximum_missing
    missing = "no missing value" if not allowed else f"at most {allowed:.1%} missing"
    checks = []
    if column.severity != "quarantine" or allowed:
        checks.append(
            pa.Check(lambda values: values.isna().sum() <= allowed * len(values), error=missing, ignore_na=False)
        )
    if column.type in ("integer", "number"):
        checks.append(pa.Check(lambda values: ~np.isinf(values.astype("float64")), error="finite numbers"))
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum, error=f">= {column.minimum:g}"))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum, error=f"<= {column.maximum:g}"))
    if column.categories is not None:
        checks.append(pa.Check.isin(column.categories, error=f"one of {listed(column.categories)}"))
    return checks


def schema_breaches(error: pa.errors.SchemaErrors, table: pd.DataFrame, contract: TableContract) -> list[Breach]:
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
        expected = "no missing value" if check == "not_nullable" else expected
        rows = np.array([int(index) for index in group["index"].dropna().unique()], dtype=np.int64)
        breaches.append(
            breach_of(table, columns, rows, where, str(expected), _severity(contract, column, check, rows), contract)
        )
    return breaches


def _severity(contract: TableContract, column: object, check: object, rows: np.ndarray) -> Severity:
    """Return the severity of a breach; what names no rows can be told or stop the run, but not be set aside."""
    if not isinstance(column, str):
        found = contract.rows if rows.size else "error"
    else:
        found = contract.columns[column].severity
        if "uniqueness" in str(check):
            found = contract.rows
    return "error" if found == "quarantine" and not rows.size else found


def found_at(table: pd.DataFrame, columns: list[str], places: list[int], of_rows: bool = False) -> str:
    """Tell how many rows there are, the first values and where they stand."""
    if not places and of_rows:
        return f"{len(table):,} rows"
    if not places:
        return f"{table[columns[0]].isna().mean():.1%} of {len(table):,} values missing"
    shown = table.loc[places[:_SHOWN_ROWS], columns].drop_duplicates()
    values = ", ".join(" and ".join(str(value)[:40] for value in row) for row in shown.itertuples(index=False))
    rows = ", ".join(map(str, places[:_SHOWN_ROWS])) + ("" if len(places) <= _SHOWN_ROWS else ", …")
    return f"{len(places):,} of {len(table):,} values such as {values} (rows {rows})"


def listed(names: Sequence[str]) -> str:
    """Write names as a list of bounded length."""
    more = "" if len(names) <= _SHOWN_NAMES else f" and {len(names) - _SHOWN_NAMES} more"
    return f"{[name[:40] for name in names[:_SHOWN_NAMES]]}{more}"
