"""What the page says of root causes: which segments and features explain the change of the loss."""

from model_lifecycle.monitoring.verdict import FeatureCause, MonitoringReport, SegmentCause
from model_lifecycle.pipelines.monitoring.pages.parts import day, written
from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import Cell, Section

_HEADING = "What explains the change of the loss"
_SEGMENTS = (
    "A segment is a bin or category of a feature. Unexplained is the loss beyond what the hold-out foretells.",
    "A segment's contribution is what it adds beyond its share: its share times how far it lies above all rows.",
)
_FEATURES = (
    "By outcomes: contributions of the feature's segments. By inputs: what the other shares of its bins foretell.",
    "Each by itself: features that move together are put down the same loss.",
)


def causes_sections(report: MonitoringReport) -> list[Section]:
    """Return the ranking of the newest window that has one; none where no window has."""
    told = [(window, window.causes) for window in report.windows if window.causes is not None]
    if not told:
        return []
    window, found = told[-1]
    where = f"{day(window.start)} to {day(window.end)}, {found.rows:,} outcomes"
    explaining = [one for one in found.segments if one.explains]
    said = f"{where}: {len(explaining) or 'none'} of {found.compared} segments stand out from the rest."
    skipped = tuple(f"Not compared: {name}, {reason}." for name, reason in found.skipped.items())
    shown = explaining or found.segments[:3]
    return [
        Section(_HEADING, text=(said, *_SEGMENTS, *skipped), table=[_segment(one) for one in shown] or None),
        Section("By feature", level=3, text=_FEATURES, table=[_feature(one) for one in found.features] or None),
    ]


def _segment(one: SegmentCause) -> dict[str, Cell]:
    return {
        "segment": f"{one.feature}: {one.segment}",
        "explains": one.explains,
        "contribution": text.number(one.contribution, 4),
        "share": text.percent(one.share, 1),
        "share in training": text.percent(one.share_before, 1),
        "loss": text.number(one.loss, 3),
        "foretold": text.number(one.foretold, 3),
        "unexplained, above the rest": written(one.difference, "log_loss"),
        "corrected p-value": float(f"{one.adjusted_p_value:.2g}"),
    }


def _feature(one: FeatureCause) -> dict[str, Cell]:
    return {
        "feature": one.feature,
        "by outcomes": text.number(one.by_outcomes, 4),
        "by inputs": text.number(one.by_inputs, 4),
        "drifted": one.drifted,
        "distance": None if one.effect is None else round(one.effect, 3),
        "importance": None if one.importance is None else text.percent(one.importance, 1),
    }
