"""What is different in the data since the run before."""

from collections.abc import Iterator

from model_lifecycle.reporting.quality_evidence import (
    ChangeEvidence,
    ChangesEvidence,
    ColumnQuality,
    QualityEvidence,
    TableQuality,
)

_ROWS = 0.01  # of the rows there were
_SHARE = 0.01  # of missing values, and of a frequent value
_SHIFT = 0.1  # standard deviations of the mean
_MOST = 200  # changes that are told


def changes_since(previous: QualityEvidence | None, now: QualityEvidence) -> ChangesEvidence | None:
    """Compare two reports, table by table and column by column; None without a report of a run before."""
    if previous is None:
        return None
    before = {table["table"]: table for table in [*previous["tables"], previous["primary"]]}
    after = {table["table"]: table for table in [*now["tables"], now["primary"]]}
    found = [_change(name, "", "table", "there", "gone") for name in before.keys() - after.keys()]
    for name, table in after.items():
        if name in before:
            found += _of_table(before[name], table)
        else:
            found.append(_change(name, "", "table", "absent", f"{table['rows']:,} rows"))
    return {"as_of": previous["as_of"], "changes": found[:_MOST], "more": max(len(found) - _MOST, 0)}


def _of_table(before: TableQuality, after: TableQuality) -> Iterator[ChangeEvidence]:
    name = after["table"]
    if abs(after["rows"] - before["rows"]) > _ROWS * before["rows"]:
        yield _change(name, "", "rows", f"{before['rows']:,}", f"{after['rows']:,}")
    aside = [sum(one["rows"] for one in table.get("set_aside", [])) for table in (before, after)]
    if aside[0] != aside[1]:
        yield _change(name, "", "rows set aside", f"{aside[0]:,}", f"{aside[1]:,}")
    columns = {column["column"]: column for column in before["columns"]}
    for gone in columns.keys() - {column["column"] for column in after["columns"]}:
        yield _change(name, gone, "column", "there", "gone")
    for column in after["columns"]:
        if column["column"] in columns:
            yield from _of_column(name, columns[column["column"]], column)
        else:
            yield _change(name, column["column"], "column", "absent", "there")


def _of_column(table: str, before: ColumnQuality, after: ColumnQuality) -> Iterator[ChangeEvidence]:
    name = after["column"]
    if before["type"] != after["type"]:
        yield _change(table, name, "type", before["type"], after["type"])
    if abs(after["missing"] - before["missing"]) > _SHARE:
        yield _change(table, name, "missing", f"{before['missing']:.1%}", f"{after['missing']:.1%}")
    spread = before.get("standard_deviation", 0.0)
    if "mean" in before and "mean" in after and abs(after["mean"] - before["mean"]) > _SHIFT * spread > 0:
        yield _change(table, name, "mean", f"{before['mean']:.4g}", f"{after['mean']:.4g}")
    shares, were = after.get("most_frequent", {}), before.get("most_frequent", {})
    if were and shares:
        for value in sorted(shares.keys() | were.keys()):
            if abs(shares.get(value, 0.0) - were.get(value, 0.0)) > _SHARE:
                yield _change(table, name, f"share of {value[:40]!r}", _told(were.get(value)), _told(shares.get(value)))


def _told(share: float | None) -> str:
    return "not among the most frequent" if share is None else f"{share:.1%}"


def _change(table: str, column: str, what: str, before: str, after: str) -> ChangeEvidence:
    return {"table": table, "column": column, "what": what, "before": before, "after": after}
