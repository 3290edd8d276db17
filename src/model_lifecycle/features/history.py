"""History features: aggregates over past events, point-in-time correct, the same offline and live.

An event counts for a row when ``time - window < known_at <= time``: it became known inside the window, and an event
that becomes known in the very microsecond of the decision is seen. Sums are exact (`fixed_point`), so they are the same
in any order: over a whole table, over one row, and over several segments of events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Self

import numpy as np

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.contracts.features import EventKind, FeatureSpec
from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.errors import FeatureError
from model_lifecycle.features.fixed_point import amount, standard_deviation
from model_lifecycle.features.plain_history import PlainHistory
from model_lifecycle.features.segments import Line, Segment, Totals, lay_out, newest, plain

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 1 << 17  # rows at a time at least
FEW_ROWS = 6  # up to here plain numbers, a row at a time, are faster than columns
_CHUNKS = 32  # at most: the more rows at a time, the nearer to each other lie the events that they read

_RATIOS = ("mean", "rate")


@dataclass(frozen=True)
class History:
    """Events as a decision may see them. Immutable, so threads share it and a reader never sees half an update."""

    spec: FeatureSpec
    segments: Mapping[str, tuple[Segment, ...]]
    lines: tuple[Line, ...]

    @classmethod
    def build(cls, spec: FeatureSpec, events: Mapping[str, Columns]) -> Self:
        """Index events.

        Parameters
        ----------
        spec : FeatureSpec
            Declares the kinds, entities and values.
        events : mapping of kind to columns
            ``known_at`` (datetime64[us], UTC), the kind's entities (object or int64) and values (float64, NaN =
            unknown). A kind that is absent has no events.

        Raises
        ------
        FeatureError
            If a kind is not declared, lacks a column, or has a value beyond ±`LARGEST`.
        """
        return cls(spec, {}, lay_out(spec.history)).extended(events)

    def extended(self, events: Mapping[str, Columns]) -> Self:
        """Return a history with further events; this one stays as it is."""
        unknown = sorted(set(events) - set(self.spec.events))
        if unknown:
            raise FeatureError(f"events of kinds {unknown}, expected {sorted(self.spec.events)}")
        segments = dict(self.segments)
        for kind, columns in events.items():
            asked = [line for line in self.lines if line.feature.event == kind]
            if asked and row_count(columns):
                segments[kind] = (*segments.get(kind, ()), Segment.build(kind, asked, columns))
        return type(self)(self.spec, segments, self.lines)

    def newest_known_at(self) -> np.datetime64 | None:
        """Return when the newest event became known, None without events."""
        found = newest(segment for segments in self.segments.values() for segment in segments)
        return None if found is None else np.datetime64(found, "us")

    def compute(self, rows: Columns, times: np.ndarray, priors: Mapping[str, float]) -> dict[str, np.ndarray]:
        """Compute every declared history feature for each row.

        Parameters
        ----------
        rows : columns
            The entity columns, n rows.
        times : ndarray of datetime64[us], shape (n,)
            Decision times in UTC.
        priors : mapping
            The prior rate of each feature of statistic 'rate'.

        Returns
        -------
        dict of ndarray of float64, shape (n,)
            Over the events that count for the row: 'count' and 'sum', 0 without one; 'mean', NaN without one; 'rate',
            ``(sum + strength * prior) / (count + strength)``, the prior without one (NaN at strength 0); 'std' with
            ``ddof=1``, NaN below two; 'last', the value that became known last (of several in the same microsecond
            the largest), NaN without one; 'time_since_last', the seconds since an event became known, NaN without
            one. A missing value is left out of all but 'count' and 'time_since_last', which take no value.
        """
        at = times.astype("datetime64[us]").astype(np.int64)
        if len(at) <= FEW_ROWS:
            return self._by_row(rows, at.tolist(), priors)
        codes = [(segment, segment.codes(rows)) for segments in self.segments.values() for segment in segments]
        found = {feature.name: np.empty(len(at)) for feature in self.spec.history}
        size = max(_CHUNK, len(at) // _CHUNKS)
        for part in (slice(start, start + size) for start in range(0, len(at), size)):
            totals = Totals(self.lines, len(at[part]))
            for segment, groups in codes:
                segment.add([group[part] for group in groups], at[part], totals)
            self._fill({name: values[part] for name, values in found.items()}, at[part], totals, priors)
        return found

    @cached_property
    def plain(self) -> PlainHistory:
        """The same events for one row after the other."""
        segments = [segment for segments in self.segments.values() for segment in segments]
        return PlainHistory(self.spec.history, segments, self.lines)

    def _by_row(self, rows: Columns, at: list[int], priors: Mapping[str, float]) -> dict[str, np.ndarray]:
        names = dict.fromkeys(name for feature in self.spec.history for name in feature.by)
        lists = {name: plain(rows[name].tolist()) for name in names}
        found = [
            self.plain.compute({name: values[row] for name, values in lists.items()}, moment, priors)
            for row, moment in enumerate(at)
        ]
        columns = np.array(found, dtype=np.float64).reshape(len(at), len(self.spec.history)).T.copy()
        return {feature.name: column for feature, column in zip(self.spec.history, columns, strict=True)}

    def _fill(
        self, found: Mapping[str, np.ndarray], at: np.ndarray, totals: Totals, priors: Mapping[str, float]
    ) -> None:
        for name, values in _ratios(self.lines, totals, priors).items():
            found[name][:] = values
        for line in self.lines:
            if line.feature.statistic not in _RATIOS:
                found[line.feature.name][:] = _statistic(line, at, totals)


def _ratios(lines: Sequence[Line], totals: Totals, priors: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Return all of 'mean' and 'rate' at once, which for a single row is much faster than one by one."""
    lines = [line for line in lines if line.feature.statistic in _RATIOS]
    starts = np.array([line.start for line in lines], dtype=np.int64)
    prior = [
        (line.feature.prior_strength, priors[line.feature.name]) if line.feature.statistic == "rate" else (0.0, 0.0)
        for line in lines
    ]
    strength, mean = np.array(prior, dtype=np.float64).reshape(-1, 2).T
    weight = totals.sums.take(starts, axis=1) + strength
    total = amount(totals.sums.take(starts + 1, axis=1), totals.sums.take(starts + 2, axis=1)) + strength * mean
    ratio = np.full(weight.shape, np.nan)
    np.divide(total, weight, out=ratio, where=weight > 0)
    return {line.feature.name: column for line, column in zip(lines, ratio.T.copy(), strict=True)}


def _statistic(line: Line, at: np.ndarray, totals: Totals) -> np.ndarray:
    match line.feature.statistic:
        case "last":
            return np.asarray(totals.last[line.number])
        case "time_since_last":
            return totals.seconds_since(line, at)
        case "count":
            return totals.count(line).astype(np.float64)
        case "sum":
            return amount(*totals.limbs(line))
        case _:
            return standard_deviation(totals.count(line), totals.limbs(line), totals.squares(line))


def event_columns(spec: FeatureSpec, records: Sequence[EventRecord]) -> dict[str, dict[str, np.ndarray]]:
    """Turn stored events into columns by kind, as `History.build` takes them.

    Kinds that the specification does not declare are left out: another release may use them.
    """
    by_kind: dict[str, list[EventRecord]] = {}
    for record in records:
        if record.kind in spec.events:
            by_kind.setdefault(record.kind, []).append(record)
    return {kind: _record_columns(spec.events[kind], found) for kind, found in by_kind.items()}


def _record_columns(kind: EventKind, records: Sequence[EventRecord]) -> dict[str, np.ndarray]:
    microsecond = timedelta(microseconds=1)
    known = np.array([(record.known_at - _EPOCH) // microsecond for record in records], dtype=np.int64)
    columns: dict[str, np.ndarray] = {"known_at": known.astype("datetime64[us]")}
    for name in kind.entities:
        columns[name] = np.array([record.payload.get(name) for record in records], dtype=object)
    for name in kind.values:
        raw = [record.payload.get(name) for record in records]
        columns[name] = np.array([np.nan if value is None else value for value in raw], dtype=np.float64)
    return columns


def history_priors(spec: FeatureSpec, events: Mapping[str, Columns], until: np.datetime64) -> dict[str, float]:
    """Return the mean value over all events known before ``until`` for each feature of statistic 'rate'.

    Raises
    ------
    FeatureError
        If there is no such event.
    """
    priors: dict[str, float] = {}
    for feature in spec.history:
        if feature.statistic != "rate" or feature.value is None:
            continue
        columns = events.get(feature.event, {})
        values = columns[feature.value][columns["known_at"] < until] if columns else np.empty(0)
        values = values[np.isfinite(values)]
        if not len(values):
            raise FeatureError(f"{feature.name}: no {feature.event!r} event with a value before {until}")
        priors[feature.name] = float(values.mean())
    return priors
