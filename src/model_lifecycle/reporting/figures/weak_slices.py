"""The slices on which predictions cannot be taken at their word."""

from typing import TYPE_CHECKING

from model_lifecycle.reporting import text
from model_lifecycle.reporting.evidence import WeakSlicesEvidence
from model_lifecycle.reporting.figures.style import BLUE, GREY, ORANGE, error_bars, row_height, row_labels, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_TITLES = {"level": "observed - predicted", "slope": "slope"}
_RIGHT = {"level": 0.0, "slope": 1.0}


def weak_slice_figure(found: WeakSlicesEvidence) -> "Figure":
    """Draw how far predictions are off in each weak slice, beside what would be right: levels left, slopes right."""
    from plotly.subplots import make_subplots

    figure = make_subplots(cols=2, shared_yaxes=True, subplot_titles=list(_TITLES.values()))
    slices = found["slices"]
    labels = row_labels([f"{text.conditions(one['conditions'])} ({one['rows']:,})" for one in slices])
    for column, (fault, right) in enumerate(_RIGHT.items(), start=1):
        mine = [(label, one) for label, one in zip(labels, slices, strict=True) if one["fault"] == fault]
        effects = [one["effect"] for _, one in mine]
        estimates = [one["estimate"] for one in effects]
        figure.add_scatter(
            x=estimates,
            y=[label for label, _ in mine],
            mode="markers",
            marker={"size": 9, "color": BLUE if fault == "level" else ORANGE},
            error_x=error_bars(estimates, [one["lower"] for one in effects], [one["upper"] for one in effects]),
            customdata=[f"{one['event']}, n {one['rows']:,}, p {one['p_value']:.3f}" for _, one in mine],
            hovertemplate="%{y}<br>%{x:.3f}<br>%{customdata}<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        figure.add_vline(x=right, line={"color": GREY, "width": 2, "dash": "dot"}, row=1, col=column)
    styled(figure, "Weak slices, with intervals that hold for all at once", height=row_height(len(slices)))
    return figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1])
