"""Sections that more than one report has."""

from collections.abc import Mapping, Sequence

from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import Callout, Cell, Section
from model_lifecycle.reporting.evidence import GateEvidence, IntervalEvidence, PartEvidence, QuestionEvidence
from model_lifecycle.reporting.figures.comparison import value_figure


def question_section(question: QuestionEvidence) -> Section:
    """Return the question with its owner, its decision and the values with their source."""
    worth: dict[str, dict[str, Cell]] = {}
    for one in question["payoffs"]:
        worth.setdefault(one["action"], {})[one["outcome"]] = text.number(one["worth"], 2)
    rows: list[dict[str, Cell]] = [{"action": action, **by_outcome} for action, by_outcome in worth.items()]
    return Section(
        "Question",
        text=(
            question["question"],
            f"Owner: {question['owner']}. Decision: {question['decision']}. Target: {question['target']}.",
            f"Rule: {question['rule']}. Source of the values: {question['value_source']}",
        ),
        table=rows,
        caption=f"Value of each action by outcome, {question['unit']} per decision",
    )


def gates_section(gates: Sequence[GateEvidence], heading: str = "Gates") -> Section:
    """Return the verdict of every gate, those that failed first."""
    failed = [one["gate"] for one in gates if not one["passed"]]
    rows: list[dict[str, Cell]] = [
        {
            "gate": one["gate"],
            "verdict": "passed" if one["passed"] else "FAILED",
            "reason": one["reason"],
            "figures": ", ".join(f"{name} {text.cell(value)}" for name, value in one["figures"].items()),
        }
        for one in sorted(gates, key=lambda one: one["passed"])
    ]
    callout = Callout("bad", f"{len(failed)} of {len(gates)} failed: {', '.join(failed)}.")
    return Section(
        heading,
        callout=callout if failed or not gates else Callout("good", f"{len(gates)} of {len(gates)} passed."),
        table=rows,
        caption="Each gate blocks when it fails",
    )


def value_section(value: Mapping[str, IntervalEvidence], unit: str, *words: str) -> Section:
    """Return what each way to decide is worth, as figure and table."""
    rows: list[dict[str, Cell]] = [
        {"policy": text.policy(name), unit: text.interval(worth, 0)} for name, worth in value.items()
    ]
    return Section(
        "Value",
        text=words,
        table=rows,
        figure=value_figure(value, unit),
        caption=f"{unit} per 1,000 decisions, {text.interval_note(next(iter(value.values())))}",
    )


def unavailable_text(reasons: Mapping[str, int], rows: int) -> str:
    """Say how many decisions never got an outcome, and why.

    Examples
    --------
    >>> unavailable_text({}, 1000)
    'All 1,000 decisions have an outcome or still await it; none is unavailable.'
    """
    total = sum(reasons.values())
    if not total:
        return f"All {rows:,} decisions have an outcome or still await it; none is unavailable."
    listed = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items(), key=lambda one: -one[1]))
    return (
        f"{total:,} of {rows:,} decisions ({text.percent(total / max(rows, 1))}) have no outcome: {listed}. "
        "They are scored, acted on and costed all the same."
    )


def part_rows(parts: Sequence[PartEvidence], time_zone: str) -> list[dict[str, Cell]]:
    """Return one row for each part of the split, its boundaries on the clocks of ``time_zone``."""
    return [
        {
            "part": part["part"],
            "from": text.day(part["start"], time_zone),
            "to": text.day(part["end"], time_zone),
            "decisions": part["rows"],
            "with outcome": part["labelled"],
            "outcomes": text.outcomes(part["outcomes"], part["labelled"]),
            "unavailable": sum(part["unavailable"].values()),
            "by reason": ", ".join(f"{reason} {count:,}" for reason, count in part["unavailable"].items()) or "none",
        }
        for part in parts
    ]
