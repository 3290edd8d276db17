"""What a back-test asks of production: train as of a moment, hold against the gates, answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from model_lifecycle.contracts.backtest import TriedPolicy
from model_lifecycle.contracts.policy import TrainingWindow
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.verdict import Drift


@dataclass(frozen=True)
class Live:
    """The decisions that count, in the order of time, each with an outcome that is known by the end of the history.

    Attributes
    ----------
    times, label_times : ndarray of datetime64[us], shape (n,)
        In UTC.
    target : ndarray of float64, shape (n,)
        NaN where the outcome never comes about.
    unavailable : ndarray of bool, shape (n,)
    """

    times: np.ndarray
    label_times: np.ndarray
    target: np.ndarray
    unavailable: np.ndarray

    def place(self, moment: datetime) -> int:
        """Return the number of the first decision at or after a moment."""
        return int(np.searchsorted(self.times, instant(moment)))

    def rows(self, start: datetime, end: datetime) -> slice:
        """Return the decisions of a span."""
        return slice(self.place(start), self.place(end))

    def known(self, rows: slice, at: datetime) -> np.ndarray:
        """Return which outcomes are known at a moment, bool."""
        return np.asarray(self.label_times[rows] < instant(at))


def instant(moment: datetime) -> np.datetime64:
    """Return an aware time as numpy has it, in UTC."""
    return np.datetime64(moment.replace(tzinfo=None) - (moment.utcoffset() or moment - moment), "us")


def release_name(as_of: datetime, window: TrainingWindow, *, refit: bool = False) -> str:
    """Return what a release of a back-test is called.

    Examples
    --------
    >>> from datetime import UTC
    >>> release_name(datetime(2024, 5, 1, tzinfo=UTC), TrainingWindow(periods=3))
    '2024-05-01T00:00+00:00 rolling over 3 periods'
    """
    return f"{as_of.isoformat(timespec='minutes')} {window}{' refit' if refit else ''}"


@dataclass(frozen=True)
class Release:
    """A trained model as a policy may ship it.

    Attributes
    ----------
    name : str
        Unique to moment, window and refit.
    as_of : datetime
        When it was made.
    facts : ChampionFacts
        What monitoring holds its answers against.
    threshold : float, optional
        Where the task decides by one.
    seconds : float
        That it took to make.
    """

    name: str
    as_of: datetime
    facts: ChampionFacts
    threshold: float | None
    seconds: float


@dataclass(frozen=True)
class Answers:
    """Predictions and actions on some rows; shapes as of `tasks.Task`."""

    prediction: np.ndarray
    action: np.ndarray


@dataclass(frozen=True)
class Review:
    """What the gates say of a challenger; the reasons of those that failed, by gate, and the seconds it took."""

    failed: dict[str, str]
    seconds: float


class Production(Protocol):
    """The stages of production as a back-test walks through them; every answer is a function of its arguments."""

    def train(self, as_of: datetime, policy: TriedPolicy) -> Release:
        """Return the challenger of a retraining.

        Raises
        ------
        LifecycleError
            If production would have ended in an error: no outcome in the test window, say.
        """
        ...

    def review(self, challenger: Release, champion: Release) -> Review:
        """Hold a challenger against the gates, the champion among them."""
        ...

    def shipped(self, challenger: Release, policy: TriedPolicy) -> Release:
        """Return what goes live once the gates have passed: the challenger, or its refit."""
        ...

    def answer(self, release: Release, rows: slice) -> Answers:
        """Return what a release answers on live rows, each as of its own decision."""
        ...

    def drift(self, release: Release, rows: slice) -> Drift:
        """Compare live rows with the release's reference."""
        ...
