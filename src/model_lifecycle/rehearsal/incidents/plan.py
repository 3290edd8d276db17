"""Which incidents happen when: from a seed, and from nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

QUIET_START = timedelta(days=7)
QUIET_END = timedelta(days=7)  # what happens last still has a window to be seen in
_LEAST_APART = timedelta(days=14)
_SHORTEST_HOURS, _LONGEST_HOURS = 7 * 24, 14 * 24
_BREAK = timedelta(days=3)  # between the longest incident and the start of the next one's time

LATE_LABELS = "late_labels"
BAD_RELEASE = "bad_release"
SERVICE_KILLED = "service_killed"
# They happen at a moment; the others last.
_MOMENTS = (BAD_RELEASE, SERVICE_KILLED)
GENERAL = {
    LATE_LABELS: "labels come a week late",
    BAD_RELEASE: "a person promotes a release that is worse than the champion, past its gates",
    SERVICE_KILLED: "the service is killed, with all its processes",
}


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident: its kind, when it begins and when it is over (at once, if it happens at a moment)."""

    kind: str
    description: str
    start: datetime
    end: datetime
    columns: tuple[str, ...] = ()


def plan_incidents(
    kinds: Sequence[tuple[str, str, tuple[str, ...]]], start: datetime, end: datetime, seed: int
) -> tuple[Incident, ...]:
    """Draw order, moments and lengths of incidents that do not overlap.

    Each kind comes once; in a stretch that is too short for all of them some are left out, which the seed chooses as
    well. The first and the last week stay quiet.

    Parameters
    ----------
    kinds : sequence of (str, str, tuple of str)
        Name, description and spoiled inputs of what may happen; in any order.
    start, end : datetime
        The stretch of time.
    seed : int
        0 or more.

    Examples
    --------
    >>> from datetime import UTC
    >>> begin = datetime(2013, 7, 1, tzinfo=UTC)
    >>> drawn = plan_incidents([("a", "", ()), ("b", "", ())], begin, begin + timedelta(days=60), seed=1)
    >>> sorted(one.kind for one in drawn), drawn[0].end < drawn[1].start
    (['a', 'b'], True)
    """
    rng = np.random.default_rng(seed)
    first, usable = start + QUIET_START, end - QUIET_END - start - QUIET_START
    order = [sorted(kinds)[place] for place in rng.permutation(len(kinds))]
    chosen = order[: max(0, usable // _LEAST_APART)]
    slot = usable / max(1, len(chosen))
    found = []
    for number, (kind, description, columns) in enumerate(chosen):
        longest = min(_LONGEST_HOURS, max(_SHORTEST_HOURS, int((slot - _BREAK).total_seconds() // 3600)))
        hours = int(rng.integers(_SHORTEST_HOURS, longest + 1))
        length = timedelta(0) if kind in _MOMENTS else timedelta(hours=hours)
        room = max(0, int((slot - length - _BREAK).total_seconds() // 60))
        begin = first + slot * number + timedelta(minutes=int(rng.integers(0, room + 1)))
        begin = begin.replace(second=0, microsecond=0)
        found.append(Incident(kind, description, begin, begin + length, columns))
    return tuple(found)
