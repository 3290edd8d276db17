"""What the page says of concept drift: has the world changed, or only its inputs."""

from model_lifecycle.monitoring.verdict import Concept, ErrorStream, MonitoringReport
from model_lifecycle.pipelines.monitoring.pages.parts import day, written
from model_lifecycle.reporting.document import Callout, Cell, Section

_PARTS = {"total": "loss, change", "from_inputs": "of it by other inputs", "from_outcomes": "of it by other outcomes"}
_WORDS = (
    "The change of the loss since the hold-out, taken apart, each part with its interval over days.",
    "Other inputs: what the hold-out foretells for predictions such as these. Other outcomes: the rest.",
)


def concept_section(report: MonitoringReport) -> Section:
    """Return the change of the loss by what it is owed to, window by window, and the stream of errors over all."""
    told = [(window, window.concept) for window in report.windows if window.concept is not None]
    rows: list[dict[str, Cell]] = [
        {"window": f"{day(window.start)} to {day(window.end)}", **_parts(found)} for window, found in told
    ]
    stream = _stream(report.errors)
    if not told:
        return Section("Concept drift", text=("No window is mature yet.", *stream))
    last = told[-1][1]
    if last.from_outcomes is None:
        return Section("Concept drift", text=(f"Not told: {last.reason}.", *stream))
    callout = (
        Callout("bad", "The same inputs turn out otherwise than on the hold-out: the concept has drifted.")
        if last.drifted
        else Callout("good", "What inputs do not explain of the loss is no more than days differ.")
    )
    return Section("Concept drift", callout=callout, text=(*_WORDS, *stream), table=rows)


def _parts(found: Concept) -> dict[str, Cell]:
    parts = {said: written(getattr(found, name), name) for name, said in _PARTS.items()}
    return {**parts, "drifted": found.drifted, "rows": found.rows}


def _stream(found: ErrorStream | None) -> tuple[str, ...]:
    if found is None:
        return ()
    if found.since is None or found.before is None or found.after is None or found.p_value is None:
        return (f"The stream of errors is not watched: {found.reason}.",)
    seen = f"ADWIN cut the stream of {found.rows:,} errors in {found.days} days {len(found.seen)} times"
    level = f"from {found.before:+.4g} to {found.after:+.4g} around {day(found.since)} (p = {found.p_value:.2g})"
    if found.confirmed:
        return (f"{seen}, the first time on {day(found.seen[0])}; unexplained loss went {level}.",)
    return (f"{seen}; the likeliest change, {level}, is no more than days differ.",)
