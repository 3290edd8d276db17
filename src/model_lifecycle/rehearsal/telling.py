"""What a rehearsal says: plain lines with simulated time before them, and the closing table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from model_lifecycle.monitoring.policy import Decision
from model_lifecycle.monitoring.verdict import Figure, WindowVerdict
from model_lifecycle.rehearsal.counts import Counts

_SHOWN_REASONS = 6
_INDENT = " " * 18
_WHOLE_FROM = 100  # from here on, figures are shown without decimals


class Teller:
    """Says lines, each with its simulated time on the clock of a time zone.

    Parameters
    ----------
    out : callable
        Takes one line.
    time_zone : str
        IANA name.
    """

    def __init__(self, out: Callable[[str], None], time_zone: str) -> None:
        self._out = out
        self._zone = ZoneInfo(time_zone)

    def clock(self, at: datetime) -> str:
        """Return a time as the lines show it."""
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def plain(self, text: str) -> None:
        """Say something that belongs to no moment."""
        self._out(text)

    def say(self, at: datetime, text: str, more: Sequence[str] = ()) -> None:
        """Say what happens at a moment, and more lines about it."""
        self._out(f"{self.clock(at)}  {text}")
        for line in more:
            self._out(f"{_INDENT}{line}")


def window_lines(window: WindowVerdict) -> Iterator[str]:
    """Say what monitoring found in a window."""
    yield f"outcomes: {'mature' if window.maturity.mature else 'not mature'}, {window.maturity.reason}"
    critical = window.critical()
    yield "data: as expected" if not critical else f"data: {len(critical)} findings block this window"
    found = window.performance
    if found is not None:
        shown = {**found.figures, **found.differences}
        named = [f"{name.replace('_', ' ')} {figure_text(shown[name])}" for name in _TOLD if name in shown]
        yield f"performance: {', '.join(named)}"
    yield f"drift: {len(window.drift.drifted())} of {len(window.drift.features)} features"


_TOLD = ("log_loss", "cost", "skill_lost", "auc", "rank_correlation", "value_per_1000", "positive_rate", "coverage")


def figure_text(figure: Figure) -> str:
    """Return a figure with its interval.

    Examples
    --------
    >>> figure_text(Figure(estimate=0.5, lower=0.4, upper=0.6, level=0.95, n_blocks=7))
    '0.5 (0.4 to 0.6)'
    """
    if figure.lower is None or figure.upper is None:
        return _number(figure.estimate)
    return f"{_number(figure.estimate)} ({_number(figure.lower)} to {_number(figure.upper)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:.3g}"


def decision_lines(decision: Decision) -> list[str]:
    """Return the reasons of a decision, the first ones."""
    return reason_lines(decision.reasons)


def reason_lines(reasons: Sequence[str]) -> list[str]:
    """Return the first ones of many reasons, and how many more there are."""
    more = len(reasons) - _SHOWN_REASONS
    shown = [f"because {reason}" for reason in reasons[:_SHOWN_REASONS]]
    return [*shown, f"and {more} reasons more"] if more > 0 else shown


def closing_table(counts: Counts, seconds: float, reports: Mapping[str, str]) -> list[str]:
    """Return the lines that a rehearsal ends with."""
    releases = [f"{release} {records:,}" for release, records in counts.releases.items()]
    rows = [
        ("requests", f"{counts.requests:,}"),
        ("records", f"{counts.records:,}"),
        ("decisions", ", ".join(f"{name} {times:,}" for name, times in sorted(counts.decisions.items())) or "none"),
        ("errors", f"{counts.errors:,} (retries {counts.retries:,})"),
        ("labels", f"{counts.labels:,} (unavailable {counts.labels_unavailable:,})"),
        ("events", f"{counts.events:,}"),
        ("windows", f"{counts.windows:,} (blocked {counts.windows_blocked:,})"),
        ("alerts", f"{counts.alerts:,}"),
        ("retrains", f"{counts.retrains:,}"),
        ("promotions", f"{counts.promotions:,}"),
        ("rejections", f"{counts.rejections:,}"),
        ("rollbacks", f"{counts.rollbacks:,}"),
        ("releases", releases[0] if releases else "none"),
        *(("", release) for release in releases[1:]),
        ("seconds", f"{seconds:.0f}"),
    ]
    lines = [f"  {name:<12}{value}" for name, value in rows]
    lines += [f"  lost: {message}" for message in counts.first_errors]
    return [*lines, *(f"  {name + ':':<12}{place}" for name, place in reports.items())]
