import pytest
from markdown_it import MarkdownIt

from model_lifecycle.reporting.document import Callout, Section
from model_lifecycle.reporting.markdown import render_markdown

HOSTILE = [
    "*bold*",
    "_soft_",
    "`code`",
    "<b>tag</b>",
    "[text](http://x)",
    "# head",
    "## head",
    "> quote",
    "- item",
    "a\\*b",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_text_is_shown_as_it_is_written(words: str) -> None:
    html = MarkdownIt("commonmark").render(render_markdown("Title", "", [Section("Heading", text=(words,))]))
    paragraph = html.split("</h2>\n")[1]

    escaped = words.replace("<", "&lt;").replace(">", "&gt;")
    assert paragraph == f"<p>{escaped}</p>\n"


def test_a_pipe_or_a_line_break_does_not_break_a_table() -> None:
    html = (
        MarkdownIt("commonmark")
        .enable("table")
        .render(render_markdown("T", "", [Section("H", table=[{"a": "x|y", "b": "one\ntwo"}])]))
    )

    assert "<td>x|y</td>\n<td>one two</td>" in html


def test_callouts_paragraphs_and_tables_keep_their_order() -> None:
    card = render_markdown("T", "lead", [Section("H", ("text",), [{"a": 1}], callout=Callout("bad", "stop"), level=3)])

    assert card == "# T\n\nlead\n\n### H\n\n> **✗** stop\n\ntext\n\n| a |\n| --- |\n| 1 |\n"
