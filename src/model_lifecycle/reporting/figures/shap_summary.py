"""Which features move the prediction, how much and which way."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from model_lifecycle.reporting.evidence import ImportanceEvidence
from model_lifecycle.reporting.figures.style import BLUE, GREY, plain, row_height, row_labels, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_TOP = 15
_DOTS = 250  # per feature
_SLOTS = 60  # bins along the axis in which dots are stacked
_LOW_HIGH = [[0.0, "#3576cf"], [0.5, "#a37fb5"], [1.0, "#d0495a"]]


def importance_figure(importance: Sequence[ImportanceEvidence], top: int = _TOP) -> "Figure":
    """Draw the mean absolute SHAP value of the ``top`` features, largest first."""
    from plotly import graph_objects as go

    best = sorted(importance, key=lambda one: one["mean_abs_shap"], reverse=True)[:top]
    figure = go.Figure()
    figure.add_bar(
        x=[one["mean_abs_shap"] for one in best],
        y=row_labels([one["feature"] for one in best]),
        orientation="h",
        marker={"color": BLUE},
        hovertemplate="%{y}<br>%{x:.3f}<extra></extra>",
    )
    styled(figure, "What moves the prediction most", "mean |SHAP|", height=row_height(len(best)))
    return figure.update_yaxes(autorange="reversed")


def shap_strip_figure(
    names: Sequence[str], shap_values: np.ndarray, ranks: np.ndarray, of: str | None = None, top: int = _TOP
) -> "Figure":
    """Draw one dot a row and feature: its SHAP value, coloured by how high the feature's value is.

    Parameters
    ----------
    names : sequence of str
        The features, in the order of the columns.
    shap_values : ndarray of shape (n_rows, n_features)
        On the scale of the raw margin.
    ranks : ndarray of shape (n_rows, n_features)
        Each feature's value as its rank in [0, 1]; NaN where it is missing or has no order (drawn grey).
    of : str, optional
        Of several classes, the one whose log-probability they add to.
    top : int
        How many features, by mean absolute SHAP value.
    """
    from plotly import graph_objects as go

    order = np.argsort(-np.abs(shap_values).mean(axis=0), kind="stable")[:top]
    kept = np.unique(np.linspace(0, len(shap_values) - 1, min(_DOTS, len(shap_values))).astype(np.int64))
    labels = row_labels([names[column] for column in order])
    figure = go.Figure()
    for row, column in enumerate(order):
        values, rank = shap_values[kept, column], ranks[kept, column]
        known = np.isfinite(rank)
        places = row + _stacked(values, float(np.ptp(shap_values[kept][:, order])))
        for chosen, marker in (
            (~known, {"color": GREY}),
            (known, {"color": rank[known], "colorscale": _LOW_HIGH, "cmin": 0, "cmax": 1}),
        ):
            figure.add_scatter(
                x=np.round(values[chosen], 4),
                y=np.round(places[chosen], 3),
                mode="markers",
                marker={"size": 4, "opacity": 0.8, **marker},
                hovertemplate=f"{labels[row]}<br>%{{x:.3f}}<extra></extra>",
                showlegend=False,
            )
    styled(
        figure,
        f"How each feature moves the {plain(f'probability of {of}') if of else 'prediction'}: red where its value is "
        "high, blue low, grey missing or without order",
        "SHAP",
        height=row_height(len(order)) + 60,
    )
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    return figure.update_yaxes(
        tickvals=list(range(len(order))), ticktext=labels, range=[len(order) - 0.5, -0.5], showgrid=False
    )


def _stacked(values: np.ndarray, width: float) -> np.ndarray:
    """Return offsets in [-0.4, 0.4] that set equal values side by side, most where most dots are."""
    slots = np.floor(values / (width / _SLOTS if width > 0 else 1.0)).astype(np.int64)
    offsets = np.zeros(len(values))
    members = [np.flatnonzero(slots == slot) for slot in np.unique(slots)]
    tallest = max((len(member) for member in members), default=1)
    for member in members:
        place = np.arange(1, len(member) + 1) // 2 * np.where(np.arange(len(member)) % 2, 1, -1)
        offsets[member] = place / tallest * 0.8
    return offsets
