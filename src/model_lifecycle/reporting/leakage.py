"""The leakage page: which inputs know the outcome, if any."""

from collections.abc import Sequence

from model_lifecycle.contracts.leakage import Finding, LeakageEvidence
from model_lifecycle.reporting import text
from model_lifecycle.reporting.checking import checked
from model_lifecycle.reporting.document import Callout, Cell, Section
from model_lifecycle.reporting.page import render_page


def leakage_page(evidence: LeakageEvidence) -> str:
    """Render what the leakage gate found.

    Raises
    ------
    ContractError
        If the evidence has another shape.
    """
    evidence = checked(LeakageEvidence, evidence)
    leaks, tried = evidence["leaks"], ", ".join(f"{count:,} {what}" for what, count in evidence["checks"].items())
    callout = (
        Callout("good", "No input knows the outcome.")
        if evidence["passed"]
        else Callout("bad", f"{text.plural(len(leaks), 'leak')}: nothing is fitted until they are gone.")
    )
    sections = [Section("Leaks", callout=callout, text=(f"Looked at: {tried}.",), table=_rows(leaks) or None)]
    if evidence["exempt"]:
        rows: list[dict[str, Cell]] = [
            {**row, "reason given": one["reason"]}
            for row, one in zip(_rows(evidence["exempt"]), evidence["exempt"], strict=True)
        ]
        sections.append(Section("Exempted by a person", table=rows))
    if evidence["notes"]:
        sections.append(Section("Worth knowing", table=_rows(evidence["notes"])))
    return render_page("Leakage", "What the inputs know that they should not, before any model is fitted", sections)


def _rows(findings: Sequence[Finding]) -> list[dict[str, Cell]]:
    return [
        {"check": one["check"], "columns": ", ".join(one["columns"]), "what was found": one["message"]}
        for one in findings
    ]
