"""What a run of batch scoring ends with, in plain text."""

from functools import reduce

from model_lifecycle.contracts.batch import BatchReport, Counts, Outcome

_SHOWN = 10  # partitions, or reasons of one


def batch_summary(report: BatchReport) -> str:
    """Tell rows, decisions, and every refused partition with its reasons."""
    scored, before, refused = report.of("scored"), report.of("finished before"), report.of("refused")
    now, all_counts = _total(scored), _total([*scored, *before])
    busy = sum(outcome.seconds for outcome in scored)
    time = f" in {report.seconds:,.1f} s with Ray's start, {now.rows / busy:,.0f} rows/s a worker" if busy else ""
    threshold = "" if report.threshold is None else f", threshold {report.threshold:.4g}"
    lines = [
        f"batch scoring with {report.release}{threshold}",
        f"  from {report.input}",
        f"  to   {report.output}",
        "",
        f"scored now       {_size(scored, now)}{time}",
        f"finished before  {_size(before, _total(before))}",
        f"refused          {len(refused):,} partitions",
        "",
        "decisions  " + _decisions(all_counts),
        f"inputs     {all_counts.missing:,} rows with one missing, {all_counts.unknown:,} with an unknown category",
    ]
    if all_counts.incomplete:
        lines.append(
            f"history    {all_counts.incomplete:,} rows reach back before the first event in the store; "
            f"`python -m model_lifecycle backfill` fills it"
        )
    if all_counts.wrong_rows:
        lines.append(f"set aside  {all_counts.wrong_rows:,} wrong rows, beside the scores of their partitions")
    if report.left_over:
        lines.append(f"left over  {report.left_over:,} files of scores whose partition is no longer there")
    return "\n".join([*lines, *_refusals(refused), *_aside(scored)]) + "\n"


def refusal(report: BatchReport) -> str | None:
    """Return why the run is not whole, None if every partition has its scores."""
    refused = report.of("refused")
    if not refused:
        return None
    told = "\n".join(_refusals(refused)[2:])
    return f"{len(refused):,} of {len(report.outcomes):,} partitions are refused, the others have their scores:\n{told}"


def _refusals(refused: list[Outcome]) -> list[str]:
    return _listed("refused partitions:", refused, with_reasons=True) if refused else []


def _aside(scored: list[Outcome]) -> list[str]:
    wrong = [outcome for outcome in scored if outcome.wrong]
    return _listed("wrong rows that were set aside:", wrong, with_reasons=False) if wrong else []


def _listed(title: str, outcomes: list[Outcome], with_reasons: bool) -> list[str]:
    lines = ["", title]
    for outcome in outcomes[:_SHOWN]:
        said = "; ".join(outcome.reasons) if with_reasons else f"{outcome.counts.wrong_rows:,} rows"
        lines.append(f"  {outcome.partition}: {said}")
        lines += [f"    {wrong.told()}" for wrong in outcome.wrong[:_SHOWN]]
        lines += _more(len(outcome.wrong), "    ")
    return lines + _more(len(outcomes), "  ")


def _more(count: int, indent: str) -> list[str]:
    return [f"{indent}… and {count - _SHOWN:,} more, in the report"] if count > _SHOWN else []


def _size(outcomes: list[Outcome], counts: Counts) -> str:
    return f"{len(outcomes):,} partitions, {counts.rows:,} rows"


def _decisions(counts: Counts) -> str:
    ordered = sorted(counts.decisions.items(), key=lambda item: -item[1])
    return ", ".join(f"{word} {count:,} ({count / counts.rows:.1%})" for word, count in ordered) or "none"


def _total(outcomes: list[Outcome]) -> Counts:
    return reduce(Counts.plus, (outcome.counts for outcome in outcomes), Counts())
