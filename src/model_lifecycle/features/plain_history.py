"""History features of one row in plain numbers: for a few rows several times as fast as columns, and the same bits.

What `segments` holds in columns is read here without making any: a lookup and two searches for each entity.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

import numpy as np

from model_lifecycle.contracts.features import HistoryFeature
from model_lifecycle.features.fixed_point import LIMB, SCALE, whole
from model_lifecycle.features.segments import NEVER, Entity, Key, Line, Segment

Values = Mapping[str, object]
"""A row: numbers in float64, times in microseconds, texts; None where one is missing."""
_NAN = float("nan")


class PlainHistory:
    """The events of a `History` as one row after the other reads them.

    Parameters
    ----------
    features : sequence of HistoryFeature
        In the order of the results.
    segments : sequence of Segment
        All of them.
    lines : sequence of Line
        Where the totals of the features stand.
    """

    def __init__(self, features: Sequence[HistoryFeature], segments: Sequence[Segment], lines: Sequence[Line]) -> None:
        self._readers = [_Reader(entity, segment.windows) for segment in segments for entity in segment.entities]
        self._width = sum(line.width for line in lines)
        by_name = {line.feature.name: line for line in lines}
        self._lines = [by_name[feature.name] for feature in features]

    def compute(self, row: Values, at: int, priors: Mapping[str, float]) -> list[float]:
        """Compute every declared feature of a row as of a moment (microseconds), as `History.compute` does."""
        found = _Found(self._width, len(self._lines))
        for reader in self._readers:
            reader.read(row, at, found)
        return [_STATISTICS[line.feature.statistic](line, found, at, priors) for line in self._lines]


class _Found:
    """What the events of all segments add up to for one row."""

    __slots__ = ("last", "latest", "sums")

    def __init__(self, width: int, lines: int) -> None:
        self.sums = [0] * width
        self.latest = [NEVER] * lines
        self.last = [_NAN] * lines


class _Reader:
    """The events of one entity in one segment."""

    def __init__(self, entity: Entity, windows: np.ndarray) -> None:
        self._key = _key_of(entity.by)
        self._codes = entity.codes
        self._starts, self._times = entity.starts.data, entity.known_at.data
        self._running, self._figures = entity.running.reshape(-1).data, entity.running.shape[1]
        reads: dict[int, list[tuple[int, int]]] = {}
        for total, (figure, window) in enumerate(entity.reads, start=entity.totals.start):
            reads.setdefault(window, []).append((total, figure))
        micros = windows[entity.windows].tolist()
        self._windows = [(number, micros[number], reads.get(number, [])) for number in range(1, len(micros))]
        self._lasts = entity.lasts

    def read(self, row: Values, at: int, found: _Found) -> None:
        """Add what lies between each window's bound and the moment."""
        group = self._codes.get(self._key(row))
        if group is None:
            return
        times, running, sums = self._times, self._running, found.sums
        start = self._starts[group]
        upper = bisect_right(times, at, start, self._starts[group + 1])
        if upper == start:
            return
        top, bounds = upper * self._figures, [upper]
        for _, window, reads in self._windows:
            lower = bisect_right(times, at - window, start, upper)
            bounds.append(lower)
            if lower != upper:
                bottom = lower * self._figures
                for total, figure in reads:
                    sums[total] += running[top + figure] - running[bottom + figure]
        for last in self._lasts:
            place = last.places.item(upper)
            if place >= bounds[last.window]:
                number, moment, value = last.line.number, times[place], last.values.item(place)
                best = found.latest[number]
                if moment > best or (moment == best and value > found.last[number]):
                    found.latest[number], found.last[number] = moment, value


def _key_of(by: tuple[str, ...]) -> Callable[[Values], Key]:
    if len(by) > 1:
        return itemgetter(*by)
    name = by[0]
    return lambda row: (row[name],)


def _amount(line: Line, found: _Found) -> float:
    return float((found.sums[line.start + 2] * LIMB + found.sums[line.start + 1]) / SCALE)


def _count(line: Line, found: _Found, _at: int, _priors: Mapping[str, float]) -> float:
    return float(found.sums[line.start])


def _sum(line: Line, found: _Found, _at: int, _priors: Mapping[str, float]) -> float:
    return _amount(line, found)


def _mean(line: Line, found: _Found, _at: int, _priors: Mapping[str, float]) -> float:
    count = found.sums[line.start]
    return _amount(line, found) / count if count else _NAN


def _rate(line: Line, found: _Found, _at: int, priors: Mapping[str, float]) -> float:
    strength = line.feature.prior_strength
    weight = found.sums[line.start] + strength
    return (_amount(line, found) + strength * priors[line.feature.name]) / weight if weight > 0 else _NAN


def _std(line: Line, found: _Found, _at: int, _priors: Mapping[str, float]) -> float:
    n = found.sums[line.start]
    if n < 2:
        return _NAN
    s, q = whole(found.sums[line.start + 1 : line.start + 3]), whole(found.sums[line.start + 3 : line.start + 7])
    return math.sqrt((n * q - s * s) / (n * (n - 1) * SCALE**2))


def _last(line: Line, found: _Found, _at: int, _priors: Mapping[str, float]) -> float:
    return found.last[line.number]


def _time_since_last(line: Line, found: _Found, at: int, _priors: Mapping[str, float]) -> float:
    latest = found.latest[line.number]
    return _NAN if latest == NEVER else (at - latest) / 1e6


_STATISTICS: dict[str, Callable[[Line, _Found, int, Mapping[str, float]], float]] = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "rate": _rate,
    "std": _std,
    "last": _last,
    "time_since_last": _time_since_last,
}
