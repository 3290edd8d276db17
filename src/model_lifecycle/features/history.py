"""History features: aggregates over past events, point-in-time correct, the same offline and live.

An event counts for a row when ``time - window < known_at <= time``: it became known inside the window, and an event
that becomes known in the very microsecond of the decision is seen. Sums are kept in fixed point (millionths, int64),
so they are exact in any order: over a whole table, over one row, and over several segments of events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.contracts.features import EventKind, FeatureSpec, HistoryFeature
from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.errors import FeatureError

SCALE = 1_000_000
LARGEST = 1e9  # of a value; 9,000 of that size still add up within 64 bits
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Key = tuple[object, ...]


@dataclass(frozen=True)
class _Entity:
    """The events of one kind grouped by one entity; ``positions`` is sorted."""

    codes: Mapping[Key, int]
    positions: np.ndarray  # code * (n_events + 1) + rank of the event in time
    counts: Mapping[str | None, np.ndarray]  # running counts per value, None counts events
    sums: Mapping[str, np.ndarray]  # running fixed-point sums per value


@dataclass(frozen=True)
class _Segment:
    """An immutable batch of events of one kind, indexed for every entity that a feature asks for."""

    known_at: np.ndarray  # sorted, int64 microseconds
    entities: Mapping[tuple[str, ...], _Entity]

    @classmethod
    def build(cls, kind: str, features: Sequence[HistoryFeature], events: Columns) -> Self:
        known_at = events["known_at"].astype("datetime64[us]").astype(np.int64)
        order = np.argsort(known_at, kind="stable")
        wanted: dict[tuple[str, ...], set[str]] = {}
        for feature in features:
            wanted.setdefault(feature.by, set()).update({feature.value} if feature.value else ())
        missing = sorted({*(c for by in wanted for c in by), *(v for vs in wanted.values() for v in vs)} - set(events))
        if missing:
            raise FeatureError(f"events of kind {kind!r} lack {missing}; found {sorted(events)}")
        ordered = {name: values[order] for name, values in events.items()}
        for value in sorted({value for values in wanted.values() for value in values}):
            _check_size(kind, value, events[value])
        return cls(known_at[order], {by: _entity(ordered, by, values) for by, values in wanted.items()})

    def add(
        self,
        features: Sequence[HistoryFeature],
        rows: Columns,
        at: np.ndarray,
        counts: Mapping[str, np.ndarray],
        totals: Mapping[str, np.ndarray],
    ) -> None:
        """Add this segment's counts and fixed-point sums to each row's, in place.

        A key that no event has gets code -1: both of its bounds are then 0.
        """
        windows = {timedelta(0), *(feature.window for feature in features)}
        ranks = {w: np.searchsorted(self.known_at, at - w // timedelta(microseconds=1), "right") for w in windows}
        for by, entity in self.entities.items():
            base = _row_codes(entity, rows, by) * (len(self.known_at) + 1)
            bounds = {window: np.searchsorted(entity.positions, base + rank) for window, rank in ranks.items()}
            upper = bounds[timedelta(0)]
            for feature in features:
                if feature.by != by:
                    continue
                lower, running = bounds[feature.window], entity.counts[feature.value]
                np.add(counts[feature.name], running[upper] - running[lower], out=counts[feature.name])
                if feature.value is not None:
                    sums = entity.sums[feature.value]
                    np.add(totals[feature.name], sums[upper] - sums[lower], out=totals[feature.name])


def _check_size(kind: str, name: str, values: np.ndarray) -> None:
    large = np.isfinite(values) & (np.abs(values) > LARGEST)
    if large.any():
        raise FeatureError(
            f"events of kind {kind!r}, value {name!r}: {int(large.sum())} of {len(values)} beyond ±{LARGEST:g}, "
            f"such as {float(values[large][0])!r}"
        )


def _entity(events: Columns, by: tuple[str, ...], values: set[str]) -> _Entity:
    """Group events, already in time order, by one entity."""
    size = row_count(events)
    codes, keys = _factorize([events[column] for column in by])
    order = np.argsort(codes, kind="stable")
    positions = codes[order] * (size + 1) + order
    counts: dict[str | None, np.ndarray] = {None: np.arange(size + 1, dtype=np.int64)}
    sums: dict[str, np.ndarray] = {}
    for value in sorted(values):
        number = events[value][order].astype(np.float64)
        present = np.isfinite(number)
        counts[value] = np.concatenate([[0], np.cumsum(present, dtype=np.int64)])
        fixed = np.rint(np.where(present, number, 0.0) * SCALE).astype(np.int64)
        sums[value] = np.concatenate([[0], np.cumsum(fixed, dtype=np.int64)])
    return _Entity(keys, positions, counts, sums)


def _factorize(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, dict[Key, int]]:
    """Give each distinct key a number in order of first appearance; a missing part is a key of its own (None)."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for values in columns:
        codes, uniques = pd.factorize(values, use_na_sentinel=False)
        code = pd.factorize(code * (len(uniques) + 1) + codes)[0].astype(np.int64)
    _, first = np.unique(code, return_index=True)
    lists = [values[first].tolist() for values in columns]
    return code, {key: number for number, key in enumerate(zip(*map(_plain, lists), strict=True))}


def _plain(values: list[object]) -> list[object]:
    return [None if value is None or value != value else value for value in values]  # noqa: PLR0124 - NaN


def _row_codes(entity: _Entity, rows: Columns, by: tuple[str, ...]) -> np.ndarray:
    """Return each row's code in the entity, -1 where no event has that key."""
    columns = [rows[column] for column in by]
    if len(columns[0]) < 64:  # below this a dictionary beats pandas
        keys = zip(*(_plain(column.tolist()) for column in columns), strict=True)
        return np.array([entity.codes.get(key, -1) for key in keys], dtype=np.int64)
    codes, seen = _factorize(columns)
    known = np.array([entity.codes.get(key, -1) for key in seen], dtype=np.int64)
    return np.asarray(known[codes])


@dataclass(frozen=True)
class History:
    """Events as a decision may see them. Immutable, so threads share it and a reader never sees half an update."""

    spec: FeatureSpec
    segments: Mapping[str, tuple[_Segment, ...]]

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
        return cls(spec, {}).extended(events)

    def extended(self, events: Mapping[str, Columns]) -> Self:
        """Return a history with further events; this one stays as it is."""
        unknown = sorted(set(events) - set(self.spec.events))
        if unknown:
            raise FeatureError(f"events of kinds {unknown}, expected {sorted(self.spec.events)}")
        segments = dict(self.segments)
        for kind, columns in events.items():
            features = [feature for feature in self.spec.history if feature.event == kind]
            if features and row_count(columns):
                segments[kind] = (*segments.get(kind, ()), _Segment.build(kind, features, columns))
        return type(self)(self.spec, segments)

    def newest_known_at(self) -> np.datetime64 | None:
        """Return when the newest event became known, None without events."""
        newest = [segment.known_at[-1] for segments in self.segments.values() for segment in segments]
        return np.datetime64(int(max(newest)), "us") if newest else None

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
            'count' is at least 0; 'mean' is NaN without events; 'rate' is
            ``(sum + strength * prior) / (count + strength)``, the prior without events (NaN at strength 0).
        """
        at = times.astype("datetime64[us]").astype(np.int64)
        counts = {feature.name: np.zeros(len(at), dtype=np.int64) for feature in self.spec.history}
        totals = {feature.name: np.zeros(len(at), dtype=np.int64) for feature in self.spec.history}
        for kind, segments in self.segments.items():
            features = [feature for feature in self.spec.history if feature.event == kind]
            for segment in segments:
                segment.add(features, rows, at, counts, totals)
        return {
            feature.name: _statistic(feature, counts[feature.name], totals[feature.name], priors)
            for feature in self.spec.history
        }


def _statistic(
    feature: HistoryFeature, count: np.ndarray, total: np.ndarray, priors: Mapping[str, float]
) -> np.ndarray:
    if feature.statistic == "count":
        return count.astype(np.float64)
    amount, weight = total / SCALE, count.astype(np.float64)
    if feature.statistic == "rate":
        amount, weight = amount + feature.prior_strength * priors[feature.name], weight + feature.prior_strength
    statistic = np.full(len(count), np.nan)
    np.divide(amount, weight, out=statistic, where=weight > 0)
    return statistic


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
