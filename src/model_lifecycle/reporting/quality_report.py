"""The data quality page: what came in, what was wrong with it, what was done about it."""

from model_lifecycle.reporting import text
from model_lifecycle.reporting.checking import checked
from model_lifecycle.reporting.document import Callout, Cell, Section
from model_lifecycle.reporting.figures.quality import histograms_figure, missing_figure
from model_lifecycle.reporting.page import render_page
from model_lifecycle.reporting.quality_evidence import QualityEvidence, TableQuality


def quality_page(evidence: QualityEvidence) -> str:
    """Render the data quality page from the figures of the data engineering.

    Raises
    ------
    ContractError
        If the evidence has another shape.
    """
    evidence = checked(QualityEvidence, evidence)
    tables = [*evidence["tables"], evidence["primary"]]
    sections = [_overview(tables), _changes(evidence), _steps(evidence)]
    for table in tables:
        sections.extend(_table(table))
    return render_page(
        "Data quality",
        f"Case {evidence['case']}, as of {text.day(evidence['as_of'])}: "
        f"{text.plural(len(evidence['tables']), 'raw table')} and the "
        f"{text.plural(evidence['primary']['rows'], 'decision')} made of them.",
        sections,
    )


def _overview(tables: list[TableQuality]) -> Section:
    broken = [table["table"] for table in tables if not table["contract_passed"]]
    rows: list[dict[str, Cell]] = [
        {
            "table": table["table"],
            "rows": table["rows"],
            "columns": len(table["columns"]),
            "set aside": sum(one["rows"] for one in table.get("set_aside", [])),
            "duplicate keys": table["duplicates"],
            "cells missing": text.percent(_missing_cells(table)),
            "keys without partner": sum(orphan["rows"] for orphan in table["orphans"]),
            "warnings": len(table["problems"]),
            "contract": "kept" if table["contract_passed"] else "BROKEN",
        }
        for table in tables
    ]
    callout = (
        Callout("bad", f"Contracts broken: {', '.join(broken)}.")
        if broken
        else Callout("good", f"All {len(tables)} tables keep their contracts.")
    )
    return Section("Tables", callout=callout, table=rows, caption="Every table at a glance")


def _missing_cells(table: TableQuality) -> float | None:
    shares = [column["missing"] for column in table["columns"]]
    return sum(shares) / len(shares) if shares and table["rows"] else None


def _changes(evidence: QualityEvidence) -> Section:
    found = evidence.get("changes")
    if found is None:
        return Section("Since the last run", text=("There is no run before this one to compare with.",))
    rows: list[dict[str, Cell]] = [
        {
            "table": change["table"],
            "column": change["column"],
            "what": change["what"],
            "before": change["before"],
            "now": change["after"],
        }
        for change in found["changes"]
    ]
    more = (f"{found['more']:,} more are not shown.",) if found["more"] else ()
    since = f"Compared with the run as of {text.day(found['as_of'])}"
    words = (f"{since}: nothing has changed.",) if not rows else (f"{since}.", *more)
    return Section("Since the last run", text=words, table=rows or None)


def _steps(evidence: QualityEvidence) -> Section:
    rows: list[dict[str, Cell]] = [
        {"step": step["step"], "rows": step["rows"], "cells": step["cells"]} for step in evidence["steps"]
    ]
    return Section(
        "What was changed",
        text=() if rows else ("Nothing: every row went through as it came.",),
        table=rows or None,
        caption="Rows and cells that a step changed or marked",
    )


def _table(table: TableQuality) -> list[Section]:
    missing = {column["column"]: column["missing"] for column in table["columns"]}
    some = any(share > 0 for share in missing.values())
    columns: list[dict[str, Cell]] = [
        {
            "column": column["column"],
            "type": column["type"],
            "missing": text.percent(column["missing"], 2),
            "distinct": column.get("distinct"),
            "minimum": column.get("minimum"),
            "median": column["quantiles"][2] if "quantiles" in column else None,
            "maximum": column.get("maximum"),
            "far out": column.get("outliers"),
            "most frequent": ", ".join(
                f"{value} {text.percent(share)}" for value, share in list(column.get("most_frequent", {}).items())[:3]
            ),
        }
        for column in table["columns"]
    ]
    sections = [
        Section(
            table["table"],
            callout=None if table["contract_passed"] else Callout("bad", "The contract is broken."),
            text=(*table["problems"], *(() if some else ("No value is missing.",))),
            figure=missing_figure(missing) if some else None,
            table=columns,
            caption=f"Columns of {table['table']}",
        )
    ]
    histograms = {one["column"]: one["histogram"] for one in table["columns"] if "histogram" in one}
    if histograms:
        sections.append(Section(f"Distributions of {table['table']}", figure=histograms_figure(histograms), level=3))
    if table.get("set_aside"):
        aside: list[dict[str, Cell]] = [{"reason": one["reason"], "rows": one["rows"]} for one in table["set_aside"]]
        sections.append(Section(f"Rows of {table['table']} that were set aside", table=aside, level=3))
    if table["orphans"]:
        orphans: list[dict[str, Cell]] = [
            {
                "key": ", ".join(orphan["key"]),
                "looked for in": orphan["partner"],
                "rows without partner": orphan["rows"],
                "share": text.percent(orphan["share"], 2),
            }
            for orphan in table["orphans"]
        ]
        sections.append(Section(f"Keys of {table['table']} without a partner", table=orphans, level=3))
    return sections
