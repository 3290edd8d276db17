import base64
import gzip
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from plotly import graph_objects as go
from plotly.offline import get_plotlyjs

from model_lifecycle.reporting.document import Callout, Fold, Panel, Rows, Section, Tile
from model_lifecycle.reporting.drawing import distribution_panel
from model_lifecycle.reporting.page import render_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PACKED = re.compile(r'<script type="text/plain" id="plotly">([^<]*)</script>')


def figure(name: str = "a") -> go.Figure:
    return go.Figure(go.Bar(x=[name], y=[1])).update_layout(
        title="What it shows", template="none", margin={"t": 60}, height=300
    )


class _Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_a_page_asks_nothing_of_the_network() -> None:
    page = render_page("Title", "lead", [Section("One", figure=figure())])
    addresses = [value for _, one in _Elements(page).found for key, value in one.items() if key in ("src", "href")]

    assert not [one for one in addresses if one is None or not one.startswith("#")]
    assert "default-src 'none'" in page
    assert "http://" not in PACKED.sub("", page)
    assert "https://" not in PACKED.sub("", page)


def test_plotly_is_inside_once_however_many_figures_there_are() -> None:
    page = render_page("Title", "", [Section("One", figure=figure()), Section("Two", figure=figure("b"))])
    packed = PACKED.findall(page)

    assert len(packed) == 1
    assert gzip.decompress(base64.b64decode(packed[0])).decode() == get_plotlyjs()
    assert len(page) < 2_500_000


def test_a_page_without_figures_has_no_script() -> None:
    page = render_page("Title", "", [Section("One", ("text",))])

    assert not _Elements(page).all("script")
    assert len(page) < 20_000


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render_page("T", "l", [Section("H", figure=figure())]) == render_page(
        "T", "l", [Section("H", figure=figure())]
    )


def test_every_text_is_escaped() -> None:
    words = "<script>alert('&')</script>"
    section = Section(words, (words,), [{words: words}], callout=Callout("bad", words), caption=words)
    page = render_page(words, words, [section])

    assert not _Elements(page).all("script")
    assert page.count("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;") == 9


def test_a_value_in_a_figure_cannot_end_its_script() -> None:
    page = render_page("T", "", [Section("H", figure=figure("</script><b id=out>"))])
    scripts = _Elements(page).all("script")

    assert [one.get("class") or one.get("id") for one in scripts] == ["figure", "plotly", None]
    assert not _Elements(page).all("b")


def test_a_table_names_its_rows_and_columns_for_a_screen_reader() -> None:
    rows: Rows = [{"model": "a", "auc": 0.75, "n": 1200}, {"model": "b", "note": "late"}]
    page = render_page("T", "", [Section("H", table=rows, caption="All models")])

    assert [one["scope"] for one in _Elements(page).all("th")] == ["col"] * 4 + ["row"] * 2
    assert "<caption>All models</caption>" in page
    assert '<td class="number">0.75</td><td class="number">1,200</td>' in page
    assert '<td class="number">n/a</td><td class="number">n/a</td><td class="short">late</td>' in page


def test_a_table_without_a_caption_is_named_by_its_heading() -> None:
    page = render_page("T", "", [Section("H", table=[{"a": 1}])])

    assert "<caption>" not in page
    assert [one["aria-labelledby"] for one in _Elements(page).all("table")] == ["s1-h"]


def test_two_sections_of_one_heading_have_places_of_their_own() -> None:
    page = render_page("T", "", [Section("H", figure=figure()), Section("H", figure=figure("b"))])
    ids = [one["id"] for _, one in _Elements(page).found if "id" in one]

    assert len(ids) == len(set(ids))


def test_the_title_of_a_figure_becomes_its_caption() -> None:
    page = render_page("T", "", [Section("H", figure=figure())])

    assert "<figcaption>What it shows</figcaption>" in page
    assert '"title":' not in PACKED.sub("", page)


def test_a_long_page_lists_its_sections() -> None:
    sections = [Section(str(n)) for n in range(4)] + [Section("part", level=3)]

    assert [one["href"] for one in _Elements(render_page("T", "", sections)).all("a")] == [
        "#s1-0",
        "#s2-1",
        "#s3-2",
        "#s4-3",
    ]


@pytest.mark.slow
def test_a_browser_draws_every_figure(tmp_path: Path) -> None:
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no browser on this machine: looked for {', '.join(BROWSERS)}")
    page = tmp_path / "page.html"
    page.write_text(
        render_page("T", "", [Section("One", figure=figure()), Section("Two", figure=figure("b"))]), "utf-8"
    )
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--dump-dom"]
    drawn = subprocess.run(
        [*command, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout

    assert 'data-drawn="2"' in drawn
    assert drawn.count('class="main-svg"') >= 2


def test_pictures_of_svg_need_no_script_and_stand_in_folds_as_well() -> None:
    panel = distribution_panel("A picture", ["a"], [1], [2])
    page = render_page("T", "", [Section("One", panels=(panel,), folds=(Fold("more", panels=(panel,), open_=True),))])
    elements = _Elements(page)

    assert len(elements.all("svg")) == 2
    assert elements.all("details") == [{"open": None}]
    assert not elements.all("script")


def test_words_on_tiles_folds_and_captions_are_escaped() -> None:
    words = "<script>"
    section = Section(
        "One", tiles=(Tile(words, words, words),), panels=(Panel(words, ""),), folds=(Fold(words, (words,)),)
    )

    assert not _Elements(render_page("T", "", [section])).all("script")


def test_a_page_leads_to_pages_beside_it() -> None:
    page = render_page("T", "", [Section("One", links=(("that week", "monitoring/2013-07-08T0400.html"),))])
    assert {"href": "monitoring/2013-07-08T0400.html"} in _Elements(page).all("a")


@pytest.mark.parametrize(
    "address", ["https://example.org", "//example.org", "/etc/passwd", "javascript:alert(1)", "../../x"]
)
def test_a_page_leads_nowhere_else(address: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"found '{address}', expected the name of a file beside the page")):
        render_page("T", "", [Section("One", links=(("words", address),))])


def test_a_table_with_prose_names_its_cells_so_that_a_phone_can_list_them() -> None:
    rows: Rows = [{"when": "today", "why": "because something happened that takes long to tell"}]
    (cell,) = _Elements(render_page("T", "", [Section("One", table=rows)])).all("td")

    assert cell["data-name"] == "why"
