"""How the contribution of a feature depends on its value."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model_lifecycle.reporting.evidence import DependenceEvidence, DependencePoint
from model_lifecycle.reporting.figures.style import BLUE, GREY, plain, row_labels, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_COLUMNS = 2
_HEIGHT = 260  # px of one row of panels
_BAND = "rgba(53, 118, 207, 0.2)"
_LABEL = 14  # characters of a category


def dependence_figure(found: Sequence[DependenceEvidence]) -> "Figure":
    """Draw the SHAP value by the feature's value, one panel a feature.

    Numbers are a line of medians in a band of the 10 to 90% quantiles, with missing values as a grey box at the left;
    categories are boxes.
    """
    from plotly.subplots import make_subplots

    panels = max(-(-len(found) // _COLUMNS), 1)
    figure = make_subplots(rows=panels, cols=_COLUMNS, subplot_titles=_titles(found))
    for place, one in enumerate(found):
        at = {"row": place // _COLUMNS + 1, "col": place % _COLUMNS + 1}
        known = [point for point in one["points"] if point["value"] is not None]
        if one["kind"] == "category":
            _boxes(figure, known, [str(point["value"])[:_LABEL] for point in known], at)
            continue
        if known:
            _line(figure, known, at)
        if missing := [point for point in one["points"] if point["value"] is None]:
            x = [float(point["value"] or 0.0) for point in known] or [0.0]
            width = (max(x) - min(x) or 1.0) / 12
            _boxes(figure, missing, [min(x) - 2 * width], at, GREY, width)
            figure.add_annotation(
                x=min(x) - 2 * width, y=missing[0]["quantiles"][4], text="missing", yshift=10, showarrow=False, **at
            )
    styled(figure, "SHAP value by the value of the feature", height=100 + _HEIGHT * panels)
    return figure.update_layout(showlegend=False, margin={"t": 90})


def _titles(found: Sequence[DependenceEvidence]) -> list[str]:
    """Name the features and, of several classes, below them the one that they speak for."""
    names = row_labels([one["feature"] for one in found])
    return [
        f"{name}<br>for {plain(one['of'])}" if "of" in one else name for name, one in zip(names, found, strict=True)
    ]


def _line(figure: "Figure", points: Sequence[DependencePoint], at: dict[str, int]) -> None:
    x = [point["value"] for point in points]
    low, median, high = ([point["quantiles"][place] for point in points] for place in (0, 2, 4))
    figure.add_scatter(x=x, y=low, mode="lines", line={"width": 0}, hoverinfo="skip", **at)
    figure.add_scatter(
        x=x, y=high, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=_BAND, hoverinfo="skip", **at
    )
    figure.add_scatter(
        x=x,
        y=median,
        mode="lines+markers",
        line={"color": BLUE},
        hovertemplate="%{x:.4g}<br>%{y:.3f}<extra></extra>",
        **at,
    )


def _boxes(
    figure: "Figure",
    points: Sequence[DependencePoint],
    x: Sequence[str | float],
    at: dict[str, int],
    color: str = BLUE,
    width: float | None = None,
) -> None:
    """Draw boxes of quartiles with whiskers to the 10 and 90% quantiles."""
    low, first, median, third, high = ([point["quantiles"][place] for point in points] for place in range(5))
    figure.add_box(
        x=x,
        lowerfence=low,
        q1=first,
        median=median,
        q3=third,
        upperfence=high,
        marker={"color": color},
        width=width,
        **at,
    )
