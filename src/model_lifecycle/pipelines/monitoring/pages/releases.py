"""What the page says of each release where more than one answered, and of shadows beside the champion."""

from model_lifecycle.monitoring.verdict import MonitoringReport, ReleaseVerdict, ShadowVerdict
from model_lifecycle.pipelines.monitoring.pages.parts import day, headed, written
from model_lifecycle.reporting import text
from model_lifecycle.reporting.document import Callout, Cell, Section

_SHOWN = 4  # figures of performance, the loss first


def releases_sections(report: MonitoringReport) -> list[Section]:
    """Return the sections; none where the champion alone answered and nothing shadowed it."""
    rows: list[dict[str, Cell]] = [
        {"window": f"{day(window.start)} to {day(window.end)}", **_release(one)}
        for window in report.windows
        for one in window.by_release
    ]
    words = ("Inputs of every release are held against the champion's reference.",)
    sections = [Section("Every release by itself", text=words, table=rows)] if rows else []
    return [*sections, *(_shadow(one) for one in report.shadows)]


def _release(one: ReleaseVerdict) -> dict[str, Cell]:
    figures = {} if one.performance is None else dict(list(one.performance.figures.items())[:_SHOWN])
    return {
        "release": one.release,
        "decisions": one.decisions,
        "data": f"{sum(finding.severity == 'critical' for finding in one.quality)} critical",
        "drifted": f"{len(one.drift.drifted())} of {len(one.drift.features)}",
        "outcomes": "mature" if one.maturity.mature else one.maturity.reason,
        **{headed(name): written(figure, name) for name, figure in figures.items()},
        **{f"{headed(name)}, estimated": text.number(value, 4) for name, value in one.estimated.items()},
    }


def _shadow(one: ShadowVerdict) -> Section:
    rows: list[dict[str, Cell]] = [
        {
            "window": f"{day(window.start)} to {day(window.end)}",
            "outcomes": window.observed,
            "loss, shadow less champion": text.number(window.difference, 4),
        }
        for window in one.windows
    ]
    agreed = "" if one.agreement is None else f", and would do the same on {one.agreement:.1%} of them"
    champions = text.number(one.champion_loss, 4)
    words = (
        f"It has scored {one.decisions:,} of the champion's decisions{agreed}.",
        f"On {one.observed:,} with an outcome: loss {text.number(one.loss, 4)}, of the champion {champions}.",
        f"Difference {written(one.difference, 'log_loss')}: {one.reason}.",
    )
    return Section(f"Shadow {one.release} against the champion", callout=_verdict(one), text=words, table=rows)


def _verdict(one: ShadowVerdict) -> Callout:
    found = one.difference
    if found is not None and found.upper is not None and found.upper < 0.0:
        return Callout("good", "The shadow is better than the champion on the same decisions.")
    if found is not None and found.lower is not None and found.lower > 0.0:
        return Callout("bad", "The shadow is worse than the champion on the same decisions.")
    return Callout("note", "The same decisions do not tell which of the two is better.")
