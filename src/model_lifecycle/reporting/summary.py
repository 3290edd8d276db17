"""The short plain text that a run ends with."""

import textwrap
from collections.abc import Sequence

from model_lifecycle.reporting import text
from model_lifecycle.reporting.checking import checked, checked_evaluation
from model_lifecycle.reporting.evidence import EvaluationEvidence, GateEvidence
from model_lifecycle.reporting.run_evidence import ReleaseEvidence, RunEvidence

_WIDTH = 100
_LINES = 35
_SHOWN_POLICIES = 6
_SHOWN_BASELINES = 2
_SHOWN_REPORTS = 4
_VERBS = "make viz (pipelines)   make lab (notebooks)   make serve (live service)   make loop (half a year)"


def run_summary(evidence: RunEvidence) -> str:
    """Tell in at most 35 lines of 100 columns what a run found and what became of it.

    Parameters
    ----------
    evidence : RunEvidence
        Of a finished run, passed or blocked.

    Returns
    -------
    str
        Plain text without colour codes. Gates that failed always come first; those that passed are counted when
        there is no room to list them.

    Raises
    ------
    ContractError
        If the evidence has another shape.
    """
    evidence = checked(RunEvidence, evidence)
    evaluation = checked_evaluation(evidence["evaluation"])
    above = [
        *_question(evaluation),
        "",
        *_metrics(evaluation),
        "",
        *_value(evaluation),
        text.weak_slices(evaluation["weak_slices"]),
    ]
    below = ["", *_release(evidence["release"]), "", *_next(evidence["reports"])]
    gates = _gates(evidence["gates"], _LINES - len(above) - len(below))
    return "\n".join(_cut(line) for line in (*above, *gates, *below)) + "\n"


def _cut(line: str) -> str:
    line = "".join(one if one.isprintable() else " " for one in line)  # a stray line break would cost a line
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."


def _question(evidence: EvaluationEvidence) -> list[str]:
    lines = textwrap.wrap(evidence["question"]["question"], _WIDTH, max_lines=2, placeholder=" ...")
    zone = evidence["split"]["time_zone"]
    test = next((part for part in evidence["split"]["parts"] if part["part"] == "test"), None)
    if test is not None:
        unavailable = sum(test["unavailable"].values())
        lines.append(
            f"hold-out {text.day(test['start'], zone)} to {text.day(test['end'], zone)}: {test['rows']:,} decisions, "
            f"{test['labelled']:,} observed, {unavailable:,} unavailable, "
            f"{test['rows'] - test['labelled'] - unavailable:,} pending"
        )
    return lines


def _metrics(evidence: EvaluationEvidence) -> list[str]:
    metrics, subject, loss = evidence["metrics"], evidence["subject"], evidence["question"]["loss"]
    shown = (loss, evidence["question"]["ranking"])
    best_first = sorted(
        evidence["baselines"],
        key=lambda model: metrics[model][loss]["estimate"] if loss in metrics[model] else 0.0,
    )
    models = [subject, *([evidence["champion"]] if evidence["champion"] else []), *best_first[:_SHOWN_BASELINES]]
    roles = {subject: "challenger", evidence["champion"]: "champion"}
    note = text.interval_note(next(iter(metrics[subject].values()))).split(" over")[0]
    table = [[f"hold-out, {note}", *(text.metric_of(one).label for one in shown), "challenger - this"]]
    paired = {
        one["against"]: text.interval(one["interval"], 3)
        for one in evidence["differences"]
        if (one["model"], one["metric"]) == (subject, loss)
    }
    for model in dict.fromkeys(models):
        figures = (text.interval(metrics[model].get(one), 3) for one in shown)
        table.append([f"  {model} ({roles.get(model, 'baseline')})", *figures, paired.get(model, "")])
    return [
        *aligned(table),
        f"  the last column: {text.metric_of(loss).label} on the same decisions, below zero: the challenger is better",
    ]


def _value(evidence: EvaluationEvidence) -> list[str]:
    shown = _policies(evidence)
    table = [[f"value, {evidence['question']['unit']} per 1,000 decisions", ""]]
    table.extend([f"  {text.policy(name)}", text.interval(evidence["value"][name], 0)] for name in shown)
    told = evidence.get("success")
    return [*aligned(table), text.success(told, evidence["question"]["unit"]) if told else ""]


def _policies(evidence: EvaluationEvidence) -> list[str]:
    """Return model, champion, the best of the trivial policies and perfection."""
    value = evidence["value"]
    trivial = sorted(
        evidence["question"]["policies"], key=lambda name: -value[name]["estimate"] if name in value else 0
    )
    names = ["model", "champion", *trivial[: _SHOWN_POLICIES - 3], "perfect"]
    return [name for name in names if name in value]


def _gates(gates: Sequence[GateEvidence], room: int) -> list[str]:
    failed, passed = ([one for one in gates if one["passed"] is wanted] for wanted in (False, True))
    head = f"gates: {len(passed)} of {len(gates)} passed" if failed else f"gates: all {len(gates)} passed"
    width = max((len(one["gate"]) for one in gates), default=0)
    lines = [
        f"  {'pass' if one['passed'] else 'FAIL'}  {one['gate']:<{width}}  {one['reason']}"
        for one in (*failed, *passed)
    ]
    if len(lines) > room - 1:
        shown = max(room - 2, 1)
        rest = (*failed, *passed)[shown:]
        blocked = sum(not one["passed"] for one in rest)
        lines = [*lines[:shown], f"  and {len(rest) - blocked} more passed, {blocked} more failed: see the model card"]
    return [head, *lines]


def _release(release: ReleaseEvidence) -> list[str]:
    name = release["release_id"] or "none, the gates came first"
    version = f", version {release['version']} in the registry" if release["version"] else ""
    verdict = "promoted to champion" if release["promoted"] else "NOT promoted"
    champion = f"; in production: {release['champion'] or 'nothing'}" if not release["promoted"] else ""
    return [f"release: {name}{version}", f"  {verdict}: {release['reason']}{champion}"]


def _next(reports: dict[str, str]) -> list[str]:
    shown = list(reports.items())[:_SHOWN_REPORTS]
    width = max((len(title) for title, _ in shown), default=0)
    return ["where to look next:", *(f"  {title:<{width}}  {path}" for title, path in shown), f"  {_VERBS}"]


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows of a table as lines with columns of equal width."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return ["  ".join(one.ljust(width) for one, width in zip(row, widths, strict=True)).rstrip() for row in table]
