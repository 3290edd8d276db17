"""The candidates, best first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model_lifecycle.reporting import text
from model_lifecycle.reporting.evidence import LeaderboardRow
from model_lifecycle.reporting.figures.style import BLUE, GREY, ORANGE, row_height, row_labels, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def leaderboard_figure(rows: Sequence[LeaderboardRow], loss: str = "log_loss") -> "Figure":
    """Draw the loss of every candidate on the validation folds; the chosen one stands out."""
    from plotly import graph_objects as go

    label = text.metric_of(loss).label
    best = sorted(rows, key=lambda row: row["loss"])
    groups = (
        ("chosen", ORANGE, [row["chosen"] for row in best]),
        ("candidate", BLUE, [not row["chosen"] and row["role"] == "candidate" for row in best]),
        ("baseline", GREY, [not row["chosen"] and row["role"] != "candidate" for row in best]),
    )
    labels = row_labels([f"{row['model']} ({row['calibration']})" for row in best])
    figure = go.Figure()
    for name, color, member in groups:
        figure.add_scatter(
            x=[row["loss"] for row, mine in zip(best, member, strict=True) if mine],
            y=[label for label, mine in zip(labels, member, strict=True) if mine],
            mode="markers",
            name=name,
            marker={"color": color, "size": 12},
            hovertemplate=f"%{{y}}<br>{label} %{{x:.4f}}<extra></extra>",
        )
    styled(figure, "Candidates on the validation months (lower is better)", label, height=row_height(len(best)))
    return figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1])
