"""What a rehearsal counts; the closing table and the JSON are made of it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

_SHOWN_ERRORS = 5


@dataclass
class Counts:
    """Counts, safe to add to from several threads.

    ``errors`` are requests whose final answer was not 200, or that got none. ``releases`` is how many records each
    release has answered, in the order of their first answer, ``decisions`` how often each was advised.
    """

    requests: int = 0
    retries: int = 0
    errors: int = 0
    records: int = 0
    labels: int = 0
    labels_unavailable: int = 0
    events: int = 0
    windows: int = 0
    windows_blocked: int = 0
    alerts: int = 0
    retrains: int = 0
    promotions: int = 0
    rejections: int = 0
    rollbacks: int = 0
    releases: dict[str, int] = field(default_factory=dict)
    decisions: dict[str, int] = field(default_factory=dict)
    first_errors: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @contextmanager
    def changing(self) -> Iterator["Counts"]:
        """Let one thread at a time add."""
        with self._lock:
            yield self

    def answered(self, release: str, decisions: Sequence[str]) -> None:
        """Count an answered request for predictions."""
        with self._lock:
            self.requests += 1
            self.records += len(decisions)
            self.releases[release] = self.releases.get(release, 0) + len(decisions)
            for one in decisions:
                self.decisions[one] = self.decisions.get(one, 0) + 1

    def told(self, labels: int, unavailable: int, events: int) -> None:
        """Count a request that fed back labels and events."""
        with self._lock:
            self.requests += 1
            self.labels += labels
            self.labels_unavailable += unavailable
            self.events += events

    def failed(self, message: str) -> None:
        """Count a request that was lost, and keep the first messages."""
        with self._lock:
            self.requests += 1
            self.errors += 1
            if len(self.first_errors) < _SHOWN_ERRORS:
                self.first_errors.append(message)

    def retried(self) -> None:
        """Count a further try."""
        with self._lock:
            self.retries += 1

    def as_json(self) -> dict[str, object]:
        """Return all counts."""
        names = [name for name in self.__dataclass_fields__ if not name.startswith("_")]
        return {name: getattr(self, name) for name in names}
