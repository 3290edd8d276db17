"""What a search has tried, and the journal that keeps it for the case of an interrupt."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, NotRequired, Protocol

import numpy as np
from typing_extensions import TypedDict


class Trial(TypedDict):
    """One set of parameters, its log loss on every fold, and what the last fold's model costs.

    ``state`` is ``complete`` (every fold), ``pruned`` (ended after the folds it has a loss of) or ``failed`` (no loss,
    no cost, an ``error``). Only a complete trial can be chosen.
    """

    candidate: str
    number: int  # from 1, within the candidate
    state: Literal["complete", "pruned", "failed"]
    parameters: dict[str, float | int | str | bool]
    loss: list[float]
    seconds: float
    one_row_microseconds: NotRequired[float]
    size_bytes: NotRequired[int]
    error: NotRequired[str]


class SearchReport(TypedDict):
    """A finished search as experiment tracking shows it."""

    challenger: str
    best: dict[str, int]  # candidate -> number of its best trial
    tags: dict[str, str]
    trials: list[Trial]


class TrialRecord(NamedTuple):
    """A trial and its predictions for the rows of the folds, float64, shape (n,); a pruned one's are NaN in part."""

    trial: Trial
    predictions: np.ndarray | None = None


class TrialJournal(Protocol):
    """The finished trials of a search that may be interrupted; a search that comes to its end clears it."""

    def read(self, key: str) -> Mapping[int, TrialRecord]:
        """Return what an interrupted search of the very same key has finished, by the trials' numbers."""
        ...

    def append(self, key: str, record: TrialRecord) -> None:
        """Keep a finished trial; once this returns it outlives the process."""
        ...

    def clear(self) -> None:
        """Forget all trials of all keys."""
        ...


class NoJournal:
    """Keeps nothing."""

    def read(self, key: str) -> Mapping[int, TrialRecord]:  # noqa: ARG002 - the journal's interface
        """Return nothing."""
        return {}

    def append(self, key: str, record: TrialRecord) -> None:
        """Keep nothing."""

    def clear(self) -> None:
        """Do nothing."""


NO_JOURNAL = NoJournal()
