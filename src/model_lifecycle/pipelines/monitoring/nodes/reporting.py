"""The monitoring report as pictures and as a page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from model_lifecycle.monitoring.policy import Decision
from model_lifecycle.monitoring.replay import Replay
from model_lifecycle.monitoring.verdict import Figure as Interval
from model_lifecycle.monitoring.verdict import MonitoringReport, WindowVerdict, iso
from model_lifecycle.reporting.document import Callout, Cell, Section, Tone
from model_lifecycle.reporting.figures.drift import drift_figure
from model_lifecycle.reporting.figures.style import BLUE, GREY, RED, error_bars, styled
from model_lifecycle.reporting.page import render_page

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_TONES: dict[str, Tone] = {"nothing": "good", "investigate": "note", "retrain": "bad", "rollback": "bad"}
_SAID = {
    "nothing": "Nothing to do.",
    "investigate": "Investigate.",
    "retrain": "Retrain.",
    "rollback": "Roll back to the previous release.",
}
_DIFFERENCES = ("skill_lost", "loss_increase", "against_constant")


def draw_performance(report: Mapping[str, Any]) -> "Figure":
    """Draw how much of the advantage over a constant prediction each mature window has lost, with its interval."""
    from plotly import graph_objects as go

    found = MonitoringReport.model_validate(report)
    points = [
        (window, window.performance.differences.get("skill_lost")) for window in found.windows if window.performance
    ]
    shown = [(window, figure) for window, figure in points if figure is not None]
    estimates = [figure.estimate for _, figure in shown]
    bars = error_bars(estimates, [figure.lower for _, figure in shown], [figure.upper for _, figure in shown])
    figure = go.Figure()
    figure.add_scatter(
        x=[window.end.isoformat() for window, _ in shown],
        y=estimates,
        error_y=bars,
        mode="markers",
        marker={"size": 9, "color": [RED if window.blocked() else BLUE for window, _ in shown]},
        hovertemplate="until %{x}<br>%{y:.4f}<extra></extra>",
        showlegend=False,
    )
    figure.add_hline(y=0.0, line={"color": GREY, "dash": "dash", "width": 2}, annotation={"text": "as on the hold-out"})
    loss = next((window.performance.loss for window in found.windows if window.performance), "loss").replace("_", " ")
    title = f"{loss.capitalize()} lost against the hold-out, the change in the outcome's level taken out"
    return styled(figure, title, y=f"{loss} a decision").update_xaxes(type="date")


def draw_drift(report: Mapping[str, Any]) -> "Figure":
    """Draw the drift of each feature in the newest window, as a multiple of its floor."""
    newest = MonitoringReport.model_validate(report).newest()
    features = newest.drift.features if newest else ()
    return drift_figure(
        [one.feature for one in features],
        [one.effect for one in features],
        [one.floor for one in features],
        [one.drifted for one in features],
    )


def render_monitoring(
    report: Mapping[str, Any],
    decision: Mapping[str, Any],
    performance: "Figure",
    drift: "Figure",
    replayed: Mapping[str, Any],
    alerts: Mapping[str, Any],
) -> str:
    """Render the monitoring page as one HTML file."""
    found, decided = MonitoringReport.model_validate(report), Decision.model_validate(decision)
    sections = [_decision(decided), _alerts(alerts), _windows(found.windows)]
    newest = found.newest()
    if newest is not None:
        sections += [
            _replayed(Replay.model_validate(replayed)),
            _quality(newest),
            _drift(newest, drift),
            _performance(found, performance),
            _outcomes(newest),
        ]
    until = "no prediction is logged" if found.until is None else f"until {iso(found.until)} UTC"
    return render_page("Monitoring", f"Release {found.release}, {until}.", sections)


def _decision(decided: Decision) -> Section:
    callout = Callout(_TONES[decided.action], _SAID[decided.action])
    return Section("Decision", callout=callout, text=decided.reasons)


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
    return Section("Windows", table=rows or None, text=() if rows else ("There is no window to judge.",))


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


def _drift(window: WindowVerdict, figure: "Figure") -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "feature": one.feature,
            "distance": round(one.effect, 4),
            "floor": round(one.floor, 4),
            "corrected p-value": float(f"{one.adjusted_p_value:.2g}"),
            "stability index": round(one.stability_index, 4),
            "drifted": one.drifted,
        }
        for one in window.drift.features
    ]
    text = (
        "A feature drifted when the corrected test is significant and its Jensen-Shannon distance is above its floor.",
        "The floor is what windows of the training data keep among themselves. Drift alone never retrains.",
        *(f"Not compared: {name}, {reason}." for name, reason in window.drift.skipped.items()),
    )
    return Section("Drift in the newest window", text=text, table=rows or None, figure=figure if rows else None)


def _performance(report: MonitoringReport, figure: "Figure") -> Section:
    mature = [window for window in report.windows if window.performance is not None]
    rows: list[dict[str, Cell]] = []
    for window in mature:
        found = window.performance
        if found is None:
            continue
        row: dict[str, Cell] = {"window": f"{iso(window.start)} to {iso(window.end)}"}
        row |= {name.replace("_", " "): _shown(figure) for name, figure in found.figures.items()}
        row |= {name.replace("_", " "): _shown(found.differences.get(name)) for name in _DIFFERENCES}
        rows.append(row)
    if not rows:
        return Section("Realised performance", text=("No window is mature yet.",))
    text = (
        "Each figure with its 95% interval, over blocks of a day (weeks for windows of four weeks and more).",
        "Days of a week depend on one another, so daily intervals are too narrow.",
    )
    return Section("Realised performance", text=text, table=rows, figure=figure)


def _outcomes(window: WindowVerdict) -> Section:
    maturity = window.maturity
    counts = {
        "observed": maturity.observed,
        **{f"unavailable: {why}": count for why, count in maturity.unavailable.items()},
        "waiting": maturity.waiting,
    }
    rows: list[dict[str, Cell]] = [{"outcome": name, "decisions": count} for name, count in counts.items()]
    delays = ", ".join(f"{name} {hours:.1f} h" for name, hours in maturity.delay_hours.items())
    text = (f"Label delay: {delays}.",) if delays else ()
    return Section("Outcomes of the newest window", text=text, table=rows)


def _shown(figure: Interval | None) -> str | None:
    if figure is None:
        return None
    if figure.lower is None or figure.upper is None:
        return f"{figure.estimate:.3f}"
    return f"{figure.estimate:.3f} [{figure.lower:.3f}, {figure.upper:.3f}]"
