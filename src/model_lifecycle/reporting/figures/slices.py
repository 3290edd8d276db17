"""How the model does on each slice."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from model_lifecycle.reporting import text
from model_lifecycle.reporting.evidence import IntervalEvidence, SliceEvidence
from model_lifecycle.reporting.figures.style import BLUE, GREY, PURPLE, error_bars, row_height, row_labels, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def slice_figure(
    slices: Sequence[SliceEvidence], figure_of: Literal["ranking", "loss"], metric: str, overall: IntervalEvidence
) -> "Figure":
    """Draw a forest plot: one metric with its interval on each slice, beside its value on all decisions.

    Slices without a figure are left out here; the table that goes with it gives the reason.
    """
    from plotly import graph_objects as go

    judged = [(one, figures) for one in slices if (figures := one[figure_of]) is not None]
    labels = row_labels([f"{one['column']}: {one['category']} ({one['rows']:,})" for one, _ in judged])
    found = [value for _, value in judged]
    name = text.metric_of(metric).label
    figure = go.Figure()
    figure.add_scatter(
        x=[value["estimate"] for value in found],
        y=labels,
        mode="markers",
        marker={"size": 9, "color": [PURPLE if one["kind"] == "sensitive" else BLUE for one, _ in judged]},
        error_x=error_bars(
            [value["estimate"] for value in found],
            [value["lower"] for value in found],
            [value["upper"] for value in found],
        )
        | {"color": GREY},
        hovertemplate=f"%{{y}}<br>{name} %{{x:.3f}}<extra></extra>",
        showlegend=False,
    )
    if overall["lower"] is not None and overall["upper"] is not None:
        figure.add_vrect(x0=overall["lower"], x1=overall["upper"], fillcolor=GREY, opacity=0.15, line_width=0)
    figure.add_vline(
        x=overall["estimate"],
        line={"color": GREY, "width": 2, "dash": "dot"},
        annotation={"text": f"all {overall['estimate']:.3f}", "yanchor": "bottom", "y": 1},
    )
    styled(figure, f"{name[0].upper()}{name[1:]} by slice, with intervals", name, height=row_height(len(judged)))
    return figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1])
