"""How much of each column is missing, and how its numbers are distributed."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from model_lifecycle.reporting.figures.style import BLUE, GREY, ORANGE, plain, row_height, row_labels, styled
from model_lifecycle.reporting.quality_evidence import HistogramEvidence

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def missing_figure(missing: Mapping[str, float], allowed: Mapping[str, float] | None = None) -> "Figure":
    """Draw the share of missing values of each column that has any, largest first.

    Parameters
    ----------
    missing : mapping of str to float
        Share in [0, 1] by column.
    allowed : mapping of str to float, optional
        The share that the contract allows, drawn as a tick.
    """
    from plotly import graph_objects as go

    found = sorted(((share, name) for name, share in missing.items() if share > 0), reverse=True)
    labels = row_labels([name for _, name in found])
    figure = go.Figure()
    figure.add_bar(
        x=[share for share, _ in found],
        y=labels,
        orientation="h",
        name="missing",
        marker={"color": ORANGE},
        hovertemplate="%{y}<br>%{x:.2%} missing<extra></extra>",
    )
    if allowed:
        figure.add_scatter(
            x=[allowed.get(name) for _, name in found],
            y=labels,
            mode="markers",
            name="allowed by the contract",
            marker={"symbol": "line-ns-open", "size": 16, "color": GREY, "line": {"width": 2}},
            hovertemplate="%{y}<br>%{x:.2%} allowed<extra></extra>",
        )
    styled(figure, "Missing values by column", "share missing", height=row_height(len(found)))
    return figure.update_xaxes(tickformat=".1~%", rangemode="tozero").update_yaxes(
        categoryorder="array", categoryarray=labels[::-1]
    )


def histograms_figure(histograms: Mapping[str, HistogramEvidence]) -> "Figure":
    """Draw one small histogram for each numeric column.

    Parameters
    ----------
    histograms : mapping of str to HistogramEvidence
        By column; at least one.
    """
    from plotly.subplots import make_subplots

    columns = min(4, len(histograms))
    lines = math.ceil(len(histograms) / columns)
    figure = make_subplots(rows=lines, cols=columns, subplot_titles=[plain(name) for name in histograms])
    for place, (name, found) in enumerate(histograms.items()):
        middles = [(low + high) / 2 for low, high in pairwise(found["edges"])]
        figure.add_bar(
            x=middles,
            y=found["counts"],
            marker={"color": BLUE},
            name=plain(name),
            showlegend=False,
            hovertemplate="%{x:.4g}<br>%{y:,} rows<extra></extra>",
            row=place // columns + 1,
            col=place % columns + 1,
        )
    styled(figure, "Numbers, the outer half percents in the outer bars", "", height=150 * lines + 120)
    return figure.update_layout(bargap=0.0)
