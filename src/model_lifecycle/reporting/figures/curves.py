"""How the loss moves with the amount of data, and with the age of the model."""

from typing import TYPE_CHECKING

from model_lifecycle.reporting import text
from model_lifecycle.reporting.evidence import CurvePoint, CurvesEvidence
from model_lifecycle.reporting.figures.style import BLUE, GREY, error_bars, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def learning_curve_figure(curves: CurvesEvidence, loss: str = "log_loss") -> "Figure":
    """Draw the loss over the rows that the model was fitted on, with its interval."""
    from plotly import graph_objects as go

    label = text.metric_of(loss).label
    found = [(point, figure) for point in curves["sizes"] if (figure := point["loss"]) is not None]
    figure = go.Figure()
    figure.add_scatter(
        x=[point["rows"] for point, _ in found],
        y=[value["estimate"] for _, value in found],
        error_y=error_bars(
            [value["estimate"] for _, value in found],
            [value["lower"] for _, value in found],
            [value["upper"] for _, value in found],
        )
        | {"color": GREY},
        mode="lines+markers",
        marker={"size": 9, "color": BLUE},
        text=[size_label(point, curves["period"]) for point, _ in found],
        hovertemplate=f"%{{text}}, %{{x:,}} rows<br>{label} %{{y:.4f}}<extra></extra>",
    )
    styled(figure, "Learning curve: the same later decisions, models of more and more data", "rows fitted on", label)
    return figure.update_xaxes(rangemode="tozero")


def staleness_curve_figure(curves: CurvesEvidence, loss: str = "log_loss") -> "Figure":
    """Draw what a model loses against the freshest, by its age, with the interval of the paired difference."""
    from plotly import graph_objects as go

    label = text.metric_of(loss).label
    found = [(point["at"], figure) for point in curves["ages"] if (figure := point["difference"]) is not None]
    at = [0, *(age for age, _ in found)]
    figure = go.Figure()
    figure.add_scatter(
        x=at,
        y=[0.0, *(value["estimate"] for _, value in found)],
        error_y=error_bars(
            [0.0, *(value["estimate"] for _, value in found)],
            [None, *(value["lower"] for _, value in found)],
            [None, *(value["upper"] for _, value in found)],
        )
        | {"color": GREY},
        mode="lines+markers",
        marker={"size": 9, "color": BLUE},
        hovertemplate=f"age %{{x}}<br>{label} %{{y:+.4f}}<extra></extra>",
    )
    figure.add_hline(y=0.0, line={"color": GREY, "dash": "dash"})
    styled(figure, "Staleness curve: what age costs", f"age of the model in {curves['period']}s", f"{label} lost")
    return figure.update_xaxes(tickvals=at)


def size_label(point: CurvePoint, period: str) -> str:
    """Return how long a window is, in words."""
    return "all there is" if point["at"] is None else f"{point['at']:g} {period}{'' if point['at'] == 1 else 's'}"
