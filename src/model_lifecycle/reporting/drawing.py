"""Small pictures as inline SVG: no script, a few kilobytes each, coloured by the page, so they print and turn dark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import Panel

_WIDTH, _HEIGHT = 400, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 12, 26
_TICKS = 4
_LABEL = 9  # characters of a category below its bars
_MOST_LABELS = 12  # below so many bars; of more, every second or third has its label
_MOST_DAYS = 360  # a span of up to so many days shows days on its axis, a longer one months
_WIDE = 10_000  # from here on, an axis counts in thousands


@dataclass(frozen=True, slots=True)
class Point:
    """A figure at a moment, with its interval if it has one; ``bad`` ones are red, ``told`` is its tooltip."""

    at: datetime
    value: float
    lower: float | None = None
    upper: float | None = None
    bad: bool = False
    told: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a moment: a line from top to bottom with its tooltip."""

    at: datetime
    told: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that is shaded, such as a window that is not trusted."""

    start: datetime
    end: datetime
    told: str


def series_panel(
    caption: str,
    points: Sequence[Point],
    *,
    level: float | None = None,
    marks: Sequence[Mark] = (),
    shaded: Sequence[Span] = (),
    within: tuple[datetime, datetime] | None = None,
) -> Panel:
    """Draw a figure over time.

    Parameters
    ----------
    caption : str
        What is shown.
    points : sequence of Point
        In the order of time.
    level : float, optional
        What it is held against: a dashed line.
    marks, shaded : sequences
        What happened meanwhile; what lies outside the time shown is left out.
    within : pair of datetime, optional
        The time shown, so that panels of a page share it; that of the points by default.

    Examples
    --------
    >>> from datetime import UTC
    >>> series_panel("AUC", [Point(datetime(2024, 5, day, tzinfo=UTC), 0.7) for day in (1, 8)]).svg.count("<circle")
    2
    """
    if not points:
        return Panel(caption, _canvas([_words(_WIDTH / 2, _HEIGHT / 2, "nothing to show yet", "middle")], caption))
    start, end = within or (points[0].at, points[-1].at)
    ends = [bound for one in points for bound in (one.value, one.lower, one.upper) if bound is not None]
    axis = _Axis.of([*ends, *([] if level is None else [level])])
    across = _Time(start, end)
    parts = [
        *(_shade(across, span) for span in shaded if span.end > start and span.start < end),
        *axis.drawn(),
        *across.drawn(),
        *(_mark(across.x(mark.at), mark) for mark in marks if start <= mark.at <= end),
    ]
    if level is not None:
        parts.append(_line(_LEFT, axis.y(level), _WIDTH - _RIGHT, axis.y(level), "level"))
    way = " ".join(f"{across.x(one.at):.1f},{axis.y(one.value):.1f}" for one in points)
    parts += [f'<polyline class="way" points="{way}"/>', *(_point(across.x(one.at), axis, one) for one in points)]
    return Panel(caption, _canvas(parts, caption))


def distribution_panel(caption: str, labels: Sequence[str], reference: Sequence[int], found: Sequence[int]) -> Panel:
    """Draw the shares of a distribution beside those of its reference, bin by bin.

    Parameters
    ----------
    caption : str
        What is shown.
    labels : sequence of str
        Of the bins.
    reference, found : sequences of int
        Rows a bin.
    """
    total, rows = max(1, sum(reference)), max(1, sum(found))
    expected, actual = [count / total for count in reference], [count / rows for count in found]
    axis = _Axis.of([0.0, *expected, *actual], share=True)
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    parts = axis.drawn()
    every = math.ceil(len(labels) / _MOST_LABELS)
    for place, label in enumerate(labels):
        left = _LEFT + step * (place + 0.12)
        for kind, share, x in (("expected", expected[place], left), ("found", actual[place], left + step * 0.38)):
            told = f"{label}: {text.percent(share)} {'in training' if kind == 'expected' else 'in the window'}"
            parts.append(_bar(x, axis.y(share), step * 0.38, axis.y(0.0) - axis.y(share), kind, told))
        if place % every == 0:
            cut = label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
            parts.append(_words(left + step * 0.38, _HEIGHT - 8, cut, "middle"))
    return Panel(caption, _canvas(parts, caption))


@dataclass(frozen=True, slots=True)
class _Axis:
    """The vertical axis, from its lowest to its highest tick."""

    ticks: tuple[float, ...]
    share: bool

    @classmethod
    def of(cls, values: Sequence[float], share: bool = False) -> "_Axis":
        low, high = min(values), max(values)
        if high - low < 1e-12 * max(1.0, abs(high)):
            low, high = low - max(abs(low), 1.0) / 10, high + max(abs(high), 1.0) / 10
        rough = (high - low) / _TICKS
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough)
        first, last = math.floor(low / step), math.ceil(high / step)
        return cls(tuple(number * step for number in range(first, last + 1)), share)

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    def drawn(self) -> list[str]:
        parts = []
        for tick in self.ticks:
            y = self.y(tick)
            parts += [_line(_LEFT, y, _WIDTH - _RIGHT, y, "grid"), _words(_LEFT - 6, y + 4, self._named(tick), "end")]
        return parts

    def _named(self, tick: float) -> str:
        if self.share:
            return text.percent(tick, _digits([100 * one for one in self.ticks]))
        if max(map(abs, self.ticks)) >= _WIDE:
            return f"{text.number(tick / 1000, _digits([one / 1000 for one in self.ticks]))}k"
        return text.number(tick, _digits(self.ticks))


def _digits(ticks: Sequence[float]) -> int:
    """Return the fewest decimals that tell ticks apart as they are.

    Examples
    --------
    >>> _digits([0.0, 0.25, 0.5]), _digits([0.0, 2.0])
    (2, 0)
    """
    step = ticks[1] - ticks[0]
    return next((digits for digits in range(8) if all(abs(one - round(one, digits)) < step / 100 for one in ticks)), 8)


@dataclass(frozen=True, slots=True)
class _Time:
    """The horizontal axis."""

    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        whole = (self.end - self.start).total_seconds() or 1.0
        inside = min(max((at - self.start).total_seconds() / whole, 0.0), 1.0)
        return _LEFT + 12 + (_WIDTH - _LEFT - _RIGHT - 24) * inside

    def drawn(self) -> list[str]:
        span = self.end - self.start
        shape = "%d %b" if span.days <= _MOST_DAYS else "%b %Y"
        moments = [self.start + span * share for share in (0, 1 / 3, 2 / 3, 1)] if span else [self.start]
        return [_words(self.x(at), _HEIGHT - 8, f"{at:{shape}}", "middle") for at in moments]


def _canvas(parts: Sequence[str], caption: str) -> str:
    inside = "".join(parts)
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(caption)}">{inside}</svg>'


def _words(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(x: float, y: float, until_x: float, until_y: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{until_x:.1f}" y2="{until_y:.1f}"/>'


def _told(words: str) -> str:
    return f"<title>{escape(words)}</title>" if words else ""


def _bar(x: float, y: float, width: float, height: float, kind: str, told: str) -> str:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(0.0, height):.1f}"'
    return f'<rect class="{kind}" {size}>{_told(told)}</rect>'


def _point(x: float, axis: _Axis, one: Point) -> str:
    kind = "bad" if one.bad else "good"
    whole = ""
    if one.lower is not None and one.upper is not None:
        whole = _line(x, axis.y(one.lower), x, axis.y(one.upper), f"whole {kind}")
    return f'{whole}<circle class="{kind}" cx="{x:.1f}" cy="{axis.y(one.value):.1f}" r="4">{_told(one.told)}</circle>'


def _mark(x: float, mark: Mark) -> str:
    kind = "mark bad" if mark.bad else "mark"
    path = f"M{x:.1f},{_TOP}V{_HEIGHT - _BOTTOM}M{x - 4:.1f},{_TOP - 6}h8l-4,6z"
    return f'<path class="{kind}" d="{path}">{_told(mark.told)}</path>'


def _shade(across: _Time, span: Span) -> str:
    left, right = across.x(span.start), across.x(span.end)
    return _bar(left, _TOP, max(3.0, right - left), _HEIGHT - _TOP - _BOTTOM, "shade", span.told)
