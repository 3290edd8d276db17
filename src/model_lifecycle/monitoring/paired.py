"""Two releases on the same live decisions: one that answered, and one whose answer is computed afterwards.

The other release is scored on the logged inputs with the events that were known at each decision, so it needs no
traffic of its own: the champion against the one before it, or a candidate against the champion.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import numpy as np
import pandas as pd
from pydantic import AwareDatetime

from model_lifecycle.contracts.base import Contract
from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.errors import LifecycleError, StatisticError
from model_lifecycle.features.history import History, event_columns
from model_lifecycle.monitoring.performance import predictions
from model_lifecycle.monitoring.verdict import Figure
from model_lifecycle.monitoring.windows import observed, one_a_decision
from model_lifecycle.scoring import Scorer
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.coverage import covers
from model_lifecycle.statistics.intervals import paired_difference_interval
from model_lifecycle.statistics.trial import trial_interval

FEWEST_DAYS = 8.0  # independent ones, below which no champion is rolled back
# A probation is looked at several times: nearly all of the error is left to the last look (docs/retraining.md).
LAST_LOOK, EARLIER_LOOK = 0.96, 0.995
Judged = Callable[[np.ndarray, np.ndarray, pd.DataFrame], tuple[Figure | None, str]]


class Comparison(Contract):
    """The loss of ``release`` less that of ``other`` on the same decisions; ``difference`` None: they do not tell."""

    release: str
    other: str | None
    since: AwareDatetime | None
    rows: int
    difference: Figure | None
    reason: str


def compare_live(
    rows: pd.DataFrame,
    events: Sequence[tuple[int, EventRecord]],
    answered: Scorer,
    other: Scorer,
    since: datetime,
    judged: Judged | None = None,
) -> Comparison:
    """Compare a release with what another one would have answered.

    Parameters
    ----------
    rows : DataFrame
        Logged predictions with their labels, as known now; a decision that was asked for again counts once.
    events : sequence of (sequence, EventRecord)
        Known since the longest window of either release before the first decision.
    answered, other : Scorer
        The release that answered, and the other one.
    since : datetime
        Earlier decisions do not count.
    judged : callable, optional
        Of the two losses and the rows; `paired_difference` where it is not given.

    Returns
    -------
    Comparison
        Without a difference where the days are too few or too alike, or the other release refuses the inputs.
    """

    def told(count: int, difference: Figure | None, reason: str) -> Comparison:
        return Comparison(
            release=answered.release_id,
            other=other.release_id,
            since=since,
            rows=count,
            difference=difference,
            reason=reason,
        )

    mine = rows[(rows["release"] == answered.release_id) & (rows["decision_time"] >= since) & observed(rows)]
    mine = one_a_decision(mine)
    whole = np.array(["history" not in flags for flags in mine["flags"]], dtype=bool)
    mine = mine[whole].reset_index(drop=True)
    if mine.empty:
        return told(0, None, "no decision with an outcome since")
    task = answered.task
    try:
        history = History.build(other.spec, event_columns(other.spec, [event for _, event in events]))
        theirs = other.score(other.columns(_records(mine, other)), history).prediction
    except LifecycleError as error:
        return told(len(mine), None, f"{other.release_id} cannot answer the same inputs: {error}")
    target = mine["value"].to_numpy(dtype=np.float64)
    losses = task.losses(target, predictions(mine, task)), task.losses(target, theirs)
    found, reason = (judged or paired_difference)(losses[0], losses[1], mine)
    return told(len(mine), found, reason)


def paired_difference(
    ours: np.ndarray, theirs: np.ndarray, rows: pd.DataFrame, level: float = 0.95
) -> tuple[Figure | None, str]:
    """Return the mean difference of two losses on the same decisions, None where the days do not tell, and why.

    Parameters
    ----------
    ours, theirs : ndarray of float64, shape (n,)
        The losses of the rows.
    rows : DataFrame
        Of the decisions, with their time.
    level : float
        Of the interval.
    """
    days = block_ids(rows["decision_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]"), DAY)
    try:
        found = paired_difference_interval(ours, theirs, days, level)
    except StatisticError as error:
        return None, str(error)
    if found.n_effective < FEWEST_DAYS:
        worth = f"{math.floor(10.0 * found.n_effective) / 10.0:.1f}"  # rounded down: 7.99 of 8 is too few
        return None, f"{found.n_blocks} days are worth {worth} independent ones, expected {FEWEST_DAYS:g}"
    if not covers(found.coverage, level):
        return None, f"no interval covers as often as it says on {found.n_blocks} days as dependent as these"
    return Figure.of(found), "paired by decision, by days and how much they depend on one another"


def in_probation(*, last: bool) -> Judged:
    """Return how a champion is judged at one of the looks at its probation."""
    return partial(paired_difference, level=LAST_LOOK if last else EARLIER_LOOK)


def on_trial(since: datetime, end: datetime, *, last: bool) -> Judged:
    """Return how a candidate is judged at a look at its trial, whose days count from its beginning."""

    def judged(ours: np.ndarray, theirs: np.ndarray, rows: pd.DataFrame) -> tuple[Figure | None, str]:
        days = ((rows["decision_time"] - since) // DAY).to_numpy(dtype=np.int64)
        try:
            found = trial_interval(ours - theirs, days, (end - since) // DAY, last=last)
        except StatisticError as error:
            return None, str(error)
        return Figure.of(found), "paired by decision, by whole days"

    return judged


def _records(rows: pd.DataFrame, scorer: Scorer) -> list[dict[str, object]]:
    question, known = scorer.question, set(scorer.contract.columns)
    return [
        {name: value for name, value in inputs.items() if name in known}
        | {question.decision_id: decision, question.decision_time: moment.isoformat()}
        for inputs, decision, moment in zip(rows["inputs"], rows["decision_id"], rows["decision_time"], strict=True)
    ]
