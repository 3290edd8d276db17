"""Registered releases in words: what ``release list``, ``show`` and ``compare`` print."""

from collections.abc import Sequence
from textwrap import shorten
from typing import Any

from model_lifecycle.contracts.gates import PROOF_GATES
from model_lifecycle.contracts.records import Move
from model_lifecycle.contracts.retraining import ORDER_TAG, REASON_TAG, REQUESTER_TAG
from model_lifecycle.datasets.registered import RegisteredRelease, require_sound
from model_lifecycle.reporting import text
from model_lifecycle.reporting.evidence import EvaluationEvidence, GateEvidence, IntervalEvidence, PartEvidence

_MAIN_FIGURES = ("log_loss", "cost", "auc", "rank_correlation", "value_per_1000")  # those that a release has
_PROBLEM_WIDTH = 200  # characters in a list; `show` tells it whole
_TEST_TABLE = "model_input_test"  # whose fingerprint stands for the rows and features that were tested on


def list_text(releases: Sequence[RegisteredRelease]) -> str:
    """Return one line a release, and one more for each override and for a problem with its files."""
    names = [name for name in _MAIN_FIGURES if any(name in release.entry.metrics for release in releases)]
    head = ["release", "role", "as of", "registered", "gates", *(text.metric_of(name).label for name in names)]
    lines = _table([head, *(_row(release, names) for release in releases)])
    told = [lines[0]]
    for line, release in zip(lines[1:], releases, strict=True):
        told += [line, *(f"  {_override(move)}" for move in release.overrides)]
        told += [f"  PROBLEM: {shorten(release.problem, _PROBLEM_WIDTH)}"] if release.problem else []
    return "\n".join(told)


def list_json(releases: Sequence[RegisteredRelease]) -> list[dict[str, Any]]:
    """Return the same as `list_text` as JSON values; `gates_passed` is None where the gates cannot be read."""
    return [
        {
            "name": release.entry.release_id,
            "version": release.entry.version,
            "role": release.role,
            "as_of": _as_of(release),
            "registered_at": release.entry.registered_at.isoformat(),
            "gates_passed": None if release.problem else not release.failed,
            "failed_gates": [gate["gate"] for gate in release.failed],
            "overrides": [_override_facts(move) for move in release.overrides],
            "figures": dict(release.entry.metrics),
            "path": str(release.entry.path),
            "digest": release.entry.digest,
            "problem": release.problem,
        }
        for release in releases
    ]


def show_text(release: RegisteredRelease) -> str:
    """Return what is known of one release: verdict, moves, gates, figures, threshold, card.

    Raises
    ------
    ReleaseError
        If its files are damaged.
    """
    evidence = require_sound(release)
    question, threshold, test = evidence["question"], evidence["threshold"], _test_part(evidence)
    decided = ", ".join(f"{name} {text.percent(share)}" for name, share in threshold["decisions"].items())
    passed = len(release.gates) - len(release.failed)
    verdict = "passed" if not release.failed else "FAILED"
    lines = [
        f"release    {release.entry.release_id} ({release.role or 'registered'}, version {release.entry.version})",
        f"question   {question['question']}",
        f"verdict    {verdict}: {passed} of {len(release.gates)} gates passed",
        f"model      {evidence['subject']}",
        f"as of      {_as_of(release)}",
        f"tested on  {_window(evidence, test)}",
        f"threshold  {_threshold(evidence)}",
        f"decides    {decided} of the test decisions",
        *_made(release),
        f"card       {release.card}",
        f"digest     {release.entry.digest}, every file verified",
        "",
        "gates",
        *map(_gate, release.gates),
    ]
    if not release.proof:
        told = "passed before its promotion, the figures were not kept" if release.proven else "no proof is kept"
        lines.append(f"  {', '.join(PROOF_GATES)}: {told}")
    figures = _figures(evidence)
    lines += ["", f"figures, {text.interval_note(next(iter(figures.values()))).split(', worth')[0]}"]
    rows = [[_label(name), _interval(name, one), _worth(one)] for name, one in figures.items()]
    lines += [f"  {line}" for line in _table(rows)]
    if release.moves:
        lines += ["", "made the champion", *(f"  {_move(move)}{_replaced(move, release)}" for move in release.moves)]
    return "\n".join(lines)


def compare_text(left: RegisteredRelease, right: RegisteredRelease) -> str:
    """Return the figures of two releases side by side, and how far they can be compared.

    Raises
    ------
    ReleaseError
        If the files of one of them are damaged.
    """
    sides = (left, right)
    evidences = [require_sound(side) for side in sides]
    rows = [
        ["", *(side.entry.release_id for side in sides)],
        ["role", *(side.role or "registered" for side in sides)],
        ["model", *(one["subject"] for one in evidences)],
        ["tested on", *(_days(one, _test_part(one)) for one in evidences)],
        ["gates", *map(_gates, sides)],
        ["threshold", *map(_threshold, evidences)],
    ]
    figures = [_figures(one) for one in evidences]
    names = dict.fromkeys([*figures[0], *figures[1]])
    rows += [[_label(name), *(_interval(name, one.get(name)) for one in figures)] for name in names]
    return "\n".join([*_table(rows), "", comparability(evidences[0], evidences[1])])


def comparability(left: EvaluationEvidence, right: EvaluationEvidence) -> str:
    """Say what may be read from the figures of two evaluations side by side."""
    paired = "Each interval is that release's own; they are not the interval of the difference."
    windows = [(part["start"], part["end"]) if part else None for part in (_test_part(left), _test_part(right))]
    prints = [one["reproducibility"]["data_fingerprints"].get(_TEST_TABLE) for one in (left, right)]
    if left["question"]["case"] != right["question"]["case"] or windows[0] != windows[1] or windows[0] is None:
        return (
            "Tested on different windows: the figures are not paired. A difference may be the months' and not the "
            f"models'. {paired}"
        )
    if prints[0] is not None and prints[0] == prints[1]:
        return f"Tested on the same rows with the same features (the fingerprints of {_TEST_TABLE} agree). {paired}"
    return (
        f"Tested on the same window, but not on the same table: the fingerprints of {_TEST_TABLE} differ (other rows "
        f"or other features), so the figures are not paired. {paired}"
    )


def _threshold(evidence: EvaluationEvidence) -> str:
    found = evidence["threshold"]
    if found["threshold"] is None:
        return f"none: {evidence['question']['rule']}"
    return f"{found['threshold']:.4f}, chosen on {found['chosen_on']}"


def _row(release: RegisteredRelease, names: Sequence[str]) -> list[str]:
    figures = release.entry.metrics
    main = [text.number(figures.get(name), text.metric_of(name).digits) for name in names]
    registered = f"{release.entry.registered_at:%Y-%m-%d %H:%M}"
    as_of = text.day(found, _zone(release)) if (found := _as_of(release)) else text.NOTHING
    return [release.entry.release_id, release.role or "-", as_of, registered, _gates(release), *main]


def _zone(release: RegisteredRelease) -> str:
    return release.evidence["split"]["time_zone"] if release.evidence else "UTC"


def _as_of(release: RegisteredRelease) -> str | None:
    return release.evidence["reproducibility"]["as_of"] if release.evidence else release.entry.tags.get("as_of")


def _gates(release: RegisteredRelease) -> str:
    if release.problem:
        return "unknown"
    if not release.failed:
        return f"all {len(release.gates)} passed"
    return f"{len(release.failed)} of {len(release.gates)} FAILED"


def _gate(gate: GateEvidence) -> str:
    return f"  {'passed' if gate['passed'] else 'FAILED'}  {gate['gate']}: {gate['reason']}"


def _figures(evidence: EvaluationEvidence) -> dict[str, IntervalEvidence]:
    return {**evidence["metrics"][evidence["subject"]], "value_per_1000": evidence["value"]["model"]}


def _label(name: str) -> str:
    return text.metric_of(name).label


def _interval(name: str, found: IntervalEvidence | None) -> str:
    return text.interval(found, text.metric_of(name).digits)


def _worth(found: IntervalEvidence) -> str:
    return f"worth {found['n_effective']:.1f} independent blocks"


def _test_part(evidence: EvaluationEvidence) -> PartEvidence | None:
    return next((part for part in evidence["split"]["parts"] if part["part"] == "test"), None)


def _days(evidence: EvaluationEvidence, test: PartEvidence | None) -> str:
    if test is None:
        return text.NOTHING
    zone = evidence["split"]["time_zone"]
    return f"{text.day(test['start'], zone)} to {text.day(test['end'], zone)}"


def _window(evidence: EvaluationEvidence, test: PartEvidence | None) -> str:
    counts = f": {test['rows']:,} decisions, {test['labelled']:,} with an observed outcome" if test else ""
    return f"{_days(evidence, test)}{counts}"


def _made(release: RegisteredRelease) -> list[str]:
    """Say why a release was made and who asked for it; of a plain run there is nothing to say."""
    tags = release.entry.tags
    if REASON_TAG not in tags:
        return []
    order = f", order {tags[ORDER_TAG]}" if ORDER_TAG in tags else ""
    return [f"made for   {tags.get(REQUESTER_TAG, 'nobody')}{order}: {tags[REASON_TAG]}"]


def _replaced(move: Move, release: RegisteredRelease) -> str:
    if move.from_version is None:
        return "; it was the first"
    verb = "withdrew" if move.action == "rollback" else "replaced"
    return f"; {verb} {release.names.get(move.from_version, f'version {move.from_version}')}"


def _move(move: Move) -> str:
    if move.overridden:
        return _override(move)
    return f"{move.at[:16].replace('T', ' ')} UTC, {move.action} by {move.by}: {move.reason}"


def _override(move: Move) -> str:
    gates = ", ".join(move.overridden)
    return f"OVERRIDDEN by {move.by} on {move.at[:16].replace('T', ' ')} UTC: {gates}; {move.reason}"


def _override_facts(move: Move) -> dict[str, Any]:
    return {"at": move.at, "by": move.by, "reason": move.reason, "gates": list(move.overridden)}


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
