"""What happened over time, with the parts of the split behind it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model_lifecycle.reporting.evidence import PartEvidence
from model_lifecycle.reporting.feasibility_evidence import PeriodRate
from model_lifecycle.reporting.figures.style import GREY, PART_COLORS, SERIES, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def rate_figure(periods: Sequence[PeriodRate], parts: Sequence[PartEvidence] = (), title: str = "") -> "Figure":
    """Draw the share of each outcome, or the mean of a quantity, by period; each part of the split is shaded.

    Parameters
    ----------
    periods : sequence of PeriodRate
        In the order of time; one without an outcome leaves a gap.
    parts : sequence of PartEvidence
        The parts to shade; their names stand in the legend.
    title : str
        The title; a general one when empty.
    """
    from plotly import graph_objects as go

    figure = go.Figure()
    names = list(dict.fromkeys(name for one in periods for name in one["outcome"]))
    share = names != ["mean"]
    what = "share of the decisions" if share else "mean outcome"
    styled(figure, title or f"Outcomes over time: {what}", y=what)
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
    hover = ".1%" if share else ",.2f"
    for name, color in zip(names, [GREY, *SERIES] if len(names) == 1 else SERIES * len(names), strict=False):
        figure.add_scatter(
            x=[_middle(one) for one in periods],
            y=[one["outcome"].get(name) for one in periods],
            customdata=[[one["period"], one["labelled"]] for one in periods],
            mode="lines+markers",
            name=name,
            line={"color": color, "width": 2},
            marker={"size": 8},
            hovertemplate=f"{name}, %{{customdata[0]}}<br>%{{y:{hover}}} of %{{customdata[1]:,}}<extra></extra>",
            showlegend=len(names) > 1,
        )
    return figure.update_yaxes(tickformat=".0%" if share else "", rangemode="tozero").update_xaxes(type="date")


def _middle(period: PeriodRate) -> str:
    from datetime import datetime

    start, end = datetime.fromisoformat(period["start"]), datetime.fromisoformat(period["end"])
    return (start + (end - start) / 2).isoformat()
