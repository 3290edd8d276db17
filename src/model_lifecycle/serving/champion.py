"""The release that answers: loaded, verified and smoke-tested before it is used, and swapped by one assignment."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from model_lifecycle.errors import LifecycleError, RegistryError, ReleaseError
from model_lifecycle.registry import Registry
from model_lifecycle.registry_errors import without_password
from model_lifecycle.releases import read_release, verify_release
from model_lifecycle.scoring import Scorer
from model_lifecycle.serving.live_history import LiveHistory
from model_lifecycle.serving.problem import reason, where

logger = logging.getLogger(__name__)

SMOKE_FILE = "smoke.json"
# Releases that stay in memory: a rollback, and the promotion after it, find theirs ready.
KEPT = 3
# A refused release is tried again: a disk that was away for a moment must not keep it out for good. A release that is
# damaged costs a look at its files each time, hence the growing pause.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a release lies, and the digest it must have."""

    path: Path
    digest: str | None
    source: str


@dataclass(frozen=True)
class Champion:
    """A release that is ready to answer, with the history that its features need."""

    scorer: Scorer
    history: LiveHistory
    place: Place
    digest: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """A release that was asked for and is not used."""

    place: Place
    reason: str
    at: datetime


class RefusedPause:
    """When something that was refused is to be tried again: after a second, and after twice as long each time."""

    def __init__(self) -> None:
        self._of: object = None
        self._seconds = 0.0
        self._until = 0.0

    def lasts(self, of: object) -> bool:
        """Whether it is too early to try this one again."""
        return of == self._of and time.monotonic() < self._until

    def begin(self, of: object) -> None:
        """Note that this one was refused just now."""
        self._seconds = min(2 * self._seconds, _LONGEST_PAUSE_SECONDS) if of == self._of else _FIRST_PAUSE_SECONDS
        self._of, self._until = of, time.monotonic() + self._seconds

    def end(self) -> None:
        """Forget what was refused."""
        self._of = None


def is_away(place: Place, error: BaseException) -> bool:
    """Tell whether a release was refused since its files cannot be read, which may pass, not for what they hold."""
    return not place.path.is_dir() or isinstance(error, OSError) or isinstance(error.__cause__, OSError)


def fixed_place(path: Path) -> Callable[[], Place]:
    """Return a source that always names the same folder."""
    place = Place(path, None, "fixed")
    return lambda: place


def registry_place(registry: Registry) -> Callable[[], Place]:
    """Return a source that asks the registry for its champion."""

    def champion() -> Place:
        entry = registry.champion()
        if entry is None:
            raise RegistryError(
                "the registry has no champion; `make run` makes one, or serve a release by its path "
                f"(registry {without_password(registry.uri)}, model {registry.name!r})"
            )
        return Place(Path(entry.path), entry.digest, "registry")

    return champion


def load_scorer(place: Place) -> tuple[Scorer, str]:
    """Read a release whole, verified before it is parsed; restoring it tries its own smoke records.

    Returns
    -------
    tuple of Scorer and str
        The scorer and the release's digest.

    Raises
    ------
    LifecycleError
        If the release is damaged, unreadable or scores its smoke records otherwise than when it was built.
    """
    digest = place.digest or verify_release(place.path).digest
    files = read_release(place.path, digest)
    if SMOKE_FILE not in files:
        raise ReleaseError(f"release at {place.path}: no {SMOKE_FILE}, expected records with their scores")
    return Scorer.from_files(files), digest


class ChampionWatch:
    """Holds the champion, and swaps it when the source names another one.

    Parameters
    ----------
    source : callable
        Says which release is wanted.
    follow : callable
        Makes the live history for a scorer; it is given the history in use, and may return that one.
    poll_seconds : float
        How often the source is asked.
    beside : callable
        Called with the champion each time the source was asked: what else there is to follow.
    """

    def __init__(
        self,
        source: Callable[[], Place],
        follow: Callable[[Scorer, LiveHistory | None], LiveHistory],
        poll_seconds: float,
        beside: Callable[[Champion], None] = lambda _: None,
    ) -> None:
        self._source = source
        self._beside = beside
        self._follow = follow
        self._poll_seconds = poll_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="champion-watch", daemon=True)
        self.refused: Refusal | None = None
        self._pause = RefusedPause()
        self.unreachable: str | None = None
        self.swaps = 0
        self._loaded: dict[Place, tuple[Scorer, str]] = {}
        self.champion = self._load(source(), None)

    def start(self) -> None:
        """Start to watch the source."""
        self._thread.start()

    def close(self) -> None:
        """End the threads."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self.champion.history.close()

    def _load(self, place: Place, history: LiveHistory | None) -> Champion:
        found = self._loaded.pop(place, None)
        if found is None:
            found = load_scorer(place)
        else:
            verify_release(place.path, found[1])  # the files may have been damaged since
        self._loaded = {**dict(list(self._loaded.items())[1 - KEPT :]), place: found}
        scorer, digest = found
        return Champion(scorer, self._follow(scorer, history), place, digest, datetime.now(UTC))

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            self.look()
            self._look_beside()

    def _look_beside(self) -> None:
        try:
            self._beside(self.champion)
        except LifecycleError as error:
            self.unreachable = str(error)
        except Exception as error:  # for the same reason as below
            logger.error("what stands beside the champion cannot be followed: %s", where(error))

    def look(self) -> None:
        """Ask the source once, and swap the champion when it names another release that is sound."""
        try:
            place = self._source()
            self.unreachable = None
        except LifecycleError as error:
            self.unreachable = str(error)
            return
        except Exception as error:  # the thread must live on: a registry that comes back must be heard
            self.unreachable = where(error)
            logger.error("the registry cannot be read: %s", self.unreachable)
            return
        if place == self.champion.place:
            self.refused = None
            self._pause.end()
            return
        if self._pause.lasts(place):
            return
        self._swap(place)

    def _swap(self, place: Place) -> None:
        old = self.champion
        started = time.monotonic()
        try:
            new = self._load(place, old.history)
        except Exception as error:  # whatever is wrong with the new release, the old one goes on
            before, self.refused = self.refused, Refusal(place, reason(error), datetime.now(UTC))
            self._pause.begin(place)
            if before is None or (before.place, before.reason) != (place, self.refused.reason):
                logger.error(
                    "%s stays; release at %s refused: %s", old.scorer.release_id, place.path, self.refused.reason
                )
            return
        self.champion = new
        self.refused = None
        self._pause.end()
        self.swaps += 1
        if new.history is not old.history:
            old.history.close()
        logger.info(
            "release %s follows %s, loaded in %.2f s",
            new.scorer.release_id,
            old.scorer.release_id,
            time.monotonic() - started,
        )
