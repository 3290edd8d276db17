"""What acting is worth at each threshold."""

from typing import TYPE_CHECKING

import numpy as np

from model_lifecycle.reporting.figures.style import BLUE, GREY, ORANGE, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_POINTS = 400  # a curve over every distinct score would make the page heavy and look the same


def value_curve_figure(
    threshold: np.ndarray, value: np.ndarray, chosen: float, break_even: float, unit: str
) -> "Figure":
    """Draw the value of acting from each threshold on, with the chosen threshold.

    Parameters
    ----------
    threshold, value : ndarray of shape (n,)
        Thresholds in any order, and the value per 1,000 decisions of acting on scores at or above each.
    chosen : float
        The threshold in use; above 1 when acting never pays.
    break_even : float
        The probability from which acting pays by the value matrix.
    unit : str
        Unit of the value.
    """
    from plotly import graph_objects as go

    order = np.argsort(threshold, kind="stable")
    kept = order[np.unique(np.linspace(0, len(order) - 1, min(_POINTS, len(order))).astype(np.int64))]
    figure = go.Figure()
    figure.add_scatter(
        x=threshold[kept],
        y=value[kept],
        mode="lines",
        line={"color": BLUE, "width": 2.5},
        hovertemplate=f"act from %{{x:.3f}}<br>%{{y:,.0f}} {unit}<extra></extra>",
        showlegend=False,
    )
    styled(
        figure,
        "Value of acting on every decision at or above a threshold",
        "threshold (predicted probability)",
        f"{unit} per 1,000 decisions",
    )
    # Two labels on opposite sides: the two thresholds are often close.
    for place, color, label, side in ((chosen, ORANGE, "chosen", "right"), (break_even, GREY, "break-even", "left")):
        if 0.0 <= place <= 1.0:
            figure.add_vline(
                x=place,
                line={"color": color, "dash": "dot" if color == GREY else "solid", "width": 2},
                annotation={
                    "text": f"{label} {place:.3f}",
                    "xanchor": "left" if side == "right" else "right",
                    "yanchor": "bottom",
                    "y": 1,
                },
                annotation_position=f"top {side}",
            )
    figure.add_hline(y=0, line={"color": GREY, "width": 1})
    return figure
