"""One self-contained HTML page: no network, light and dark, on a phone and on paper."""

import base64
import gzip
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import TONES, Callout, Panel, Rows, Section, column_names

__all__ = ["Callout", "Section", "render_page"]

_NUMBER = re.compile(r"[+-]?\d[\d,.]*%?( \[[-\d,. ]+\])?")
_BESIDE = re.compile(r"(\.\./)?([\w-]+/)*[\w-][\w.-]*")  # a report leads to other reports, and nowhere else
_SHORT = 24  # characters up to which the cells of a column are not broken into lines
_DEFAULT_HEIGHT = 380  # px
_TITLE_SPACE = 44  # px that the figure's own title takes; on a page the caption says it


def render_page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """Render a report as one HTML file.

    Everything is inside: style, figures and, once when there is a figure, plotly.js (packed with gzip, about 2 MB;
    unpacked by the browser). A content security policy in the page forbids it to load anything. All text is escaped.

    Parameters
    ----------
    title, lead : str
        The heading and the sentence below it.
    sections : sequence of Section
        In the order in which they are read.

    Returns
    -------
    str
        The page; the same input gives the same bytes.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    blocks = [_block(section, position) for position, section in enumerate(sections, start=1)]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_template("page.html.j2")).render(
        title=title,
        lead=lead,
        blocks=blocks,
        contents=[block for block in blocks if block["level"] == 2],
        tones=TONES,
        style=Markup(_template("page.css")),  # noqa: S704 - our own file
        script=Markup(_template("page.js")),  # noqa: S704 - our own file
        panel=_panel,
        plotly=_packed_plotly() if any(section.figure is not None for section in sections) else "",
    )


def _template(name: str) -> str:
    return files("model_lifecycle.reporting").joinpath("templates", name).read_text(encoding="utf-8")


def _block(section: Section, position: int) -> dict[str, Any]:
    words = re.sub(r"[^a-z0-9]+", "-", section.heading.lower()).strip("-")
    return {
        "anchor": f"s{position}-{words}",
        "heading": section.heading,
        "level": section.level,
        "text": section.text,
        "callout": section.callout,
        "table": _table(section.table, section.caption) if section.table else None,
        "figure": _figure(section.figure) if section.figure is not None else None,
        "tiles": section.tiles,
        "panels": section.panels,
        "folds": section.folds,
        "links": [_link(words, address) for words, address in section.links],
    }


def _link(words: str, address: str) -> tuple[str, str]:
    if not _BESIDE.fullmatch(address):
        raise ValueError(f"link {words!r}: found {address!r}, expected the name of a file beside the page or below it")
    return words, address


def _table(rows: Rows, caption: str) -> dict[str, Any]:
    names = column_names(rows)
    cells = [[text.cell(row.get(name)) for name in names] for row in rows]
    columns = list(zip(*cells, strict=True))
    numeric = [all(value == text.NOTHING or _NUMBER.fullmatch(value) for value in column) for column in columns]
    return {
        "caption": caption,
        "told": any(not one and max(map(len, column)) > _SHORT for one, column in zip(numeric, columns, strict=True)),
        "columns": [
            {"name": name, "kind": "number" if one else "short" if max(map(len, column)) <= _SHORT else "prose"}
            for name, one, column in zip(names, numeric, columns, strict=True)
        ],
        "rows": cells,
    }


def _figure(figure: Any) -> dict[str, Any]:
    from markupsafe import Markup

    parts = json.loads(figure.to_json())
    layout = parts["layout"]
    caption = layout.pop("title", {}).get("text", "")
    margin = layout.setdefault("margin", {})
    if caption and "t" in margin:
        margin["t"] = max(8, margin["t"] - _TITLE_SPACE)
    layout |= {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
    data = json.dumps({"data": parts["data"], "layout": layout}, sort_keys=True, separators=(",", ":"))
    for character in "<>&":  # so that no value can end the script element
        data = data.replace(character, f"\\u{ord(character):04x}")
    return {
        "caption": caption,
        "height": layout.get("height", _DEFAULT_HEIGHT),
        "data": Markup(data),  # noqa: S704 - JSON whose <, > and & are escaped above
    }


def _panel(panel: Panel) -> Any:
    from markupsafe import Markup

    return Markup(panel.svg)  # noqa: S704 - of `reporting.drawing`, which escapes all words


@lru_cache(maxsize=1)
def _packed_plotly() -> str:
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), compresslevel=9, mtime=0)).decode()
