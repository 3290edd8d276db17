"""What monitoring found as pictures and as pages."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.history import Happening, WindowHistory, remember
from model_lifecycle.monitoring.policy import Decision
from model_lifecycle.monitoring.replay import Replay
from model_lifecycle.monitoring.verdict import MonitoringReport
from model_lifecycle.pipelines.monitoring.pages.over_time import over_time_page, page_name
from model_lifecycle.pipelines.monitoring.pages.window import Found, window_page
from model_lifecycle.reporting.figures.drift import drift_figure
from model_lifecycle.reporting.figures.style import BLUE, GREY, RED, error_bars, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


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


def remember_windows(
    before: Mapping[str, Any] | None, report: Mapping[str, Any], decision: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all windows that were ever judged, those of this run among them, as JSON."""
    known = WindowHistory() if before is None else WindowHistory.model_validate(before)
    found, decided = MonitoringReport.model_validate(report), Decision.model_validate(decision)
    return remember(known, found, decided).model_dump(mode="json")


def render_window(
    *,
    report: Mapping[str, Any],
    decision: Mapping[str, Any],
    replayed: Mapping[str, Any],
    alerts: Mapping[str, Any],
    history: Mapping[str, Any],
    happenings: Sequence[Happening],
    champion: ChampionFacts | Mapping[str, Any],
    policy: PolicySpec,
) -> tuple[str, dict[str, str]]:
    """Render the page of the newest window.

    Returns
    -------
    tuple
        The page, and the same by the window's name, to be kept beside those of other windows.
    """
    found = Found(
        report=MonitoringReport.model_validate(report),
        decision=Decision.model_validate(decision),
        replayed=Replay.model_validate(replayed),
        alerts=alerts,
        history=WindowHistory.model_validate(history),
        happenings=happenings,
        champion=ChampionFacts.read(champion),
        policy=policy,
    )
    newest = found.report.newest()
    kept = [window for window in found.history.windows if newest and window.end == newest.end]
    return window_page(found), {page_name(window): window_page(found, "../") for window in kept[-1:]}


def render_over_time(
    history: Mapping[str, Any], happenings: Sequence[Happening], alerts: Mapping[str, Any], policy: PolicySpec
) -> str:
    """Render the page of all windows."""
    return over_time_page(WindowHistory.model_validate(history), happenings, alerts, policy)
