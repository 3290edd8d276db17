"""The shadow: scores, out of the log and in a process of its own, what the service has answered.

It reads answers once they are committed and writes its scores beside them, so it can neither slow nor fail an answer:
what it costs is its share of the machine, at a low priority, and short transactions.
"""

import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from model_lifecycle.errors import ServingError
from model_lifecycle.registry import Registry
from model_lifecycle.scoring import RecordsRefused, Scorer
from model_lifecycle.serving.answers import NO_CONTROL, id_from, predictions_of
from model_lifecycle.serving.champion import Champion, Place, RefusedPause, is_away, load_scorer
from model_lifecycle.serving.live_history import LiveHistory
from model_lifecycle.serving.problem import reason
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.store import PredictionRow, Store
from model_lifecycle.trials import Trial, Trials

logger = logging.getLogger(__name__)

# Short transactions: replicas that commit at the same moment wait for them.
ROWS_PER_STEP = 200
# An id tells when its answer was made; its commit follows within this time, or the answer was refused.
SETTLED = timedelta(seconds=5)
# What the clock may be set back by without notice; `SETTLED` covers it.
STEP = timedelta(seconds=1)
LOW_PRIORITY = 15


@dataclass(frozen=True)
class _Loaded:
    """The release on trial, where it reads on."""

    release: Champion
    version: int
    after: str


class Shadow:
    """Follows the registry's shadow and scores what was answered since its trial began.

    Parameters
    ----------
    settings : ServiceSettings
        Those of the service.
    settled : timedelta
        How old an answer must be to be read: no older one may still be committed.
    """

    def __init__(self, settings: ServiceSettings, settled: timedelta = SETTLED) -> None:
        self._settings = settings
        self._settled = settled
        self._store = Store.open(settings.store, settings.synchronous)
        self._trials = Trials(Registry(settings.registry, settings.registry_name))
        self._loaded: _Loaded | None = None
        self._pause = RefusedPause()
        self._looked = (_now(), time.monotonic())

    def run(self, stop: threading.Event) -> None:
        """Score until told to stop; what goes wrong is logged and tried again."""
        if hasattr(os, "nice"):
            os.nice(LOW_PRIORITY)
        while not stop.wait(self._settings.swap_poll_seconds):
            try:
                while self.step() == ROWS_PER_STEP and not stop.is_set():
                    time.sleep(0.05)  # let the replicas have the write lock
            except Exception as error:  # the next try may find the database back
                logger.error("shadow: %s", reason(error))

    def step(self) -> int:
        """Score up to `ROWS_PER_STEP` answers, and return how many there were.

        Raises
        ------
        LifecycleError
            If registry or store cannot be used now; nothing is skipped.
        """
        self._follow(self._trials.current("shadow"))
        self._go_back_with_the_clock()
        if self._loaded is None:
            return 0
        found = self._store.answers_after(self._loaded.after, id_from(_now() - self._settled), ROWS_PER_STEP).to_dict(
            "records"
        )
        if not found:
            return 0
        self._loaded.release.history.read_new()
        scored = [one for row in found for one in self._scored(self._loaded.release, row)]
        self._store.append_shadows(scored)
        self._loaded = replace(self._loaded, after=str(found[-1]["prediction_id"]))
        return len(found)

    def _go_back_with_the_clock(self) -> None:
        """Read on from before the present when the clock was set back: ids begin with the time, and sort by it.

        What is read again is scored again and not written twice.
        """
        (then, before), now, ticks = self._looked, _now(), time.monotonic()
        self._looked = (now, ticks)
        passed = timedelta(seconds=ticks - before)
        if self._loaded is not None and now < then + passed - STEP:
            since = id_from(now - passed - self._settled)
            self._loaded = replace(self._loaded, after=min(self._loaded.after, since))

    def _follow(self, trial: Trial | None) -> None:
        if trial is not None and self._loaded is not None and trial.entry.version == self._loaded.version:
            return
        self._loaded = None
        if trial is None:
            self._pause.end()
            return
        if self._pause.lasts(trial.entry.version):
            return
        place = Place(Path(trial.entry.path), trial.entry.digest, "registry")
        try:
            scorer, digest = load_scorer(place)
            _check_the_log_suffices(scorer)
        except Exception as error:  # whatever is wrong with it, it is on trial no more
            self._pause.begin(trial.entry.version)
            why = f"refused: {reason(error)}"
            logger.error("shadow at %s %s", place.path, why)
            if is_away(place, error):
                return  # but its files may come back
            self._trials.end("shadow", version=trial.entry.version, by="service shadow", reason=why[:1000])
            return
        release = Champion(scorer, self._history(scorer), place, digest, _now())
        self._pause.end()
        self._loaded = _Loaded(release, trial.entry.version, self._begin(trial, scorer))

    def _history(self, scorer: Scorer) -> LiveHistory:
        # Not started: each step reads on by itself.
        return LiveHistory(self._store, scorer.spec, self._settings.history_margin, self._settings.history_poll_seconds)

    def _begin(self, trial: Trial, scorer: Scorer) -> str:
        """Return after which answer to go on: the last it has scored, or the last before the trial began."""
        begun = [
            move.at
            for move in self._trials.history()
            if (move.action, move.role, move.version) == ("begin", "shadow", trial.entry.version)
        ]
        now = _now()
        since = id_from(min(datetime.fromisoformat(begun[-1]), now) if begun else now)
        last = self._store.last_shadowed(scorer.release_id) or ""
        # An answer from the future: the clock was set back since, and only the trial's beginning is before all answers.
        return since if last > id_from(now) else max(since, last)

    def _scored(self, release: Champion, row: Mapping[Any, Any]) -> list[PredictionRow]:
        question = release.scorer.question
        moment = row["decision_time"].isoformat()
        record = {**row["inputs"], question.decision_id: row["decision_id"], question.decision_time: moment}
        try:
            columns = release.scorer.columns([record])
            snapshot = release.history.snapshot
            scored = release.scorer.by_row(columns, release.scorer.score(columns, snapshot.history))
            (made,) = predictions_of(release, "shadow", snapshot, [record], scored, NO_CONTROL).logged
        except RecordsRefused as error:
            logger.warning("shadow: prediction %s left out: %s", row["prediction_id"], reason(error))
            return []
        return [made._replace(prediction_id=f"{row['prediction_id']}-{release.digest[:8]}")]

    def close(self) -> None:
        """Give the connections back."""
        self._store.close()


def _now() -> datetime:
    return datetime.now(UTC)


def _check_the_log_suffices(scorer: Scorer) -> None:
    if scorer.unlogged:
        raise ServingError(
            f"release {scorer.release_id}: a shadow scores what the log holds, and there the fields "
            f"{sorted(scorer.private)} are hashed; expected a release without private fields (a canary can be tried)"
        )
