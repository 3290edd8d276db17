"""What each feature is worth on later folds."""

from typing import TYPE_CHECKING

from model_lifecycle.contracts.selection import SelectionEvidence
from model_lifecycle.reporting.figures.style import BLUE, GREY, row_height, row_labels, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def selection_figure(evidence: SelectionEvidence) -> "Figure":
    """Draw the loss that each feature saves, with its interval, the most valuable first."""
    from plotly import graph_objects as go

    found = evidence["features"]
    labels = row_labels([one["feature"] for one in found])
    saved = [one["loss_saved"] for one in found]
    figure = go.Figure()
    figure.add_scatter(
        x=[one["estimate"] for one in saved],
        y=labels,
        mode="markers",
        marker={"color": [GREY if one["adds_nothing"] else BLUE for one in found], "size": 9},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [one["upper"] - one["estimate"] for one in saved],
            "arrayminus": [one["estimate"] - one["lower"] for one in saved],
            "color": GREY,
        },
        hovertemplate="%{y}<br>%{x:.4f} loss saved<extra></extra>",
    )
    figure.add_vline(x=0.0, line={"color": GREY, "dash": "dash"})
    styled(figure, "Log loss that each feature saves on later folds", "loss saved", height=row_height(len(found)))
    return figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1])
