"""Single decisions, taken apart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model_lifecycle.reporting import text
from model_lifecycle.reporting.explanations import ContributionEvidence, ExampleEvidence
from model_lifecycle.reporting.figures.style import BLUE, RED, plain, row_height, row_labels, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_SHOWN = 8  # contributions; the others are one bar


def examples_figure(examples: Sequence[ExampleEvidence]) -> "Figure":
    """Draw what each feature added to the raw margin of each decision, the largest first."""
    from plotly.subplots import make_subplots

    titles = [plain(f"{one['decision']}, {one['which']} {one['score']:.3g}") for one in examples]
    figure = make_subplots(rows=len(examples), cols=1, subplot_titles=titles, vertical_spacing=0.08)
    for row, one in enumerate(examples, start=1):
        parts = [(_label(part), part["contribution"]) for part in one["contributions"][:_SHOWN]]
        if rest := one["contributions"][_SHOWN:]:
            parts.append((f"{len(rest)} others", sum(part["contribution"] for part in rest)))
        figure.add_bar(
            x=[value for _, value in parts],
            y=row_labels([label for label, _ in parts]),
            orientation="h",
            marker={"color": [RED if value > 0 else BLUE for _, value in parts]},
            hovertemplate="%{y}<br>%{x:+.3f}<extra></extra>",
            row=row,
            col=1,
        )
    styled(figure, "Decisions taken apart: red raises the prediction, blue lowers it", "")
    figure.update_layout(showlegend=False, height=len(examples) * row_height(_SHOWN + 1), margin={"t": 90})
    return figure.update_yaxes(autorange="reversed")


def _label(part: ContributionEvidence) -> str:
    return f"{part['feature']} = {'missing' if part['value'] is None else text.cell(part['value'])}"
