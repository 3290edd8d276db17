"""The reliability diagram: what was predicted against what happened."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from model_lifecycle.reporting.evidence import ReliabilityBin
from model_lifecycle.reporting.figures.style import GREY, SERIES, plain, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def reliability_figure(models: Mapping[str, Sequence[ReliabilityBin]]) -> "Figure":
    """Draw the observed rate against the mean prediction, one line a model, over the diagonal of perfect calibration.

    Parameters
    ----------
    models : mapping of str to sequence of ReliabilityBin
        Bins by the model's name.
    """
    from plotly import graph_objects as go

    figure = go.Figure()
    bins = [one for many in models.values() for one in many]
    end = min(1.0, 1.05 * max((max(one["mean_prediction"], one["observed_rate"]) for one in bins), default=1.0))
    figure.add_scatter(
        x=[0, end], y=[0, end], mode="lines", name="perfect", line={"color": GREY, "dash": "dot"}, hoverinfo="skip"
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
            hovertemplate="predicted %{x:.1%}<br>observed %{y:.1%}<br>%{customdata:,} decisions"
            "<extra>%{fullData.name}</extra>",
        )
    styled(
        figure, "Reliability: the observed rate at each predicted probability", "mean prediction", "observed rate", 420
    )
    return figure.update_xaxes(range=[0, end], tickformat=".0%").update_yaxes(range=[0, end], tickformat=".0%")
