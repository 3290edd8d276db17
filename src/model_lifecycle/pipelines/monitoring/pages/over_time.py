"""The page over time: every window that was judged, what was decided, and what was done."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.monitoring.history import Happening, RememberedWindow, WindowHistory
from model_lifecycle.monitoring.verdict import iso
from model_lifecycle.pipelines.monitoring.pages.features import distance_panel
from model_lifecycle.pipelines.monitoring.pages.parts import (
    SAID,
    TONES,
    day,
    done_section,
    figure_panels,
    over_windows,
    written,
)
from model_lifecycle.pipelines.monitoring.pages.window import limits
from model_lifecycle.reporting.document import Callout, Cell, Fold, Section, Tile, Tone
from model_lifecycle.reporting.page import render_page

FOLDER = "monitoring"  # of the pages of the windows, beside this one


def over_time_page(
    history: WindowHistory, happenings: Sequence[Happening], alerts: Mapping[str, Any], policy: PolicySpec
) -> str:
    """Render the page over time."""
    windows = history.windows
    if not windows:
        return render_page("Monitoring over time", "No window was judged yet.", [done_section(happenings)])
    sections = [
        _glance(windows, happenings, alerts),
        _figures(windows, happenings, policy),
        done_section(happenings),
        _windows(windows),
        _features(windows),
    ]
    lead = f"{len(windows)} windows, {day(windows[0].start)} to {day(windows[-1].end)}."
    return render_page("Monitoring over time", lead, sections)


def page_name(window: RememberedWindow) -> str:
    """Return the name of a window's own page, without its ending.

    Examples
    --------
    >>> when = {"start": "2013-07-01T04:00Z", "end": "2013-07-08T04:00Z"}
    >>> page_name(RememberedWindow(release="r", decisions=1, mature=True, maturity="", **when))
    '2013-07-08T0400'
    """
    return f"{window.end:%Y-%m-%dT%H%M}"


def _glance(windows: Sequence[RememberedWindow], happenings: Sequence[Happening], alerts: Mapping[str, Any]) -> Section:
    last = windows[-1]
    action = last.action or "nothing"
    kinds = Counter(one.kind for one in happenings)
    mature, blocked = sum(window.mature for window in windows), sum(map(RememberedWindow.blocked, windows))
    tiles = (
        Tile("Windows", f"{len(windows)}", f"{mature} mature"),
        Tile("Decisions", f"{sum(window.decisions for window in windows):,}"),
        Tile("Windows blocked", f"{blocked}", "their data must not be trusted", _tone(not blocked)),
        Tile(
            "Alerts firing", f"{alerts['firing']}", f"{kinds['alert firing']} began so far", _tone(not alerts["firing"])
        ),
        Tile("Promotions", f"{kinds['promote']}"),
        Tile("Rollbacks", f"{kinds['rollback']}"),
    )
    return Section("At a glance", callout=Callout(TONES[action], f"Last decision: {SAID[action]}"), tiles=tiles)


def _tone(good: bool) -> Tone:
    return "good" if good else "bad"


def _figures(windows: Sequence[RememberedWindow], happenings: Sequence[Happening], policy: PolicySpec) -> Section:
    panels = (
        *figure_panels(windows, happenings, limits(policy)),
        over_windows(
            "Features drifted", windows, happenings, lambda window: sum(d.drifted for d in window.drift.values())
        ),
        over_windows("Decisions", windows, happenings, lambda window: window.decisions),
    )
    words = (
        "Shaded: the data of the window must not be trusted. A line with a head: a release was promoted or withdrawn.",
    )
    return Section("Figures over time", text=words, panels=panels)


def _windows(windows: Sequence[RememberedWindow]) -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "until": iso(window.end),
            "decisions": window.decisions,
            "outcomes": "mature" if window.mature else "not mature",
            "data": window.findings[0] if window.findings else "trusted",
            "drifted": sum(one.drifted for one in window.drift.values()),
            "skill lost": written(window.figures.get("skill_lost"), "skill_lost"),
            "decided": window.action or "",
        }
        for window in reversed(windows)
    ]
    links = tuple(
        (f"until {day(window.end)}", f"{FOLDER}/{page_name(window)}.html") for window in windows if window.action
    )
    return Section("Every window", table=rows, links=links)


def _features(windows: Sequence[RememberedWindow]) -> Section:
    counts = Counter(name for window in windows for name, one in window.drift.items() if one.drifted)
    names = sorted({name for window in windows for name in window.drift}, key=lambda name: (-counts[name], name))
    folds = tuple(
        Fold(f"{name}: drifted in {counts[name]} of {len(windows)} windows", (), (distance_panel(name, windows),))
        for name in names
    )
    return Section("Features over time", folds=folds)
