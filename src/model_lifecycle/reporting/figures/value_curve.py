"""What decisions are worth by where they are drawn."""

from typing import TYPE_CHECKING

import numpy as np

from model_lifecycle.reporting.figures.style import BLUE, GREY, ORANGE, styled
from model_lifecycle.tasks import ValueCurve

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_POINTS = 400  # a curve over every distinct score would make the page heavy and look the same


def value_curve_figure(curve: ValueCurve, unit: str) -> "Figure":
    """Draw the value per 1,000 decisions by where the decision is drawn, with where it is drawn in use.

    Parameters
    ----------
    curve : ValueCurve
        In any order, per decision.
    unit : str
        Unit of the value.
    """
    from plotly import graph_objects as go

    order = np.argsort(curve.at, kind="stable")
    kept = order[np.unique(np.linspace(0, len(order) - 1, min(_POINTS, len(order))).astype(np.int64))]
    figure = go.Figure()
    figure.add_scatter(
        x=curve.at[kept],
        y=curve.value[kept] * 1000,
        mode="lines",
        line={"color": BLUE, "width": 2.5},
        hovertemplate=f"%{{x:.3f}}<br>%{{y:,.0f}} {unit}<extra></extra>",
        showlegend=False,
    )
    styled(
        figure, "Value by where the decision is drawn", f"{curve.title} ({curve.note})", f"{unit} per 1,000 decisions"
    )
    if curve.at.min() <= curve.chosen <= curve.at.max():
        figure.add_vline(
            x=curve.chosen,
            line={"color": ORANGE, "width": 2},
            annotation={"text": f"in use {curve.chosen:.3f}", "xanchor": "left", "yanchor": "bottom", "y": 1},
            annotation_position="top right",
        )
    figure.add_hline(y=0, line={"color": GREY, "width": 1})
    return figure
