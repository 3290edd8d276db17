"""How far each feature has moved, beside how far it moves anyway."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model_lifecycle.reporting.figures.style import BLUE, GREY, RED, row_height, row_labels, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def drift_figure(
    features: Sequence[str], effect: Sequence[float], floor: Sequence[float], alarm: Sequence[bool]
) -> "Figure":
    """Draw the effect of each feature as a multiple of its own floor, largest first.

    Parameters
    ----------
    features : sequence of str
        Names.
    effect, floor : sequence of float
        The effect in the window, and the effect between blocks of the reference; in the same unit, feature by feature.
        A floor of zero counts as the smallest positive floor.
    alarm : sequence of bool
        Whether the feature raised an alarm: an effect above its floor whose corrected test is significant as well.
    """
    from plotly import graph_objects as go

    smallest = min((one for one in floor if one > 0), default=1.0)
    ratios = [one / (least if least > 0 else smallest) for one, least in zip(effect, floor, strict=True)]
    order = sorted(range(len(features)), key=lambda row: -ratios[row])
    labels = row_labels([features[row] for row in order])
    figure = go.Figure()
    for name, color, wanted in (("alarm", RED, True), ("quiet", BLUE, False)):
        rows = [place for place, row in enumerate(order) if bool(alarm[row]) is wanted]
        figure.add_bar(
            x=[ratios[order[place]] for place in rows],
            y=[labels[place] for place in rows],
            customdata=[[effect[order[place]], floor[order[place]]] for place in rows],
            orientation="h",
            name=name,
            marker={"color": color},
            hovertemplate="%{y}<br>effect %{customdata[0]:.3f}, floor %{customdata[1]:.3f}<extra></extra>",
        )
    styled(
        figure,
        "Drift of each feature beside its own floor",
        "effect / floor (dashed: the floor)",
        height=row_height(len(features)),
    )
    figure.add_vline(x=1, line={"color": GREY, "dash": "dash", "width": 2})
    return figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1]).update_layout(barmode="overlay")
