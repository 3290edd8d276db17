"""The events that a run of batch scoring sees: those in the store when it began, for every worker the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.features.history import History, event_columns


class EventReader(Protocol):
    """The store's events."""

    def first_known_at(self) -> datetime | None:
        """Return when the first of all events became known."""
        ...

    def parts_known_since(self, moment: datetime) -> Iterator[Sequence[tuple[int, EventRecord]]]:
        """Yield those known at a moment or later, in the order of their sequence, some at a time."""
        ...


@dataclass(frozen=True)
class SeenEvents:
    """A history, and how far it reaches.

    Attributes
    ----------
    history : History
        What features are computed from.
    watermark : int
        Sequence of the newest event.
    newest, first : datetime or None
        When the newest of them, and the first of all that the store has, became known.
    """

    history: History
    watermark: int
    newest: datetime | None
    first: datetime | None

    def complete(self, times: np.ndarray) -> np.ndarray:
        """Tell for each decision time whether the events reach back over the longest window."""
        spec = self.history.spec
        if not spec.history:
            return np.ones(len(times), dtype=bool)
        if self.first is None:
            return np.zeros(len(times), dtype=bool)
        reach = np.datetime64(self.first.replace(tzinfo=None), "us") + np.timedelta64(spec.longest_window())
        return np.asarray(times >= reach)


def see_events(reader: EventReader, spec: FeatureSpec, earliest: datetime | None) -> SeenEvents:
    """Read all events that decisions from a moment on can see.

    Parameters
    ----------
    reader : EventReader
        The store.
    spec : FeatureSpec
        Of the release.
    earliest : datetime or None
        The first decision time; None when there is no decision.
    """
    if not spec.history or earliest is None:
        return SeenEvents(History.build(spec, {}), 0, None, None)
    parts: dict[str, list[Columns]] = {}
    watermark, newest = 0, None
    for part in reader.parts_known_since(spec.reach(earliest)):
        records = [record for _, record in part]
        watermark = max(watermark, part[-1][0])
        newest = max(filter(None, (newest, *(record.known_at for record in records))))
        for kind, columns in event_columns(spec, records).items():
            parts.setdefault(kind, []).append(columns)
    events = {
        kind: {name: np.concatenate([columns[name] for columns in found]) for name in found[0]}
        for kind, found in parts.items()
    }
    return SeenEvents(History.build(spec, events), watermark, newest, reader.first_known_at())
