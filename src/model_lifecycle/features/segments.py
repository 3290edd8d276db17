"""An immutable batch of events of one kind, indexed for every entity that a feature asks for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.features import HistoryFeature
from model_lifecycle.errors import FeatureError
from model_lifecycle.features.fixed_point import (
    LARGEST,
    SQUARE_LIMBS,
    SUM_LIMBS,
    fixed_point,
    limbs,
    square_limbs,
)

_MICROSECOND = timedelta(microseconds=1)
NEVER = np.iinfo(np.int64).min
_TOGETHER = 1 << 13  # rows at a time, so that what is found for them stays in the processor's cache
_FEW_KEYS = 2_000  # up to here looking each key up is faster than first finding those that differ
_COUNT, _SUM, _ALL = 1, 1 + SUM_LIMBS, 1 + SUM_LIMBS + SQUARE_LIMBS
_WIDTH = {"count": _COUNT, "sum": _SUM, "mean": _SUM, "rate": _SUM, "std": _ALL, "last": 0, "time_since_last": 0}
Key = tuple[object, ...]


@dataclass(frozen=True)
class Line:
    """One feature and where its totals stand: ``start`` is the column of its count, then sums, then squares."""

    number: int
    start: int
    feature: HistoryFeature

    @property
    def width(self) -> int:
        """Return how many totals the feature has."""
        return _WIDTH[self.feature.statistic]


def lay_out(features: Sequence[HistoryFeature]) -> tuple[Line, ...]:
    """Give every feature its place among the totals; those that read the same events stand side by side."""
    together = sorted(features, key=lambda feature: (feature.event, feature.by))
    starts = np.cumsum([0, *(_WIDTH[feature.statistic] for feature in together)]).tolist()
    return tuple(Line(number, starts[number], feature) for number, feature in enumerate(together))


class Totals:
    """What the events of all segments add up to, a row each; of the last events the moment and the value."""

    def __init__(self, lines: Sequence[Line], n_rows: int) -> None:
        self.sums = np.zeros((n_rows, sum(line.width for line in lines)), dtype=np.int64)
        self.latest = np.full((len(lines), n_rows), NEVER, dtype=np.int64)
        self.last = np.full((len(lines), n_rows), np.nan)

    def count(self, line: Line) -> np.ndarray:
        """Return the number of events, or of values, int64, shape (n_rows,)."""
        return np.asarray(self.sums[:, line.start])

    def limbs(self, line: Line) -> np.ndarray:
        """Return the sums of `fixed_point.limbs`, shape (2, n_rows)."""
        return np.asarray(self.sums[:, line.start + _COUNT : line.start + _SUM].T)

    def squares(self, line: Line) -> np.ndarray:
        """Return the sums of `fixed_point.square_limbs`, shape (4, n_rows)."""
        return np.asarray(self.sums[:, line.start + _SUM : line.start + _ALL].T)

    def seconds_since(self, line: Line, at: np.ndarray) -> np.ndarray:
        """Return the seconds since the last event, NaN where there was none."""
        latest = self.latest[line.number]
        return np.where(latest == NEVER, np.nan, (at - np.where(latest == NEVER, at, latest)) / 1e6)

    def keep_later(
        self, line: Line, rows: np.ndarray, known_at: np.ndarray, value: np.ndarray, seen: np.ndarray
    ) -> None:
        """Keep the later of two last events; of two in the same microsecond the larger value."""
        best, kept = self.latest[line.number, rows], self.last[line.number, rows]
        better = seen & ((known_at > best) | ((known_at == best) & (value > kept)))
        self.latest[line.number, rows[better]] = known_at[better]
        self.last[line.number, rows[better]] = value[better]


@dataclass(frozen=True)
class _Last:
    """What a feature of the last event reads; ``places`` holds for each event the last one that counts up to it."""

    line: Line
    window: int
    places: np.ndarray  # (n_events + 1,), -1 before the first
    values: np.ndarray  # (n_events,)


@dataclass(frozen=True)
class Entity:
    """The events of one kind grouped by one entity, in time order within a group."""

    by: tuple[str, ...]
    windows: np.ndarray  # which of the segment's its features ask for, 0 first
    codes: Mapping[Key, int]
    starts: np.ndarray  # first event of each group, and the end
    known_at: np.ndarray
    positions: np.ndarray  # group * (n_events + 1) + rank in time: sorted
    running: np.ndarray  # (n_events + 1, n_running): counts, sums and squares of each value up to an event
    upper: np.ndarray  # for each total the running figure that it reads at the first bound
    lower: np.ndarray  # and at its window's
    reads: tuple[tuple[int, int], ...]  # the same for a single row: the running figure, and which window's bound
    totals: slice  # where they stand
    lasts: tuple[_Last, ...]

    def add(self, bounds: np.ndarray, rows: np.ndarray, totals: Totals) -> None:
        """Add to these rows what lies between each window's bound and the first one, shape (n_rows, n_windows)."""
        found = self.running.take(bounds, axis=0).reshape(len(bounds), -1)
        totals.sums[rows, self.totals] += found.take(self.upper, axis=1) - found.take(self.lower, axis=1)
        self.add_last(bounds, rows, totals)

    def add_last(self, bounds: np.ndarray, rows: np.ndarray, totals: Totals) -> None:
        """Keep of these rows the last events between the bounds."""
        for last in self.lasts:
            place = last.places[bounds[:, 0]]
            seen = place >= bounds[:, last.window]
            totals.keep_later(last.line, rows, self.known_at[place], last.values[place], seen)


@dataclass(frozen=True)
class Segment:
    """Events of one kind."""

    known_at: np.ndarray  # sorted, int64 microseconds
    windows: np.ndarray  # microseconds, 0 first
    entities: tuple[Entity, ...]

    @classmethod
    def build(cls, kind: str, lines: Sequence[Line], events: Columns) -> Self:
        """Index at least one event for these features.

        Raises
        ------
        FeatureError
            If a column is absent or a value lies beyond ±`LARGEST`.
        """
        _check(kind, [line.feature for line in lines], events)
        known_at = events["known_at"].astype("datetime64[us]").astype(np.int64)
        ordered = {name: values for name, values in events.items() if name != "known_at"}
        if (known_at[1:] < known_at[:-1]).any():
            order = np.argsort(known_at, kind="stable")
            known_at, ordered = known_at[order], {name: values[order] for name, values in ordered.items()}
        windows = list(dict.fromkeys([timedelta(0), *(line.feature.window for line in lines)]))
        wanted: dict[tuple[str, ...], list[Line]] = {}
        for line in lines:
            wanted.setdefault(line.feature.by, []).append(line)
        return cls(
            known_at,
            np.array([window // _MICROSECOND for window in windows], dtype=np.int64),
            tuple(_entity(known_at, ordered, by, found, windows) for by, found in wanted.items()),
        )

    def codes(self, rows: Columns) -> tuple[np.ndarray, ...]:
        """Return each row's group under each entity, int64, shape (n_rows,); -1 where no event has that key."""
        return tuple(_codes_of(entity.codes, [rows[column] for column in entity.by]) for entity in self.entities)

    def add(self, codes: Sequence[np.ndarray], at: np.ndarray, totals: Totals) -> None:
        """Add this segment's figures to each row's; an event counts when ``at - window < known_at <= at``.

        All bounds of a row with code -1 are 0.
        """
        reach = at - self.windows[:, np.newaxis]
        ranks = self.known_at.searchsorted(reach, "right")
        for entity, code in zip(self.entities, codes, strict=True):
            base = code * (len(self.known_at) + 1)
            # In the order of the entity's events, so that what is read next lies near what was read last.
            order = (base + ranks[0]).argsort()
            keys = [base + ranks[window] for window in entity.windows.tolist()]
            for start in range(0, len(order), _TOGETHER):
                some = order[start : start + _TOGETHER]
                bounds = np.stack([entity.positions.searchsorted(key[some]) for key in keys], axis=1)
                entity.add(bounds, some, totals)


def _check(kind: str, features: Iterable[HistoryFeature], events: Columns) -> None:
    names = {column for feature in features for column in feature.by}
    values = {feature.value for feature in features if feature.value is not None}
    missing = sorted((names | values) - set(events))
    if missing:
        raise FeatureError(f"events of kind {kind!r} lack {missing}; found {sorted(events)}")
    for name in sorted(values):
        large = np.isfinite(events[name]) & (np.abs(events[name]) > LARGEST)
        if large.any():
            raise FeatureError(
                f"events of kind {kind!r}, value {name!r}: {int(large.sum())} of {len(large)} beyond ±{LARGEST:g}, "
                f"such as {float(events[name][large][0])!r}"
            )


def _entity(
    known_at: np.ndarray, events: Columns, by: tuple[str, ...], lines: Sequence[Line], windows: list[timedelta]
) -> Entity:
    """Group events, already in time order, by one entity."""
    size = len(known_at)
    codes, keys = _factorize([events[column] for column in by])
    order = np.argsort(codes, kind="stable")
    grouped, times = codes[order], known_at[order]
    widths: dict[str | None, int] = {}
    for line in lines:
        widths[line.feature.value] = max(widths.get(line.feature.value, 0), line.width)
    first = dict(zip(widths, np.cumsum([0, *widths.values()]).tolist(), strict=False))
    running = np.zeros((size + 1, sum(widths.values())), dtype=np.int64)
    widths = {name: width for name, width in widths.items() if width}
    for start in range(0, size, _TOGETHER):
        some = order[start : start + _TOGETHER]
        block = running[start : start + len(some) + 1]
        for name, width in widths.items():
            for place, figure in enumerate(_figures(None if name is None else events[name][some], len(some), width)):
                block[1:, first[name] + place] = figure
        np.cumsum(block, axis=0, out=block)
    figures = [first[line.feature.value] + place for line in lines for place in range(line.width)]
    asked = list(dict.fromkeys([timedelta(0), *(line.feature.window for line in lines)]))
    window = [asked.index(line.feature.window) for line in lines for _ in range(line.width)]
    upper = np.array(figures, dtype=np.int64)
    return Entity(
        by=by,
        windows=np.array([windows.index(window) for window in asked]),
        codes=keys,
        starts=np.searchsorted(grouped, np.arange(len(keys) + 1)),
        known_at=times,
        positions=grouped * (size + 1) + order,
        running=running,
        upper=upper,
        lower=upper + np.array(window, dtype=np.int64) * running.shape[1],
        reads=tuple(zip(figures, window, strict=True)),
        totals=slice(lines[0].start, lines[0].start + upper.size),
        lasts=tuple(
            _last(line, asked.index(line.feature.window), grouped, times, order, events)
            for line in lines
            if not line.width
        ),
    )


def _figures(values: np.ndarray | None, size: int, width: int) -> Iterator[np.ndarray]:
    """Yield what is added up of each event: 1 where it counts, the limbs of its value and of its square."""
    if values is None:  # the events themselves are counted
        yield np.ones(size, dtype=np.int64)
        return
    numbers = values.astype(np.float64)
    yield np.isfinite(numbers).astype(np.int64)
    fixed = fixed_point(numbers)
    if width > _COUNT:
        yield from limbs(fixed)
    if width > _SUM:
        yield from square_limbs(fixed)


def _last(
    line: Line, window: int, codes: np.ndarray, known_at: np.ndarray, order: np.ndarray, events: Columns
) -> _Last:
    """Prepare 'last', or 'time_since_last' as the last of a value that every event has."""
    name = line.feature.value
    values = np.zeros(len(codes)) if name is None else events[name][order].astype(np.float64)
    # Within the same microsecond the largest value comes last, and one that is missing before all of them.
    same = np.r_[False, (codes[1:] == codes[:-1]) & (known_at[1:] == known_at[:-1]), False]
    tied = np.flatnonzero(same[1:] | same[:-1])
    size = np.where(np.isfinite(values[tied]), values[tied], -np.inf)
    values[tied] = values[tied[np.lexsort((size, known_at[tied], codes[tied]))]]
    places = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))
    return _Last(line, window, np.concatenate([[-1], places]), values)


def _factorize(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, dict[Key, int]]:
    """Give each distinct key a number in order of first appearance; a missing part is a key of its own (None)."""
    code = np.asarray(pd.factorize(columns[0], use_na_sentinel=False)[0], dtype=np.int64)
    for values in columns[1:]:
        codes, uniques = pd.factorize(values, use_na_sentinel=False)
        code = pd.factorize(code * (len(uniques) + 1) + codes)[0].astype(np.int64)
    first = np.zeros(int(code.max(initial=-1)) + 1, dtype=np.int64)
    first[code[::-1]] = np.arange(len(code) - 1, -1, -1)
    lists = [values[first].tolist() for values in columns]
    return code, {key: number for number, key in enumerate(zip(*map(plain, lists), strict=True))}


def plain(values: list[object]) -> list[object]:
    """Return values with None where one is missing."""
    return [None if value is None or value != value else value for value in values]  # noqa: PLR0124 - NaN


def _codes_of(codes: Mapping[Key, int], columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return each row's group, -1 where no event has that key."""
    if len(columns[0]) <= _FEW_KEYS:
        keys = zip(*(plain(values.tolist()) for values in columns), strict=True)
        return np.array([codes.get(key, -1) for key in keys], dtype=np.int64)
    numbers, seen = _factorize(columns)
    known = np.array([codes.get(key, -1) for key in seen], dtype=np.int64)
    return np.asarray(known[numbers])


def newest(segments: Iterable[Segment]) -> int | None:
    """Return when the newest event became known, in microseconds, None without segments."""
    return max((int(segment.known_at[-1]) for segment in segments), default=None)
