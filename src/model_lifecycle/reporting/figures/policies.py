"""Policies of retraining side by side: over time, and by what they cost."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model_lifecycle.reporting import text
from model_lifecycle.reporting.backtest_evidence import BacktestEvidence, PolicyEvidence
from model_lifecycle.reporting.figures.style import GREY, SERIES, error_bars, plain, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_SYMBOLS = {"promoted": "triangle-up", "rejected": "x", "failed": "cross", "alarm": "circle-open"}
_DASHES = ("solid", "dash", "dot")


def gained_figure(found: BacktestEvidence) -> "Figure":
    """Draw what each policy has gained by every day over never retraining, with its retrainings and alarms."""
    from plotly import graph_objects as go

    figure, days = go.Figure(), found["days"]
    for number, one in enumerate(found["policies"]):
        name, color = plain(one["policy"]), _color(number, one, found)
        line = {"color": color, "width": 2, "dash": _DASHES[number // len(SERIES) % len(_DASHES)]}
        figure.add_scatter(
            x=days, y=one["gained"], mode="lines", name=name, legendgroup=name, line=line,
            hovertemplate=f"{name}, %{{x}}<br>%{{y:,.0f}}<extra></extra>",
        )  # fmt: skip
        for kind, symbol in _SYMBOLS.items():
            events = [event for event in one["events"] if event["kind"] == kind]
            if not events:
                continue
            figure.add_scatter(
                x=[event["at"] for event in events],
                y=[_height(event["at"], one, days) for event in events],
                mode="markers",
                marker={"symbol": symbol, "size": 9, "color": color},
                customdata=[[plain("; ".join(event["reasons"])[:160])] for event in events],
                hovertemplate=f"{name}: {kind}, %{{x}}<br>%{{customdata[0]}}<extra></extra>",
                legendgroup=name,
                showlegend=False,
            )
    unit = found["question"]["unit"]
    title = f"Gained over never retraining, {unit}: ▲ promoted, ✕ rejected, + failed, ○ alarm"
    return styled(figure, title, y=unit, height=460).update_xaxes(type="date")


def _color(number: int, one: PolicyEvidence, found: BacktestEvidence) -> str:
    return GREY if one["policy"] == found["never"] else SERIES[number % (len(SERIES) - 1)]


def _height(at: str, one: PolicyEvidence, days: Sequence[str]) -> float:
    """Return where a policy's line stands at a moment."""
    before = [gained for day, gained in zip(days, one["gained"], strict=True) if day <= at[:10]]
    return before[-1] if before else 0.0


def frontier_figure(found: BacktestEvidence) -> "Figure":
    """Draw what each policy earned more than never retraining against how often it trained, with its interval."""
    from plotly import graph_objects as go

    figure = go.Figure()
    against = {one["policy"]: one["interval"] for one in found["against_never"]}
    recommended = found["recommendation"]["policy"]
    never = next(one for one in found["policies"] if one["policy"] == found["never"])
    for number, one in enumerate(found["policies"]):
        interval, color = against.get(one["policy"]), _color(number, one, found)
        estimate = one["net"] - never["net"] if interval is None else interval["estimate"]
        low, high = (None, None) if interval is None else (interval["lower"], interval["upper"])
        figure.add_scatter(
            x=[one["retrainings"]],
            y=[estimate],
            error_y=error_bars([estimate], [low], [high]) | {"color": color},
            mode="markers",
            name=plain(one["policy"]),
            marker={"size": 13 if one["policy"] == recommended else 9, "color": color},
            hovertemplate=f"{plain(one['policy'])}<br>{text.interval(interval, 1)}<extra></extra>",
        )
    figure.add_hline(y=0.0, line={"color": GREY, "width": 1})
    unit = found["question"]["unit"]
    title = f"Net value over never retraining, {unit} per 1,000 decisions (the large one is recommended)"
    return styled(figure, title, "retrainings", unit, height=440)


def months_figure(found: BacktestEvidence, metric: str) -> "Figure":
    """Draw a figure of each policy month by month.

    Parameters
    ----------
    found : BacktestEvidence
        What was found.
    metric : str
        ``"value"``, ``"loss"`` or ``"ranking"``.
    """
    from plotly import graph_objects as go

    figure = go.Figure()
    for number, one in enumerate(found["policies"]):
        shown = [(month["month"], month[metric]) for month in one["months"]]  # type: ignore[literal-required]
        known = [(month, interval) for month, interval in shown if interval is not None]
        figure.add_scatter(
            x=[month for month, _ in known],
            y=[interval["estimate"] for _, interval in known],
            customdata=[[text.interval(interval, 4)] for _, interval in known],
            mode="lines+markers",
            name=plain(one["policy"]),
            line={
                "color": _color(number, one, found),
                "width": 2,
                "dash": _DASHES[number // len(SERIES) % len(_DASHES)],
            },
            hovertemplate=f"{plain(one['policy'])}, %{{x}}<br>%{{customdata[0]}}<extra></extra>",
        )
    label = _label(found, metric)
    return styled(figure, f"{label[0].upper()}{label[1:]} by month", y=label, height=440)


def _label(found: BacktestEvidence, metric: str) -> str:
    question = found["question"]
    if metric == "value":
        return f"{question['unit']} per 1,000 decisions"
    return text.metric_of(question["loss"] if metric == "loss" else question["ranking"]).label
