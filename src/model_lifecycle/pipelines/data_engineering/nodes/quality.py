"""The data quality report: what came in, what was changed, what came out."""

from collections.abc import Callable, Mapping

import pandas as pd

from model_lifecycle.cases import Case
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.table import TableContract, TableContracts
from model_lifecycle.reporting.evidence import OrphanEvidence, QualityEvidence, StepEvidence, TableQuality

Figure = float | str | None


def reporter(case: Case, name: str) -> Callable[..., QualityEvidence]:
    """Return the node that describes the checked raw tables, in the order of ``SOURCES``, and the primary table."""

    def report(
        primary: pd.DataFrame, steps: list[StepEvidence], contracts: TableContracts, run: RunSpec, *tables: pd.DataFrame
    ) -> QualityEvidence:
        raw = dict(zip(case.SOURCES, tables, strict=True))
        described = [_describe(source, table, contracts.table(source), raw) for source, table in raw.items()]
        return {
            "case": name,
            "as_of": run.as_of.isoformat(),
            "tables": described,
            "steps": steps,
            "primary": _describe("primary_table", primary, contracts.table("primary_table"), raw),
        }

    return report


def _describe(
    name: str, table: pd.DataFrame, contract: TableContract, others: Mapping[str, pd.DataFrame]
) -> TableQuality:
    return {
        "table": name,
        "rows": len(table),
        "duplicates": int(table.duplicated(list(contract.key)).sum()) if contract.key else 0,
        "columns": [
            {
                "column": column,
                "type": contract.columns[column].type,
                "missing": float(table[column].isna().mean()),
                "distinct": int(table[column].nunique()),
                "minimum": _extreme(table[column], smallest=True),
                "maximum": _extreme(table[column], smallest=False),
            }
            for column in contract.columns
        ],
        "orphans": [_orphans(table[column], target, others) for column, target in contract.references.items()],
        "contract_passed": True,  # a broken contract stops the run before this node
        "problems": [],
    }


def _orphans(values: pd.Series, target: str, others: Mapping[str, pd.DataFrame]) -> OrphanEvidence:
    """Count the rows whose value is not in ``target``, a 'table.column'; missing values have no partner to miss."""
    partner, column = target.split(".")
    without = values.notna() & ~values.isin(others[partner][column])
    return {
        "key": [str(values.name)],
        "partner": target,
        "rows": int(without.sum()),
        "share": float(without.mean()) if len(values) else 0.0,
    }


def _extreme(values: pd.Series, *, smallest: bool) -> Figure:
    present = values.dropna()
    if present.empty:
        return None
    value = present.min() if smallest else present.max()
    return float(value) if pd.api.types.is_numeric_dtype(values.dtype) else str(value)
