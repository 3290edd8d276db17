"""What changed from one window to the next, in sentences."""

from collections.abc import Iterator, Sequence

from model_lifecycle.monitoring.verdict import Figure, WindowVerdict
from model_lifecycle.pipelines.monitoring.pages.parts import headed, written

_NAMED = 6
_WORTH_TELLING = 0.1  # change of the volume


def changes(before: WindowVerdict, now: WindowVerdict) -> tuple[str, ...]:
    """Return one sentence for each thing that is otherwise than in the window before."""
    return tuple(_changes(before, now)) or ("Nothing to speak of.",)


def _changes(before: WindowVerdict, now: WindowVerdict) -> Iterator[str]:
    if before.decisions and abs(now.decisions / before.decisions - 1) >= _WORTH_TELLING:
        yield f"{now.decisions:,} decisions instead of {before.decisions:,}."
    known = {(finding.rule, finding.column) for finding in before.quality}
    for finding in now.quality:
        if (finding.rule, finding.column) not in known:
            yield f"New: {finding.message}."
    found = {(finding.rule, finding.column) for finding in now.quality}
    for finding in before.quality:
        if (finding.rule, finding.column) not in found:
            yield f"Over: {finding.message}."
    yield from _drift(before, now)
    yield from _performance(before, now)
    releases = {one.release for one in now.releases} - {one.release for one in before.releases}
    if before.decisions and releases:
        yield f"Release {', '.join(sorted(releases))} began to answer."


def _drift(before: WindowVerdict, now: WindowVerdict) -> Iterator[str]:
    old, new = ({one.feature for one in window.drift.drifted()} for window in (before, now))
    if new - old:
        yield f"Drifted now and not before: {_listed([one.feature for one in now.drift.drifted()], new - old)}."
    if old - new:
        yield f"Drifted before and not now: {_listed([one.feature for one in before.drift.drifted()], old - new)}."


def _listed(order: Sequence[str], wanted: set[str]) -> str:
    names = [name for name in order if name in wanted]
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest


def _performance(before: WindowVerdict, now: WindowVerdict) -> Iterator[str]:
    if before.performance is None or now.performance is None:
        return
    old, new = ({**window.figures, **window.differences} for window in (before.performance, now.performance))
    for name, figure in new.items():
        if name in old and _apart(old[name], figure):
            yield f"{headed(name)} is {written(figure, name)}, and was {written(old[name], name)}."


def _apart(one: Figure, other: Figure) -> bool:
    """Return whether two intervals have nothing in common."""
    bounds = (one.lower, one.upper, other.lower, other.upper)
    if any(bound is None for bound in bounds):
        return False
    return bool(one.upper < other.lower or other.upper < one.lower)  # type: ignore[operator]  # none is None here
