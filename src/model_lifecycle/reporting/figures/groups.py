"""How decisions treat the groups of sensitive slices."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model_lifecycle.reporting import text
from model_lifecycle.reporting.evidence import FairnessEvidence
from model_lifecycle.reporting.figures.style import SERIES, error_bars, row_height, row_labels, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def group_figure(fairness: Sequence[FairnessEvidence]) -> "Figure":
    """Draw a forest plot: every figure of every group with its interval, a color a figure.

    Groups that could not be judged are left out here; the table that goes with it gives the reason.
    """
    from plotly import graph_objects as go

    figure, names = go.Figure(), list(dict.fromkeys(one["figure"] for one in fairness))
    labels: list[str] = []
    for one in fairness:
        judged = [(group, value) for group in one["groups"] if (value := group["value"]) is not None]
        rows = row_labels([f"{one['column']}: {group['group']} ({group['rows']:,})" for group, _ in judged])
        labels.extend(row for row in rows if row not in labels)
        estimates = [value["estimate"] for _, value in judged]
        color = SERIES[names.index(one["figure"]) % len(SERIES)]
        bars = error_bars(estimates, [value["lower"] for _, value in judged], [value["upper"] for _, value in judged])
        figure.add_scatter(
            x=estimates,
            y=rows,
            mode="markers",
            name=one["figure"],
            marker={"size": 9, "color": color},
            error_x=bars | {"color": color},
            customdata=[text.interval(value) for _, value in judged],
            hovertemplate=f"%{{y}}<br>{one['figure']} %{{customdata}}<extra></extra>",
        )
    styled(figure, "Decisions by group, with intervals", height=row_height(len(labels)))
    return figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1])
