"""How far a back-test is, and how long it will take."""

import logging
from collections.abc import Callable, Mapping

from model_lifecycle.backtest.production import release_name
from model_lifecycle.backtest.schedule import Schedule
from model_lifecycle.backtest.walk import Walk
from model_lifecycle.contracts.backtest import TriedPolicy

_log = logging.getLogger(__name__)
_MINUTE = 60.0


class Progress:
    """One line a retraining, with the time left for those that a calendar foresees; others come when they come.

    Parameters
    ----------
    tried : mapping
        Every policy by its name.
    schedule : Schedule
        From when to when.
    clock : callable
        Seconds that only go forward.
    """

    def __init__(self, tried: Mapping[str, TriedPolicy], schedule: Schedule, clock: Callable[[], float]) -> None:
        self._tried, self._clock = tried, clock
        self._began = clock()
        self._walked = 0
        self._fitted, self._fitting = 0, 0.0
        self._foreseen = {
            release_name(at, one.training, refit=refit)
            for one in tried.values()
            if one.every is not None
            for at in schedule.calendar(one.every)
            for refit in {False, one.refit}
        }

    def had(self, name: str, seconds: float | None) -> None:
        """Say that a release was fitted, in so many seconds, or had been before."""
        self._foreseen.discard(name)
        if seconds is None:
            return
        self._fitted += 1
        self._fitting += seconds
        left = len(self._foreseen) * self._fitting / self._fitted
        _log.info("%s: %.0f s; %s, about %.1f min left", name, seconds, self._so_far(), left / _MINUTE)

    def begins(self, name: str) -> None:
        """Say which policy is walked."""
        self._walked += 1
        _log.info("policy %r (%d of %d)", name, self._walked, len(self._tried))

    def ends(self, name: str, found: Walk) -> None:
        """Say what a policy did."""
        _log.info(
            "policy %r: %d retrainings, %d promoted, %d alarms; %s",
            name, found.retrainings(), found.count("promoted"), found.count("alarm"), self._so_far(),
        )  # fmt: skip

    def _so_far(self) -> str:
        return f"{(self._clock() - self._began) / _MINUTE:.1f} min so far"
