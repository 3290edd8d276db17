"""A rate over time, with the parts of the split behind it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model_lifecycle.reporting.evidence import PartEvidence, PeriodRate
from model_lifecycle.reporting.figures.style import GREY, PART_COLORS, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def rate_figure(periods: Sequence[PeriodRate], parts: Sequence[PartEvidence] = (), title: str = "") -> "Figure":
    """Draw the rate of positive outcomes by period; each part of the split is shaded in its own colour.

    Parameters
    ----------
    periods : sequence of PeriodRate
        In the order of time; one without a rate leaves a gap.
    parts : sequence of PartEvidence
        The parts to shade; their names stand in the legend.
    title : str
        The title; a general one when empty.
    """
    from plotly import graph_objects as go

    figure = go.Figure()
    styled(figure, title or "Rate of positive outcomes over time", y="rate of positive outcomes")
    for part in parts:
        figure.add_vrect(
            x0=part["start"],
            x1=part["end"],
            fillcolor=PART_COLORS.get(part["part"], GREY),
            opacity=0.18,
            line_width=0,
            layer="below",
            name=part["part"],
            showlegend=True,
        )
    figure.add_scatter(
        x=[_middle(one) for one in periods],
        y=[one["rate"] for one in periods],
        customdata=[[one["period"], one["labelled"]] for one in periods],
        mode="lines+markers",
        line={"color": GREY, "width": 2},
        marker={"size": 8, "color": [PART_COLORS.get(one["part"], GREY) for one in periods]},
        hovertemplate="%{customdata[0]}<br>%{y:.1%} of %{customdata[1]:,}<extra></extra>",
        showlegend=False,
    )
    return figure.update_yaxes(tickformat=".0%", rangemode="tozero").update_xaxes(type="date")


def _middle(period: PeriodRate) -> str:
    from datetime import datetime

    start, end = datetime.fromisoformat(period["start"]), datetime.fromisoformat(period["end"])
    return (start + (end - start) / 2).isoformat()
