"""What monitoring found in every window there was, in few words: what a page over time is made of. Pure."""

from collections.abc import Sequence

from pydantic import AwareDatetime, Field

from model_lifecycle.contracts.base import Contract
from model_lifecycle.monitoring.policy import Action, Decision
from model_lifecycle.monitoring.verdict import FeatureDrift, Figure, MonitoringReport, WindowVerdict


class RememberedDrift(Contract):
    """How far a feature lay from the reference."""

    effect: float
    floor: float
    drifted: bool


class RememberedWindow(Contract):
    """One window as it was judged last; ``action`` and ``reasons`` are those of the run in which it was the newest."""

    release: str
    start: AwareDatetime
    end: AwareDatetime
    decisions: int
    mature: bool
    maturity: str
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    drift: dict[str, RememberedDrift] = Field(default_factory=dict)
    loss: str | None = None
    figures: dict[str, Figure] = Field(default_factory=dict)
    releases: dict[str, int] = Field(default_factory=dict)
    action: Action | None = None
    reasons: tuple[str, ...] = ()

    def blocked(self) -> bool:
        """Return whether the data of the window must not be trusted."""
        return bool(self.findings)


class Happening(Contract):
    """Something that was done or began: an alert, a retraining, a move of a release; ``who`` answers for it."""

    at: AwareDatetime
    kind: str
    what: str
    who: str
    why: str = ""


class WindowHistory(Contract):
    """All windows that were judged, the oldest first."""

    windows: tuple[RememberedWindow, ...] = ()


def remember(before: WindowHistory, report: MonitoringReport, decision: Decision) -> WindowHistory:
    """Return the history with the windows of a report in it.

    A window that was judged before is replaced: more of its outcomes are known now, but what was decided when it was
    the newest stays. Windows that begin and end otherwise stand beside it.

    Parameters
    ----------
    before : WindowHistory
        Of the runs before.
    report : MonitoringReport
        Of this run.
    decision : Decision
        What the policy decided after its newest window.
    """
    known = {(window.start, window.end): window for window in before.windows}
    newest = report.newest()
    for window in report.windows:
        place = (window.start, window.end)
        decided = (decision.action, decision.reasons) if window is newest else _decided(known.get(place))
        known[place] = _in_few_words(report.release, window).model_copy(
            update={"action": decided[0], "reasons": decided[1]}
        )
    return WindowHistory(windows=tuple(known[place] for place in sorted(known, key=lambda place: place[::-1])))


def _decided(window: RememberedWindow | None) -> tuple[Action | None, tuple[str, ...]]:
    return (None, ()) if window is None else (window.action, window.reasons)


def _in_few_words(release: str, window: WindowVerdict) -> RememberedWindow:
    found = window.performance
    return RememberedWindow(
        release=release,
        start=window.start,
        end=window.end,
        decisions=window.decisions,
        mature=window.maturity.mature,
        maturity=window.maturity.reason,
        findings=tuple(finding.message for finding in window.critical()),
        warnings=tuple(finding.message for finding in window.quality if finding.severity == "warning"),
        drift=_drift(window.drift.features),
        loss=None if found is None else found.loss,
        figures={} if found is None else {**found.figures, **found.differences},
        releases={one.release: one.decisions for one in window.releases},
    )


def _drift(features: Sequence[FeatureDrift]) -> dict[str, RememberedDrift]:
    return {one.feature: RememberedDrift(effect=one.effect, floor=one.floor, drifted=one.drifted) for one in features}
