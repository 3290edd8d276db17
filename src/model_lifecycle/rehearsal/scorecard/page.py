"""The scorecard as a page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from model_lifecycle.rehearsal.scorecard.card import value_text
from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import Callout, Cell, Section, Tile
from model_lifecycle.reporting.drawing import Mark, Point, Span, series_panel
from model_lifecycle.reporting.page import render_page

_OVER_TIME = "monitoring_over_time.html"


def scorecard_page(card: Mapping[str, Any]) -> str:
    """Render a scorecard as one HTML file.

    Parameters
    ----------
    card : mapping
        Of `card.scorecard`.
    """
    planted = "one fault that stays" if card["incidents"] else "no incidents"
    if card["seed"] is not None:
        planted = f"incidents of seed {card['seed']}"
    asked = f"{card['requests']['decisions_asked']:,} decisions"
    lead = f"{card['start'][:10]} to {card['end'][:10]}, {asked}, {planted}."
    return render_page(
        "Rehearsal",
        lead,
        [_glance(card), _incidents(card), _alarms(card), _actions(card), _value(card), _requests(card)],
    )


def _glance(card: Mapping[str, Any]) -> Section:
    missed = card["incidents_planted"] - card["incidents_detected"]
    lost, value = card["requests_lost"], card["value"]
    median = card["hours_to_detect_median"]
    tiles = (
        Tile(
            "Incidents detected",
            f"{card['incidents_detected']} of {card['incidents_planted']}",
            "" if median is None else f"after {median:,.0f} h in the median",
            "bad" if missed else "good",
        ),
        Tile("False alarms", f"{card['false_alarms']}", "critical, on data", "bad" if card["false_alarms"] else "good"),
        Tile("Decisions lost", f"{lost}", f"of {card['requests']['decisions_asked']:,}", "bad" if lost else "good"),
        Tile("Value against frozen", f"{value['difference']:+,.0f}", f"{value['unit']} per 1,000 decisions"),
        Tile("Retrainings", f"{card['counts']['retrains']}", f"{card['counts']['promotions']} promoted"),
        Tile("Took", f"{card['seconds'] / 60:,.0f} min", f"{card['requests']['sent']:,} requests"),
    )
    callout = (
        Callout("bad", f"{missed} incidents were not detected, {lost} decisions were lost.")
        if missed or lost
        else Callout("good", "Every incident was detected and nothing was lost.")
    )
    return Section("At a glance", callout=callout, tiles=tiles, links=(("Monitoring over time", _OVER_TIME),))


def _incidents(card: Mapping[str, Any]) -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "incident": one["kind"],
            "what": one["description"],
            "from": one["start"][:16],
            "to": one["end"][:16],
            "detected after": "NOT DETECTED" if one["hours_to_detect"] is None else f"{one['hours_to_detect']:,.0f} h",
            "by": one["detected_by"],
        }
        for one in card["incidents"]
    ]
    words = (
        "An incident counts as detected when something names it: an alert on data with a column that was spoiled,",
        "the alert on labels that wait, an alert on the very release that was bad or its withdrawal, the supervisor.",
    )
    return Section("Incidents", text=words if rows else ("None was planted.",), table=rows or None)


def _alarms(card: Mapping[str, Any]) -> Section:
    rows: list[dict[str, Cell]] = [
        {"when": one["at"][:16], "alert": one["rule"], "what": one["message"]}
        for one in card["alarms_without_incident"]
    ]
    words = (
        "Critical alerts of windows in which nothing was planted.",
        "Those on data are false; those on performance need not be, since the world changes by itself.",
    )
    return Section("Alarms without an incident", text=words, table=rows or None)


def _actions(card: Mapping[str, Any]) -> Section:
    rows: list[dict[str, Cell]] = [
        {"when": one["at"][:16], "what": one["action"], "release": one["release"], "by": one["by"], "why": one["why"]}
        for one in card["actions"]
    ]
    return Section("Actions", text=() if rows else ("None was taken.",), table=rows or None)


def _value(card: Mapping[str, Any]) -> Section:
    value = card["value"]
    rows: list[dict[str, Cell]] = [
        {
            "month": month,
            "loop": text.number(found["loop"], 0),
            "first champion, left alone": text.number(found["frozen"], 0),
            "difference": text.number(found["loop"] - found["frozen"], 0),
        }
        for month, found in value["by_month"].items()
    ]
    points = [
        Point(datetime.fromisoformat(f"{month}-15T00:00:00+00:00"), found["loop"] - found["frozen"], told=month)
        for month, found in value["by_month"].items()
    ]
    incidents = [
        (datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]), one["kind"])
        for one in card["incidents"]
    ]
    panel = series_panel(
        f"Loop less frozen champion, {value['unit']} per 1,000 decisions of a month (shaded: incidents)",
        points,
        level=0.0,
        marks=[Mark(start, kind, True) for start, end, kind in incidents if start == end],
        shaded=[Span(start, end, kind) for start, end, kind in incidents if start < end],
        within=(datetime.fromisoformat(card["start"]), datetime.fromisoformat(card["end"])),
    )
    words = (
        f"{value_text(value)}.",
        "The first champion's answers are computed afterwards, on the same inputs and events, faults included.",
        "The interval is of the paired difference, over days that depend on one another.",
    )
    return Section(
        "Value against the first champion, left alone", text=words, table=rows, panels=(panel,), caption="Per 1,000"
    )


def _requests(card: Mapping[str, Any]) -> Section:
    rows: list[dict[str, Cell]] = [
        {"what": name.replace("_", " "), "how many": count} for name, count in card["requests"].items()
    ]
    words = ("Counted in the prediction log against what was asked for, not from what the client thinks it got.",)
    return Section("Requests", text=words, table=rows)
