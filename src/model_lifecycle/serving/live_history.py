"""The events as a live prediction sees them: loaded from the store at start, then followed."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.records import CLOCK_TOLERANCE, EventRecord
from model_lifecycle.errors import StoreError
from model_lifecycle.features.history import History, event_columns
from model_lifecycle.serving.problem import reason
from model_lifecycle.store import Store

logger = logging.getLogger(__name__)

READ_LIMIT = 20_000
# A prediction searches every segment: recent events are kept in one, and folded into the rest when they are many.
RECENT_LIMIT = 2_000
ERROR_PAUSE_SECONDS = 1.0

ByKind = Mapping[str, Columns]


@dataclass(frozen=True)
class Snapshot:
    """What one prediction uses: replaced as a whole, never changed."""

    history: History
    watermark: int
    newest_known_at: datetime | None
    reaches_back_to: np.datetime64 | None

    def newest(self) -> str | None:
        """Return `newest_known_at` as ISO 8601."""
        return None if self.newest_known_at is None else self.newest_known_at.isoformat()


class LiveHistory:
    """Keeps a `Snapshot` up to date in a background thread.

    Loads the events of the longest window and a margin before the newest event; older ones are dropped as time goes
    on. An event that lies more than a day ahead of the clock is not the newest. A reader takes ``snapshot`` once and
    sees one consistent state.

    Parameters
    ----------
    store : Store
        Where the events are.
    spec : FeatureSpec
        The features of the release that reads this history.
    margin : timedelta
        How much older than the newest event a decision may be and still see its whole window.
    poll_seconds : float
        How often the store is asked for new events.

    Attributes
    ----------
    delay_seconds : float
        How long the oldest event of the last batch waited between its acceptance by the store and its use here.
    """

    def __init__(self, store: Store, spec: FeatureSpec, margin: timedelta, poll_seconds: float) -> None:
        self.spec = spec
        self._store = store
        self._margin = margin
        self._poll_seconds = poll_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live-history", daemon=True)
        self._old: ByKind = {}
        self._recent: ByKind = {}
        self._base = History.build(spec, {})
        self._reach: datetime | None = None
        self.read_at = 0.0
        self.delay_seconds = 0.0
        self.snapshot = Snapshot(self._base, 0, None, None)
        self._load()

    def start(self) -> None:
        """Start to follow the store."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def lag_seconds(self) -> float:
        """Return the seconds since the store was last read to its end."""
        return max(0.0, time.monotonic() - self.read_at)

    def _load(self) -> None:
        """Read the events of the longest window before the newest one."""
        watermark, newest = self._store.latest_sequence(), self._store.newest_known_at(_latest())
        start = newest or self._store.first_known_at()
        if start is None:
            self._publish(watermark, None)
            return
        reach = self.spec.reach(start, self._margin)
        found = self._store.events_known_since(reach)
        self._old = event_columns(self.spec, [event for _, event in found])
        self._base = History.build(self.spec, self._old)
        self._reach = reach
        self._publish(max(watermark, found[-1][0]), newest)

    def _follow(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            try:
                while self.read_new():
                    pass
            except StoreError as error:
                logger.warning("live history: %s", reason(error))
                self._stop.wait(ERROR_PAUSE_SECONDS)
            except Exception as error:  # the thread must outlive a bad event: readiness tells how old the history is
                logger.error("live history cannot be extended: %s", reason(error))
                self._stop.wait(ERROR_PAUSE_SECONDS)

    def read_new(self) -> bool:
        """Take in events that are new in the store; tell whether there may be more."""
        found = self._store.events_after(self.snapshot.watermark, READ_LIMIT)
        if found:
            self._take_in([event for _, event in found], found[-1][0])
        else:
            self.read_at = time.monotonic()
        return len(found) == READ_LIMIT

    def _take_in(self, events: Sequence[EventRecord], watermark: int) -> None:
        latest, before = _latest(), self.snapshot.newest_known_at
        if before is None:  # the store was empty so far: nothing from before its first event is known
            self._reach = min([event.known_at for event in events] + ([] if self._reach is None else [self._reach]))
        known = [event.known_at for event in events if event.known_at <= latest]
        newest = max([*known, *([] if before is None else [before])], default=None)
        self._recent = _joined(self._recent, event_columns(self.spec, events))
        if sum(len(columns["known_at"]) for columns in self._recent.values()) > RECENT_LIMIT:
            self._fold(newest)
        self._publish(watermark, newest)
        received = [event.received_at for event in events if event.received_at is not None]
        if received:
            self.delay_seconds = max(0.0, (datetime.now(UTC) - min(received)).total_seconds())

    def _fold(self, newest: datetime | None) -> None:
        """Make recent events part of the rest, and drop those that no window reaches any more."""
        starts = [self._reach, newest and self.spec.reach(newest, self._margin)]
        reach = max(one for one in starts if one is not None)
        self._old = _since(_joined(self._old, self._recent), _instant(reach))
        self._recent = {}
        self._base = History.build(self.spec, self._old)
        self._reach = reach

    def _publish(self, watermark: int, newest: datetime | None) -> None:
        history = self._base.extended(self._recent) if self._recent else self._base
        reach = None if self._reach is None else _instant(self._reach)
        self.snapshot = Snapshot(history, watermark, newest, reach)
        self.read_at = time.monotonic()


def _latest() -> datetime:
    """Return up to when an event may be the newest: one of a wrong year must not push all others out."""
    return datetime.now(UTC) + CLOCK_TOLERANCE


def _instant(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def _joined(first: ByKind, second: ByKind) -> dict[str, Columns]:
    kinds = dict.fromkeys((*first, *second))
    return {kind: _rows_of(first.get(kind), second.get(kind)) for kind in kinds}


def _rows_of(first: Columns | None, second: Columns | None) -> Columns:
    if first is None or second is None:
        return first or second or {}
    return {name: np.concatenate([first[name], second[name]]) for name in first}


def _since(events: ByKind, reach: np.datetime64) -> dict[str, Columns]:
    kept: dict[str, Columns] = {}
    for kind, columns in events.items():
        rows = columns["known_at"] >= reach
        kept[kind] = {name: values[rows] for name, values in columns.items()}
    return kept
