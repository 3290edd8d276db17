"""The words of the audit trail, and what the policy reads in it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from model_lifecycle.contracts.records import AuditRecord

ORDERED = "retraining ordered"
BLOCKED, TRUSTED = "data blocked", "data trusted"
PROMOTED, ROLLED_BACK = "promote", "rollback"  # as the registry calls its moves
# What a retraining ends with; its time is that as of which it was made.
RETRAINED, REJECTED, FAILED = "retrained", "retraining rejected", "retraining failed"
UNCHANGED = "retraining changed nothing"
ENDED = (RETRAINED, REJECTED, FAILED, UNCHANGED)
GIVEN_UP = "given up"  # a trial, a promotion or a rollback that failed again and again

Span = tuple[datetime, datetime]


def retrainings(trail: Iterable[AuditRecord]) -> list[tuple[datetime, float]]:
    """Return when each retraining was made and the seconds it took, 0 where that is not known."""
    return [(one.at, _seconds(one)) for one in trail if one.action in ENDED]


def promoted_at(trail: Sequence[AuditRecord], release: str) -> datetime | None:
    """Return when a release last became the champion, on the clock of whoever made it so."""
    found = [one.at for one in trail if one.action == PROMOTED and one.release == release]
    return found[-1] if found else None


def blocked_spans(trail: Iterable[AuditRecord]) -> list[Span]:
    """Return the windows that failed data quality and were not trusted since, in the order of their judgement."""
    found: dict[Span, None] = {}
    for one in trail:
        if one.action not in (BLOCKED, TRUSTED):
            continue
        start, end = (datetime.fromisoformat(str(one.details[name])) for name in ("start", "end"))
        if one.action == BLOCKED:
            found[start, end] = None
        else:
            found.pop((start, end), None)
    return list(found)


def probation_end(since: datetime, probation: timedelta, blocked: Iterable[Span]) -> datetime:
    """Return when a release's probation ends: time whose data cannot be trusted is none of it.

    Examples
    --------
    >>> day = [datetime(2024, 1, number) for number in range(1, 32)]
    >>> probation_end(day[0], timedelta(days=7), [(day[2], day[5]), (day[3], day[6]), (day[20], day[25])]).day
    12
    """
    end = since + probation
    for start, stop in sorted(blocked):
        begin = max(start, since)  # what an earlier span has counted is behind `since`
        if begin < min(stop, end):
            end, since = end + (stop - begin), stop
    return end


def _seconds(one: AuditRecord) -> float:
    seconds = one.details.get("seconds", 0.0)
    return float(seconds) if isinstance(seconds, int | float) else 0.0
