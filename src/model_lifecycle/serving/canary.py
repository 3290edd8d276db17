"""The canary: a release that answers a share of the entities, and stops at once when it breaches a limit."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from model_lifecycle.scoring import Scorer
from model_lifecycle.serving.champion import Champion, Place, Refusal, RefusedPause, is_away, load_scorer
from model_lifecycle.serving.live_history import LiveHistory
from model_lifecycle.serving.problem import reason
from model_lifecycle.serving.settings import CanaryLimits
from model_lifecycle.trials import Trial, Trials

logger = logging.getLogger(__name__)

_QUANTILE = 0.99


class CanaryGuard:
    """Counts what one canary does in one replica; after a breach it stays breached.

    Parameters
    ----------
    limits : CanaryLimits
        What is too much.
    """

    def __init__(self, limits: CanaryLimits) -> None:
        self._limits = limits
        self._failed: deque[bool] = deque(maxlen=limits.window)
        self._seconds: deque[float] = deque(maxlen=limits.window)
        self.breach: str | None = None

    def answered(self, rows: int, seconds: float) -> None:
        """Count decisions that one call answered."""
        self._failed.extend([False] * min(rows, self._limits.window))
        self._seconds.append(seconds)
        if seconds <= self._limits.latency_seconds:
            return
        slow = sum(one > self._limits.latency_seconds for one in self._seconds)
        if slow >= self._limits.minimum_breaches and slow > (1 - _QUANTILE) * len(self._seconds):
            worst = float(np.quantile(self._seconds, _QUANTILE, method="higher"))
            self._breached(
                f"p99 of the last {len(self._seconds)} model calls is {worst * 1000:.1f} ms, "
                f"limit {self._limits.latency_seconds * 1000:g} ms"
            )

    def failed(self, rows: int, error: Exception) -> None:
        """Count decisions that the canary could not answer, so that the champion did."""
        self._failed.extend([True] * min(rows, self._limits.window))
        errors = sum(self._failed)
        if errors >= self._limits.minimum_breaches and errors > self._limits.error_share * len(self._failed):
            self._breached(
                f"{errors} of the last {len(self._failed)} decisions failed, limit {self._limits.error_share:.2%}; "
                f"the last with {reason(error):.300}"
            )

    def _breached(self, what: str) -> None:
        self.breach = self.breach or what


@dataclass(frozen=True)
class Canary:
    """A release on trial that is ready to answer its share."""

    release: Champion
    version: int
    share: float
    guard: CanaryGuard

    @property
    def answers(self) -> bool:
        """Whether it may still answer."""
        return self.guard.breach is None


class CanaryWatch:
    """Follows the registry's canary, and ends its trial when it breaches a limit or cannot be loaded.

    Parameters
    ----------
    trials : Trials
        Says which release is on trial.
    limits : CanaryLimits
        What a canary may cost.
    follow : callable
        Makes the live history for a scorer; it is given the history in use, and may return that one.
    replica : str
        Who ends a trial.
    """

    def __init__(
        self,
        trials: Trials,
        limits: CanaryLimits,
        follow: Callable[[Scorer, LiveHistory | None], LiveHistory],
        replica: str,
    ) -> None:
        self._trials = trials
        self._limits = limits
        self._follow = follow
        self._by = f"service {replica}".strip()
        self.current: Canary | None = None
        self.refused: Refusal | None = None
        self._pause = RefusedPause()

    def look(self, champion: Champion) -> None:
        """Take in what the registry says now.

        Raises
        ------
        LifecycleError
            If the registry cannot be read or written.
        """
        if self.current is not None and self.current.guard.breach is not None:
            self._end(self.current.version, self.current.guard.breach)
        trial = self._trials.current("canary")
        if trial is not None and trial.entry.digest == champion.digest:
            trial = None
        if trial is None:
            self._pause.end()
        if trial is None or self._is_over(trial) or self._pause.lasts(trial.entry.version):
            self._use(None, champion)
        elif self.current is None or (self.current.version, self.current.share) != (trial.entry.version, trial.share):
            self._take_in(trial, champion)
        elif champion.history is not self.current.release.history:
            self._take_in(trial, champion)  # the champion has changed, and with it perhaps the features they share

    def state(self) -> dict[str, object] | None:
        """Return what `/model` tells of the canary, None without one and none refused."""
        if self.current is None:
            return None if self.refused is None else {"refused": self.refused.reason}
        current = self.current
        release = current.release.scorer.release_id
        return {"release": release, "share": current.share, "breach": current.guard.breach}

    def close(self) -> None:
        """End the thread of a history of its own."""
        if self.current is not None:
            self.current.release.history.close()

    def _is_over(self, trial: Trial) -> bool:
        """Whether this very trial was breached here, and the registry did not yet take that in."""
        breached = self.current
        return breached is not None and breached.version == trial.entry.version and not breached.answers

    def _take_in(self, trial: Trial, champion: Champion) -> None:
        place = Place(Path(trial.entry.path), trial.entry.digest, "registry")
        try:
            scorer, digest = load_scorer(place)
            history = self._follow(scorer, champion.history)
        except Exception as error:  # whatever is wrong with it, the champion answers on
            self.refused = Refusal(place, reason(error), datetime.now(UTC))
            self._use(None, champion)
            self._pause.begin(trial.entry.version)
            if is_away(place, error):
                logger.warning("canary version %d waits: %s", trial.entry.version, self.refused.reason)
                return  # its files may come back
            self._end(trial.entry.version, f"refused: {self.refused.reason}")
            return
        release = Champion(scorer, history, place, digest, datetime.now(UTC))
        same = self.current is not None and self.current.version == trial.entry.version
        guard = self.current.guard if same and self.current is not None else CanaryGuard(self._limits)
        self.refused = None
        self._pause.end()
        self._use(Canary(release, trial.entry.version, trial.share, guard), champion)
        logger.info("canary %s answers %.1f%%", scorer.release_id, trial.share * 100)

    def _use(self, canary: Canary | None, champion: Champion) -> None:
        old, self.current = self.current, canary
        kept = {id(champion.history)} | ({id(canary.release.history)} if canary else set())
        if old is not None and id(old.release.history) not in kept:
            old.release.history.close()

    def _end(self, version: int, why: str) -> None:
        logger.warning("the trial of canary version %d ends: %s", version, why)
        self._trials.end("canary", version=version, by=self._by, reason=why[:1000])
