"""The challenger beside the champion and the baselines."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from model_lifecycle.reporting import text
from model_lifecycle.reporting.evidence import DifferenceEvidence, IntervalEvidence
from model_lifecycle.reporting.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    error_bars,
    row_height,
    row_labels,
    styled,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def comparison_figure(
    metrics: Mapping[str, Mapping[str, IntervalEvidence]], metric: str, subject: str, champion: str | None = None
) -> "Figure":
    """Draw one metric with its interval for every model, on the same rows.

    Parameters
    ----------
    metrics : mapping
        Intervals by model, by metric; a model without the metric is left out.
    metric : str
        The metric's key.
    subject, champion : str
        The models that stand out.
    """
    how = text.metric_of(metric)
    found = {model: values[metric] for model, values in metrics.items() if metric in values}
    colors = [ORANGE if model == subject else BLUE if model == champion else GREY for model in found]
    figure = _intervals(list(found), list(found.values()), colors, how.digits)
    direction = {"lower": " (lower is better)", "higher": " (higher is better)", "zero": " (zero is best)"}[how.better]
    return styled(figure, f"Test decisions: {how.label}{direction}", how.label, height=row_height(len(found)))


def value_figure(value: Mapping[str, IntervalEvidence], unit: str) -> "Figure":
    """Draw what each policy is worth per 1,000 decisions, with its interval."""
    names = [text.policy(policy) for policy in value]
    colors = [ORANGE if policy == "model" else BLUE if policy == "champion" else GREY for policy in value]
    figure = _intervals(names, list(value.values()), colors, 0)
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    return styled(figure, "What each way to decide is worth per 1,000 decisions", unit, height=row_height(len(value)))


def difference_figure(differences: Sequence[DifferenceEvidence], metric: str) -> "Figure":
    """Draw paired differences with their intervals beside zero; green is surely better, red surely worse."""
    how = text.metric_of(metric)
    found = [one for one in differences if one["metric"] == metric]
    names = [f"{one['model']} - {one['against']}" for one in found]
    figure = _intervals(names, [one["interval"] for one in found], [_verdict(one) for one in found], how.digits)
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    return styled(
        figure,
        f"Paired difference in {how.label} on the same decisions",
        f"difference in {how.label}",
        height=row_height(len(found)),
    )


def _verdict(difference: DifferenceEvidence) -> str:
    lower, upper = difference["interval"]["lower"], difference["interval"]["upper"]
    if lower is None or upper is None or lower <= 0.0 <= upper:
        return GREY
    better = text.metric_of(difference["metric"]).better
    return GREEN if (upper < 0.0) == (better == "lower") else RED


def _intervals(
    names: Sequence[str], values: Sequence[IntervalEvidence], colors: Sequence[str], digits: int
) -> "Figure":
    from plotly import graph_objects as go

    figure = go.Figure()
    labels = row_labels(names)
    for label, value, color in zip(labels, values, colors, strict=True):
        figure.add_scatter(
            x=[value["estimate"]],
            y=[label],
            mode="markers",
            marker={"size": 11, "color": color},
            error_x=error_bars([value["estimate"]], [value["lower"]], [value["upper"]]) | {"color": color},
            hovertemplate=f"%{{y}}<br>{text.interval(value, digits)}<extra></extra>",
            showlegend=False,
        )
    return figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1])
