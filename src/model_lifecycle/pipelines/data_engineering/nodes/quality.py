"""The data quality report: what came in, what was set aside or changed, what came out, and what is new in it."""

from collections.abc import Callable, Mapping

import pandas as pd

from model_lifecycle.cases import Case
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.table import TableContract, TableContracts
from model_lifecycle.pipelines.data_engineering.nodes.changes import changes_since
from model_lifecycle.pipelines.data_engineering.nodes.columns import describe_column
from model_lifecycle.pipelines.data_engineering.nodes.contracts import REASONS
from model_lifecycle.reporting.quality_evidence import (
    OrphanEvidence,
    QualityEvidence,
    SetAsideEvidence,
    StepEvidence,
    TableQuality,
)

_SHOWN_REASONS = 20


def reporter(case: Case, name: str) -> Callable[..., QualityEvidence]:
    """Return the node that describes the raw tables, in the order of ``SOURCES``, and the primary table."""

    def report(
        primary: pd.DataFrame,
        steps: list[StepEvidence],
        warnings: Mapping[str, list[str]],
        previous: QualityEvidence | None,
        contracts: TableContracts,
        run: RunSpec,
        *tables: pd.DataFrame,
    ) -> QualityEvidence:
        """Describe the kept tables and those set aside: first all of the former, then all of the latter."""
        raw = dict(zip(case.SOURCES, tables[: len(case.SOURCES)], strict=True))
        aside = dict(zip(case.SOURCES, tables[len(case.SOURCES) :], strict=True))
        found: QualityEvidence = {
            "case": name,
            "as_of": run.as_of.isoformat(),
            "tables": [
                _describe(source, table, contracts.table(source), raw, aside[source], warnings[source])
                for source, table in raw.items()
            ],
            "steps": steps,
            "primary": _describe("primary_table", primary, contracts.table("primary_table"), raw),
        }
        return {**found, "changes": changes_since(previous, found)}

    return report


def _describe(
    name: str,
    table: pd.DataFrame,
    contract: TableContract,
    others: Mapping[str, pd.DataFrame],
    aside: pd.DataFrame | None = None,
    warnings: list[str] | None = None,
) -> TableQuality:
    return {
        "table": name,
        "rows": len(table),
        "duplicates": int(table.duplicated(list(contract.key)).sum()) if contract.key else 0,
        "columns": [describe_column(column, table[column], contract.columns[column]) for column in contract.columns],
        "orphans": [_orphans(table[column], target.to, others) for column, target in contract.references.items()],
        "set_aside": _set_aside(aside),
        "contract_passed": True,  # a broken contract stops the run before this node
        "problems": list(warnings or []),
    }


def _set_aside(aside: pd.DataFrame | None) -> list[SetAsideEvidence]:
    if aside is None or aside.empty:
        return []
    counts = aside[REASONS].value_counts()
    return [{"reason": str(reason), "rows": int(rows)} for reason, rows in counts.head(_SHOWN_REASONS).items()]


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
