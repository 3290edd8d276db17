"""The same report as Markdown, without its figures."""

import re
from collections.abc import Sequence

from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import TONES, Rows, Section, column_names

# Only what would be read as Markdown: an underscore within a word, say, is none.
_SPECIAL = re.compile(r"([\\`*<|]|(?<=\])\(|^(?:#+(?=\s)|>|[+-](?=\s))|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")


def render_markdown(title: str, lead: str, sections: Sequence[Section]) -> str:
    r"""Render a report as GitHub-flavoured Markdown; text that means something to Markdown is escaped.

    Examples
    --------
    >>> print(render_markdown("Card", "", [Section("Seed", table=[{"seed": 7, "of": "a|b"}])]), end="")
    # Card
    <BLANKLINE>
    ## Seed
    <BLANKLINE>
    | seed | of |
    | --- | --- |
    | 7 | a\|b |
    """
    parts = [f"# {_escaped(title)}", *([_escaped(lead)] if lead else [])]
    for section in sections:
        parts.append(f"{'#' * section.level} {_escaped(section.heading)}")
        if section.callout is not None:
            parts.append(f"> **{TONES[section.callout.tone]}** {_escaped(section.callout.text)}")
        parts.extend(_escaped(paragraph) for paragraph in section.text)
        if section.table:
            parts.append(_table(section.table))
    return "\n\n".join(parts) + "\n"


def _table(rows: Rows) -> str:
    names = column_names(rows)
    body = [tuple(_escaped(text.cell(row.get(name))) for name in names) for row in rows]
    lines = [tuple(map(_escaped, names)), tuple("---" for _ in names), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escaped(value: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(value.split()))
