"""Sections on groups of people and weak slices: where decisions and predictions may not be trusted alike."""

from collections.abc import Sequence

from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import Cell, Section
from model_lifecycle.reporting.evidence import FairnessEvidence, WeakSlicesEvidence
from model_lifecycle.reporting.figures.groups import group_figure
from model_lifecycle.reporting.figures.weak_slices import weak_slice_figure

_SIGNS = {"difference": "-", "ratio": "/"}


def fairness_sections(found: Sequence[FairnessEvidence] | None) -> list[Section]:
    """Return how the groups of sensitive slices are treated, and how far any two of them lie apart."""
    if found is None:
        return []
    if not found:
        return [Section("Fairness", text=("No slice is declared as sensitive in the business question.",))]
    gaps: list[dict[str, Cell]] = [
        {
            "slice": one["column"],
            "figure": one["figure"],
            "measure": gap["measure"],
            "widest of any two groups": text.number(gap["widest"]),
            "may lie farthest apart": f"{gap['first']} {_SIGNS[gap['measure']]} {gap['second']}",
            "estimate and interval": text.interval(gap["interval"]),
            "limit": text.number(one["limits"][gap["measure"]]),
            "remark": gap.get("reason", ""),
        }
        for one in found
        for gap in one["gaps"]
    ]
    groups: list[dict[str, Cell]] = [
        {
            "group": f"{one['column']}: {group['group']}",
            "figure": one["figure"],
            "decisions": group["rows"],
            "estimate and interval": text.interval(group["value"]),
            "remark": group.get("reason", ""),
        }
        for one in found
        for group in one["groups"]
    ]
    left_out = {one["column"]: one["left_out"] for one in found if one["left_out"]}
    told = ", ".join(f"{text.plural(rows, 'decision')} by {column}" for column, rows in left_out.items())
    return [
        Section(
            "Fairness",
            text=(
                "A limit is kept when the whole interval lies within it, for any two groups.",
                *([f"Of groups that are not compared: {told}."] if told else []),
            ),
            table=gaps or None,
            figure=group_figure(found),
        ),
        Section("Groups", table=groups, level=3),
    ]


def weak_slices_sections(found: WeakSlicesEvidence | None, metric: str) -> list[Section]:
    """Return the slices on which predictions cannot be taken at their word, their loss in that metric."""
    if found is None:
        return []
    told, loss = text.weak_slices(found), text.metric_of(metric)
    rows: list[dict[str, Cell]] = [
        {
            "slice": text.conditions(one["conditions"]),
            "decisions": one["rows"],
            "event": one["event"],
            "observed": text.percent(one["observed"]),
            "predicted": text.percent(one["predicted"]),
            "predictions are": text.fault(one),
            "effect and interval": text.interval(one["effect"]),
            "adjusted p": text.number(one["p_value"]),
            loss.label: text.number(one["loss"], loss.digits),
            "elsewhere": text.number(one["loss_elsewhere"], loss.digits),
        }
        for one in found["slices"]
    ]
    return [
        Section(
            "Weak slices",
            text=(
                f"{told[0].upper()}{told[1:]}.",
                "A slice is weak where predictions are off by more than anywhere else on the same days.",
            ),
            table=rows or None,
            figure=weak_slice_figure(found) if rows else None,
            caption=f"Intervals hold for all slices at once, at {found['level']:.0%}",
        )
    ]
