from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from model_lifecycle.reporting.document import Panel
from model_lifecycle.reporting.drawing import Mark, Point, Span, distribution_panel, series_panel

START = datetime(2024, 5, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
POINTS = [Point(START + number * WEEK, value, value - 1, value + 1) for number, value in enumerate((3.0, 5.0, 4.0))]


def parts(panel: Panel, tag: str, kind: str = "") -> list[ElementTree.Element]:
    found = ElementTree.fromstring(panel.svg).iter(tag)  # noqa: S314 - our own picture
    return [one for one in found if kind in one.attrib.get("class", "")]


def test_points_stand_in_the_order_of_time_and_the_higher_value_is_higher() -> None:
    circles = parts(series_panel("loss", POINTS), "circle")
    across, down = [float(one.attrib["cx"]) for one in circles], [float(one.attrib["cy"]) for one in circles]

    assert across == sorted(across)
    assert down[1] < down[2] < down[0]


def test_everything_lies_inside_the_picture() -> None:
    panel = series_panel("loss", POINTS, level=100.0, marks=[Mark(START, "m")], shaded=[Span(START - WEEK, START, "s")])
    for one in parts(panel, "line"):
        assert all(0 <= float(one.attrib[name]) <= 400 for name in ("x1", "x2"))
        assert all(0 <= float(one.attrib[name]) <= 200 for name in ("y1", "y2"))


def test_what_happened_outside_the_time_shown_is_left_out() -> None:
    marks = [Mark(START + WEEK, "inside"), Mark(START - WEEK, "outside")]
    spans = [Span(START - 2 * WEEK, START - WEEK, "outside"), Span(START, START + WEEK, "inside")]
    panel = series_panel("loss", POINTS, marks=marks, shaded=spans)

    assert "outside" not in panel.svg
    assert panel.svg.count("inside") == 2


def test_one_point_and_a_constant_can_be_drawn() -> None:
    assert len(parts(series_panel("one", POINTS[:1]), "circle")) == 1
    assert len(parts(series_panel("zero", [Point(START, 0.0), Point(START + WEEK, 0.0)]), "circle")) == 2


def test_nothing_to_show_is_said() -> None:
    assert "nothing to show yet" in series_panel("loss", []).svg


def test_bars_are_as_high_as_their_shares() -> None:
    panel = distribution_panel("d", ["a", "b"], [10, 10], [30, 10])
    expected, found = parts(panel, "rect", "expected"), parts(panel, "rect", "found")
    heights = [float(one.attrib["height"]) for one in found]

    assert heights[0] / heights[1] == pytest.approx(3.0, rel=0.01)
    assert float(expected[0].attrib["height"]) == float(expected[1].attrib["height"])


def test_words_are_escaped() -> None:
    words = "<script>&'\""
    panel = distribution_panel(words, [words], [1], [1])

    assert "<script>" not in panel.svg
    assert [one.text for one in parts(panel, "text")][-1] == "<script>…"
