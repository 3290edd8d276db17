"""Distributions side by side, as shares of their own total."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from model_lifecycle.reporting.figures.style import GREY, SERIES, plain, row_labels, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def histogram_figure(
    edges: np.ndarray, counts: Mapping[str, np.ndarray], title: str, x: str, marked: tuple[str, float] | None = None
) -> "Figure":
    """Draw binned distributions over one axis as steps, each as the share of its own total.

    Parameters
    ----------
    edges : ndarray of shape (n_bins + 1,)
        Finite and increasing.
    counts : mapping of str to ndarray of shape (n_bins,)
        By the name of the group; an empty group is drawn at zero.
    title, x : str
        Title and axis title.
    marked : (str, float), optional
        A name and the place of a vertical line, say the threshold.
    """
    from plotly import graph_objects as go

    figure = go.Figure()
    for (name, found), color in zip(counts.items(), SERIES * len(counts), strict=False):
        shares = found / max(found.sum(), 1)
        figure.add_scatter(
            x=edges,
            y=np.append(shares, shares[-1:]),
            mode="lines",
            name=f"{plain(name)} ({int(found.sum()):,})",
            line={"shape": "hv", "width": 2, "color": color},
            fill="tozeroy",
            opacity=0.85,
            hovertemplate="from %{x:.3g}: %{y:.1%}<extra>%{fullData.name}</extra>",
        )
    styled(figure, title, x, "share")
    if marked is not None:
        figure.add_vline(
            x=marked[1],
            line={"color": GREY, "dash": "dash", "width": 2},
            annotation={"text": f"{marked[0]} {marked[1]:.3f}"},
        )
    return figure.update_yaxes(tickformat=".0%", rangemode="tozero")


def category_figure(categories: Sequence[str], counts: Mapping[str, np.ndarray], title: str) -> "Figure":
    """Draw the shares of categories side by side, one colour a group."""
    from plotly import graph_objects as go

    figure = go.Figure()
    for (name, found), color in zip(counts.items(), SERIES * len(counts), strict=False):
        figure.add_bar(
            x=row_labels(categories),
            y=found / max(found.sum(), 1),
            name=f"{plain(name)} ({int(found.sum()):,})",
            marker={"color": color},
            hovertemplate="%{x}: %{y:.1%}<extra>%{fullData.name}</extra>",
        )
    return styled(figure, title, y="share").update_yaxes(tickformat=".0%")
