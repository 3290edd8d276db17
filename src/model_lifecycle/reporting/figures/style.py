"""The look that all figures share."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Each has a contrast of at least 3:1 against white paper and against the dark page (#14171c).
BLUE = "#3576cf"
ORANGE = "#c8701a"
GREEN = "#2a8f5f"
RED = "#d0495a"
PURPLE = "#8a68c9"
GREY = "#7d8590"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, RED, GREY)

PART_COLORS: Mapping[str, str] = {"train": BLUE, "validation": PURPLE, "test": ORANGE, "stream": GREY}

_INK = "#1b1f24"
_LINE = "#dfe3e8"
_ROW = 26  # px of one row in a horizontal figure
_FRAME = 130  # px of title, axis and legend around them
_LABEL = 28  # characters of a row's label before it is cut


def styled(figure: "Figure", title: str, x: str = "", y: str = "", height: int = 380) -> "Figure":
    """Give a figure its title, axis titles and the common look, and return it."""
    figure.update_layout(
        template="none",
        title={"text": title, "x": 0, "xanchor": "left", "xref": "container", "pad": {"l": 8}, "font": {"size": 15}},
        font={"family": "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif", "size": 13, "color": _INK},
        height=height,
        margin={"l": 8, "r": 16, "t": 60, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "xanchor": "left", "x": 0},
        paper_bgcolor="#ffffff",
        plot_bgcolor="#ffffff",
        hovermode="closest",
        bargap=0.25,
        colorway=SERIES,
    )
    axis = {
        "automargin": True,
        "gridcolor": _LINE,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "ticklabelstandoff": 5,
    }
    figure.update_xaxes(**axis, title={"text": x, "standoff": 8})
    figure.update_yaxes(**axis, title={"text": y, "standoff": 8})
    return figure


def row_height(rows: int) -> int:
    """Return the height in pixels of a figure with one line a row."""
    return _FRAME + _ROW * max(rows, 3)


def row_labels(names: Sequence[str]) -> list[str]:
    """Return labels that leave room for the figure on a phone: cut with an ellipsis, unique, and read as plain text."""
    labels: list[str] = []
    for name in names:
        label = plain(name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…")
        while label in labels:
            label += "\u200b"
        labels.append(label)
    return labels


def plain(label: str) -> str:
    """Return a label that plotly, which reads some HTML, shows as it is."""
    return escape(label, quote=False)


def error_bars(
    estimates: Sequence[float], lower: Sequence[float | None], upper: Sequence[float | None]
) -> dict[str, Any]:
    """Return plotly error bars from intervals; a missing bound has none."""
    above = [0.0 if one is None else one - middle for one, middle in zip(upper, estimates, strict=True)]
    below = [0.0 if one is None else middle - one for one, middle in zip(lower, estimates, strict=True)]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1.6, "width": 5}
