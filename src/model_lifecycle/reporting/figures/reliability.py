"""The reliability diagram: what was predicted against what happened."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from model_lifecycle.reporting.evidence import ReliabilityBin
from model_lifecycle.reporting.figures.style import GREY, SERIES, plain, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def reliability_figure(models: Mapping[str, Sequence[ReliabilityBin]], share: bool = True) -> "Figure":
    """Draw what was observed against the mean prediction, one line a model, over the diagonal of perfect calibration.

    Parameters
    ----------
    models : mapping of str to sequence of ReliabilityBin
        Bins by the model's name.
    share : bool
        Whether predictions are probabilities; otherwise they are a quantity.
    """
    from plotly import graph_objects as go

    figure, hover = go.Figure(), ".1%" if share else ".3f"
    bins = [one for many in models.values() for one in many]
    every = [one[side] for one in bins for side in ("mean_prediction", "observed_rate")] or [0.0, 1.0]
    wide = 0.05 * (max(every) - min(every))
    start, end = (0.0, min(1.0, 1.05 * max(every))) if share else (min(every) - wide, max(every) + wide)
    figure.add_scatter(
        x=[start, end],
        y=[start, end],
        mode="lines",
        name="perfect",
        line={"color": GREY, "dash": "dot"},
        hoverinfo="skip",
    )
    for (name, found), color in zip(models.items(), SERIES * len(models), strict=False):
        figure.add_scatter(
            x=[one["mean_prediction"] for one in found],
            y=[one["observed_rate"] for one in found],
            customdata=[one["n"] for one in found],
            mode="lines+markers",
            name=plain(name),
            line={"color": color, "width": 2},
            marker={"size": 8},
            hovertemplate=f"predicted %{{x:{hover}}}<br>observed %{{y:{hover}}}<br>%{{customdata:,}} decisions"
            "<extra>%{fullData.name}</extra>",
        )
    observed = "observed rate" if share else "observed quantile"
    styled(figure, f"Reliability: the {observed} at each prediction", "mean prediction", observed, 420)
    ticks = ".0%" if share else ""
    return figure.update_xaxes(range=[start, end], tickformat=ticks).update_yaxes(range=[start, end], tickformat=ticks)
