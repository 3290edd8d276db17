"""What the loop was worth against its first champion, left alone: on the same decisions, with an interval."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.errors import StatisticError
from model_lifecycle.features.history import History
from model_lifecycle.features.tables import events_by_kind, to_columns
from model_lifecycle.scoring import Scorer
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.intervals import Interval, paired_difference_interval
from model_lifecycle.tasks import Task, task_of

_PER = 1000.0


@dataclass(frozen=True, slots=True)
class Worth:
    """Value per 1,000 decisions, in the question's unit, over all decisions with an outcome.

    ``difference`` is the loop's less the frozen champion's, paired decision by decision; None where there are too few
    days for an interval.
    """

    unit: str
    decisions: int
    loop: float
    frozen: float
    difference: Interval | None
    by_month: dict[str, tuple[float, float]]


def worth(
    first: pd.DataFrame,
    decisions: pd.DataFrame,
    events: pd.DataFrame,
    frozen: Scorer,
    question: BusinessQuestion,
    time_zone: str,
) -> Worth:
    """Compare what was answered with what the frozen champion would have answered.

    Parameters
    ----------
    first : DataFrame
        The first answer to each decision, by its id (`answers.read_answers`).
    decisions : DataFrame
        What was asked for, with the outcomes that came later.
    events : DataFrame
        All events, those from before the stretch too: each decision sees those known at its own time.
    frozen : Scorer
        The first champion.
    question : BusinessQuestion
        What an action is worth.
    time_zone : str
        IANA name, of the months.

    Raises
    ------
    StatisticError
        If no decision that was answered has an outcome.
    """
    task = task_of(question)
    settled = decisions[question.outcome].isin(["observed", "unavailable"])
    known = decisions[decisions[question.decision_id].isin(first.index) & settled]
    if known.empty:
        raise StatisticError("worth: no decision that was answered has an outcome")
    answered = first.loc[known[question.decision_id]]
    times = known[question.decision_time].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    history = History.build(frozen.spec, events_by_kind(events, frozen.spec))
    alone = frozen.score(to_columns(known[list(frozen.contract.columns)]), history).action
    ours, theirs = (
        _PER * _gains(known, task.done(action, times), task, question) for action in (_logged(answered, task), alone)
    )
    try:
        difference = paired_difference_interval(ours, theirs, block_ids(times, DAY))
    except StatisticError:  # a day or two
        difference = None
    months = known[question.decision_time].dt.tz_convert(time_zone).dt.strftime("%Y-%m").to_numpy()
    return Worth(
        unit=question.value.unit,
        decisions=len(known),
        loop=float(ours.mean()),
        frozen=float(theirs.mean()),
        difference=difference,
        by_month={
            month: (float(ours[months == month].mean()), float(theirs[months == month].mean()))
            for month in sorted(set(months.tolist()))
        },
    )


def _logged(answered: pd.DataFrame, task: Task) -> np.ndarray:
    score, threshold = (answered[name].to_numpy(dtype=np.float64) for name in ("score", "threshold"))
    prediction = task.logged(score, answered["outputs"].tolist())
    return task.logged_actions(answered["decision"].tolist(), score, threshold, prediction)


def _gains(known: pd.DataFrame, action: np.ndarray, task: Task, question: BusinessQuestion) -> np.ndarray:
    unavailable = (known[question.outcome] == "unavailable").to_numpy(dtype=bool)
    return task.gains(np.array([_label(value, task) for value in known[question.target]]), unavailable, action)


def _label(value: Any, task: Task) -> float:
    if pd.isna(value):
        return np.nan
    return task.read_label(value if isinstance(value, str) else float(value))
