"""The page of one window: state at a glance, what changed, why, what was done, and every feature on demand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.drift import SCORE
from model_lifecycle.monitoring.history import Happening, WindowHistory
from model_lifecycle.monitoring.policy import Decision, breaches, skill_limit
from model_lifecycle.monitoring.promised import BEYOND_PROMISE
from model_lifecycle.monitoring.replay import Replay
from model_lifecycle.monitoring.verdict import MonitoringReport, WindowVerdict, iso
from model_lifecycle.pipelines.monitoring.pages.causes import causes_sections
from model_lifecycle.pipelines.monitoring.pages.changes import changes
from model_lifecycle.pipelines.monitoring.pages.concept import concept_section
from model_lifecycle.pipelines.monitoring.pages.features import features_section
from model_lifecycle.pipelines.monitoring.pages.operations import operations_sections
from model_lifecycle.pipelines.monitoring.pages.parts import (
    SAID,
    TONES,
    day,
    done_section,
    figure_panels,
    headed,
    written,
)
from model_lifecycle.pipelines.monitoring.pages.releases import releases_sections
from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import Callout, Cell, Section, Tile, Tone
from model_lifecycle.reporting.page import render_page

OVER_TIME = "monitoring_over_time.html"
_DIFFERENCES = ("skill_lost", "skill_lost_given_inputs", "loss_increase", "against_constant")
_PROMISED = ("below_plan", "above_plan", "outside_interval", BEYOND_PROMISE)  # of a quantity, and of classes
_HEADLINES = ("auc", "rank_correlation", "value_per_1000")


@dataclass(frozen=True, slots=True)
class Found:
    """All that the page of a window is made of."""

    report: MonitoringReport
    decision: Decision
    replayed: Replay
    alerts: Mapping[str, Any]
    history: WindowHistory
    happenings: Sequence[Happening]
    champion: ChampionFacts
    policy: PolicySpec


def window_page(found: Found, beside: str = "") -> str:
    """Render the page of the newest window.

    Parameters
    ----------
    found : Found
        What monitoring found.
    beside : str
        The way from the page to the folder of `OVER_TIME`, such as ``../``.
    """
    report, newest = found.report, found.report.newest()
    sections = [_glance(found, beside)]
    if newest is not None:
        sections += [
            _changed(report.windows),
            done_section(_meanwhile(found)),
            _alerts(found.alerts),
            _performance(found),
            concept_section(report),
            *causes_sections(report),
            _estimated(newest),
            *releases_sections(report),
            _windows(report.windows),
            _quality(newest),
            _features(found, newest),
            _replayed(found.replayed),
            *operations_sections(report.operations),
            _outcomes(newest),
        ]
    else:
        sections.append(_alerts(found.alerts))
    until = "no prediction is logged" if report.until is None else f"until {iso(report.until)} UTC"
    return render_page("Monitoring", f"Release {report.release}, {until}.", sections)


def _glance(found: Found, beside: str) -> Section:
    decided, newest = found.decision, found.report.newest()
    callout = Callout(TONES[decided.action], SAID[decided.action])
    tiles = [_alert_tile(found.alerts)]
    if newest is not None:
        tiles = [*_window_tiles(newest), *tiles, *_performance_tiles(found)]
    links = (("All windows over time", f"{beside}{OVER_TIME}"),)
    return Section("At a glance", callout=callout, tiles=tuple(tiles), text=_because(decided), links=links)


def _because(decided: Decision) -> tuple[str, ...]:
    return tuple(f"Because {reason}." for reason in decided.reasons)


def _alert_tile(alerts: Mapping[str, Any]) -> Tile:
    return Tile("Alerts", f"{alerts['firing']} firing", f"{alerts['pending']} pending", _tone(not alerts["firing"]))


def _window_tiles(window: WindowVerdict) -> list[Tile]:
    critical, drifted = len(window.critical()), len(window.drift.drifted())
    silent = len(window.drift.calibration.silent) if window.drift.calibration else 0
    known = window.decisions - window.maturity.waiting
    return [
        Tile("Decisions", f"{window.decisions:,}", f"{day(window.start)} to {day(window.end)}"),
        Tile("Data", "blocked" if critical else "trusted", _findings(window), _tone(not critical)),
        Tile(
            "Features drifted",
            f"{drifted} of {len(window.drift.features)}",
            f"{silent} cannot alarm" if silent else "explains, never retrains",
        ),
        Tile(
            "Outcomes known",
            text.percent(known / window.decisions if window.decisions else None, 0),
            "mature" if window.maturity.mature else "not judged, see Windows",
        ),
    ]


def _findings(window: WindowVerdict) -> str:
    critical = len(window.critical())
    return f"{critical} critical, {len(window.quality) - critical} to look at"


def _performance_tiles(found: Found) -> list[Tile]:
    mature = [window for window in found.report.windows if window.performance is not None]
    if not mature or mature[-1].performance is None:
        return []
    last = mature[-1].performance
    shown = {**last.differences, **last.figures}
    note = f"of {day(mature[-1].start)} to {day(mature[-1].end)}"
    tiles = []
    lost = shown.get("skill_lost")
    if lost is not None:
        good = all(one.rule != "skill_lost" for one in breaches(last, found.policy))
        tiles.append(
            Tile(
                "Skill lost",
                text.number(lost.estimate, 3),
                f"limit {skill_limit(last, found.policy):.3g}",
                _tone(good),
            )
        )
    return tiles + [
        Tile(headed(name), text.number(shown[name].estimate, text.metric_of(name).digits), note)
        for name in _HEADLINES
        if name in shown
    ]


def _tone(good: bool) -> Tone:
    return "good" if good else "bad"


def _changed(windows: Sequence[WindowVerdict]) -> Section:
    words = changes(windows[-2], windows[-1]) if len(windows) > 1 else ("This is the first window.",)
    return Section("What changed since the window before", text=words)


def _meanwhile(found: Found) -> list[Happening]:
    """Return what was done since the first of the windows shown."""
    first = found.report.windows[0].start
    return [one for one in found.happenings if one.at >= first]


def _alerts(found: Mapping[str, Any]) -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "alert": alert["labels"]["alertname"],
            "severity": alert["labels"]["severity"],
            "state": alert["status"],
            "since": iso(datetime.fromisoformat(alert["since"])),
            "what": alert["annotations"].get("summary", ""),
        }
        for alert in found["alerts"]
    ]
    callout = Callout("bad" if found["firing"] else "good", found["summary"])
    unjudged = [f"Rule {name} could not be judged: {reason}." for name, reason in found["unjudged"].items()]
    return Section("Alerts", callout=callout, table=rows or None, text=(*found["problems"], *unjudged))


def _performance(found: Found) -> Section:
    rows: list[dict[str, Cell]] = []
    drawn = limits(found.policy)
    for window in found.report.windows:
        judged = window.performance
        if judged is not None:
            row: dict[str, Cell] = {"window": f"{day(window.start)} to {day(window.end)}"}
            row |= {name.replace("_", " "): written(figure, name) for name, figure in judged.figures.items()}
            row |= {name.replace("_", " "): written(judged.differences.get(name), name) for name in _DIFFERENCES}
            promised = {name: one for name, one in judged.differences.items() if name.endswith(_PROMISED)}
            row |= {headed(name): written(figure, name) for name, figure in promised.items()}
            rows.append(row)
            drawn["skill_lost"] = skill_limit(judged, found.policy)
    if not rows:
        return Section("Realised performance", text=("No window is mature yet.",))
    words = (
        "Each figure with its 95% interval, over blocks of a day (weeks for windows of four weeks and more).",
        "Days of a week depend on one another, so daily intervals are too narrow.",
    )
    panels = figure_panels(found.history.windows, found.happenings, drawn)
    return Section("Realised performance", text=words, table=rows, panels=panels)


def _estimated(window: WindowVerdict) -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "figure": name.replace("_", " "),
            "estimated": float(f"{one.estimate:.4g}"),
            "usual error": None if one.past_error is None else float(f"{one.past_error:.2g}"),
            "from windows": one.past_windows,
            "realised": None if one.realised is None else float(f"{one.realised:.4g}"),
        }
        for name, one in window.estimated.items()
    ]
    words = (
        "What the predicted probabilities promise, beside how far off that was on the mature windows before.",
        "It sees inputs that became harder, never a world that changed; it triggers nothing.",
    )
    return Section("Estimated performance, before labels arrive", text=words, table=rows or None)


def limits(policy: PolicySpec) -> dict[str, float]:
    """Return the policy's limits by the figure that they are of."""
    return {"skill_lost": policy.maximum_loss_increase, "value_per_1000": policy.minimum_value_per_1000}


def _windows(windows: Sequence[WindowVerdict]) -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "window": f"{iso(window.start)} to {iso(window.end)}",
            "decisions": window.decisions,
            "outcomes": "mature" if window.maturity.mature else window.maturity.reason,
            "data": "blocked" if window.blocked() else "trusted",
            "drifted features": len(window.drift.drifted()),
        }
        for window in windows
    ]
    return Section("Windows", table=rows)


def _quality(window: WindowVerdict) -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "column": finding.column or "(all)",
            "rule": finding.rule,
            "severity": finding.severity,
            "what": finding.message,
        }
        for finding in window.quality
    ]
    callout = (
        Callout("bad", f"{len(window.critical())} findings block this window: it is not trained on.")
        if window.blocked()
        else Callout("good", "The inputs keep their contract and look like the reference.")
    )
    return Section("Data quality of the newest window", callout=callout, table=rows or None)


def _features(found: Found, newest: WindowVerdict) -> Section:
    profile = found.champion.reference_profile
    profiles = dict(profile.features) | ({SCORE: profile.score} if profile.score is not None else {})
    return features_section(newest, profiles, found.history.windows)


def _replayed(found: Replay) -> Section:
    if found.skewed:
        features = ", ".join(found.skewed_features)
        callout = Callout("bad", f"{found.skewed:,} of {found.replayed:,} predictions had other features: {features}.")
    else:
        callout = Callout("good", f"The features of all {found.replayed:,} replayed predictions are equal.")
    seconds = ", ".join(f"{name} {value:,.0f} s" for name, value in found.late_seconds.items())
    late = (
        f"Late, which is no fault: {found.late_events:,} events were known before a decision that had not seen them "
        f"({seconds}); {found.with_late_events:,} predictions are concerned, and {found.changed_by_late_events:,} of "
        "the replayed ones would have had other features."
        if found.late_events
        else "No event came late."
    )
    left = f"{found.incomplete:,} predictions were answered without the whole history, and are not compared."
    words = (late, left) if found.incomplete else (late,)
    return Section("Live features, recomputed at each prediction's watermark", callout=callout, text=words)


def _outcomes(window: WindowVerdict) -> Section:
    maturity = window.maturity
    counts = {
        "observed": maturity.observed,
        **{f"unavailable: {why}": count for why, count in maturity.unavailable.items()},
        "waiting": maturity.waiting,
    }
    rows: list[dict[str, Cell]] = [{"outcome": name, "decisions": count} for name, count in counts.items()]
    delays = ", ".join(f"{name} {hours:.1f} h" for name, hours in maturity.delay_hours.items())
    words = (f"Label delay: {delays}.",) if delays else ()
    return Section("Outcomes of the newest window", text=words, table=rows)
