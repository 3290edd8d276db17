"""What both pages have: what was done, figures as panels, and how they are written."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from model_lifecycle.monitoring.history import Happening, RememberedWindow
from model_lifecycle.monitoring.policy import Action
from model_lifecycle.monitoring.verdict import Figure, iso
from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import Cell, Panel, Section, Tone
from model_lifecycle.reporting.drawing import Mark, Point, Span, series_panel

TONES: Mapping[Action, Tone] = {"nothing": "good", "investigate": "note", "retrain": "bad", "rollback": "bad"}
SAID: Mapping[Action, str] = {
    "nothing": "Nothing to do.",
    "investigate": "Investigate.",
    "retrain": "Retrain.",
    "rollback": "Roll back to the previous release.",
}
# Those that a reader looks for first; the first of each row that a task has is drawn.
_DRAWN = (("skill_lost",), ("auc", "rank_correlation"), ("value_per_1000",), ("positive_rate", "mean_outcome"))
_BAD_MOVES = ("rollback",)
_MOVES = ("promote", "rollback")


def day(moment: datetime) -> str:
    """Return a window's bound as a caption shows it.

    Examples
    --------
    >>> day(datetime(2013, 7, 1, 4))
    '1 Jul 2013'
    """
    return f"{moment.day} {moment:%b %Y}"


def written(figure: Figure | None, name: str) -> str:
    """Return a figure with its interval as a table shows it."""
    if figure is None:
        return text.NOTHING
    digits = text.metric_of(name).digits
    if figure.lower is None or figure.upper is None:
        return text.number(figure.estimate, digits)
    return (
        f"{text.number(figure.estimate, digits)} "
        f"[{text.number(figure.lower, digits)}, {text.number(figure.upper, digits)}]"
    )


def figure_panels(
    windows: Sequence[RememberedWindow], happenings: Sequence[Happening], limits: Mapping[str, float]
) -> tuple[Panel, ...]:
    """Draw the main figures of the mature windows, each against its limit, with what was done meanwhile."""
    losses = list(dict.fromkeys(window.loss for window in windows if window.loss))
    panels = []
    for names in (*_DRAWN[:1], tuple(losses), *_DRAWN[1:]):
        name = next((one for one in names if any(one in window.figures for window in windows)), None)
        if name is not None:
            caption, found = _caption(name, limits), partial(_figure, name)
            panels.append(over_windows(caption, windows, happenings, found, limits.get(name)))
    return tuple(panels)


def _figure(name: str, window: RememberedWindow) -> Figure | None:
    return window.figures.get(name)


def _caption(name: str, limits: Mapping[str, float]) -> str:
    words = "Skill lost since the hold-out, the outcome's level taken out" if name == "skill_lost" else headed(name)
    return words + (f" (dashed: limit {limits[name]:g})" if name in limits else "")


def headed(name: str) -> str:
    """Return what a figure is called, with a capital.

    Examples
    --------
    >>> headed("log_loss"), headed("auc")
    ('Log loss', 'AUC')
    """
    label = text.metric_of(name).label
    return f"{label[0].upper()}{label[1:]}"


def over_windows(
    caption: str,
    windows: Sequence[RememberedWindow],
    happenings: Sequence[Happening],
    value: Callable[[RememberedWindow], Figure | float | None],
    level: float | None = None,
    bad: Callable[[RememberedWindow], bool] = RememberedWindow.blocked,
) -> Panel:
    """Draw one figure of every window that has it, at the window's end."""
    points = []
    for window in windows:
        found = value(window)
        if found is None:
            continue
        shown = found if isinstance(found, Figure) else None
        number = shown.estimate if shown else float(found)  # type: ignore[arg-type]  # no Figure here
        lower, upper = (shown.lower, shown.upper) if shown else (None, None)
        told = f"{day(window.start)} to {day(window.end)}: {number:,.4g}"
        if lower is not None and upper is not None:
            told += f" [{lower:,.4g}, {upper:,.4g}]"
        points.append(Point(window.end, number, lower, upper, bad(window), told))
    if not windows:
        return series_panel(caption, ())
    return series_panel(
        caption,
        points,
        level=level,
        marks=[
            Mark(one.at, f"{day(one.at)}: {one.what}", one.kind in _BAD_MOVES)
            for one in happenings
            if one.kind in _MOVES
        ],
        shaded=[
            Span(window.start, window.end, f"{day(window.start)} to {day(window.end)}: data not trusted")
            for window in windows
            if window.blocked()
        ],
        within=(windows[0].start, windows[-1].end),
    )


def done_section(happenings: Sequence[Happening]) -> Section:
    """Tell what was done, the newest first."""
    rows: list[dict[str, Cell]] = [
        {"when": iso(one.at), "what": one.what, "by": one.who, "why": one.why} for one in reversed(happenings)
    ]
    words = () if rows else ("No alert began or ended, and no release moved.",)
    return Section("What was done", table=rows or None, text=words, caption="Alerts, decisions and moves of releases")
