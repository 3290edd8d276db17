"""What a report says, before it is known whether it becomes a page or Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Cell = str | int | float | bool | None
Rows = Sequence[Mapping[str, Cell]]
Tone = Literal["good", "bad", "note"]
TONES: Mapping[Tone, str] = {"good": "✓", "bad": "✗", "note": "Note:"}


@dataclass(frozen=True, slots=True)
class Callout:
    """One sentence that must not be overlooked."""

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A small picture that needs no script: SVG of `reporting.drawing`, its caption as plain text."""

    caption: str
    svg: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure at a glance, with a word on it."""

    label: str
    value: str
    note: str = ""
    tone: Tone = "note"


@dataclass(frozen=True, slots=True)
class Fold:
    """Something that is opened by who wants to know more; `open_` ones are open from the start, and on paper."""

    summary: str
    text: tuple[str, ...] = ()
    panels: tuple[Panel, ...] = ()
    open_: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a report.

    Parameters
    ----------
    heading : str
        What the section shows; level 2 sections make up the page's table of contents.
    text : tuple of str
        Paragraphs of plain text.
    table : sequence of mappings, optional
        Rows; the columns are the keys of all rows in the order in which they first occur. The first column
        names its row.
    figure : plotly Figure, optional
        Its title becomes the caption.
    callout : Callout, optional
        Shown before the text.
    caption : str
        Of the table; without one the heading names it.
    level : int
        2, or 3 for a part of the section before.
    tiles : tuple of Tile
        Figures at a glance, side by side, before the text.
    panels : tuple of Panel
        Small pictures, side by side where there is room.
    folds : tuple of Fold
        What is opened on demand, after all else.
    links : tuple of (str, str)
        Words and the relative address of a page beside this one.
    """

    heading: str
    text: tuple[str, ...] = ()
    table: Rows | None = None
    figure: Any | None = None
    callout: Callout | None = None
    caption: str = ""
    level: Literal[2, 3] = 2
    tiles: tuple[Tile, ...] = ()
    panels: tuple[Panel, ...] = ()
    folds: tuple[Fold, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


def column_names(rows: Rows) -> tuple[str, ...]:
    """Return the columns of a table: the keys of all rows, in the order in which they first occur."""
    return tuple(dict.fromkeys(name for row in rows for name in row))
