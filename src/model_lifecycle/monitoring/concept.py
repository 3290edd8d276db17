"""Has the world changed, or only its inputs? Concept drift, kept apart from data drift."""

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any

import numpy as np
import pandas as pd

from model_lifecycle.errors import StatisticError
from model_lifecycle.monitoring.causes import Losses
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.holdout import HoldoutErrors
from model_lifecycle.monitoring.performance import predictions
from model_lifecycle.monitoring.promised import expected_losses
from model_lifecycle.monitoring.verdict import Concept, ErrorStream, Figure
from model_lifecycle.monitoring.windows import observed
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.change_point import careful_dependence, change_point
from model_lifecycle.statistics.loss_change import LossChange, split_loss_change
from model_lifecycle.tasks import Task

_OLD = "the release keeps no errors of its hold-out: it is older than this, or the hold-out was of one day"
_NO_LABEL = "found no labelled row of the champion"


def judge_concept(
    rows: pd.DataFrame, champion: ChampionFacts, task: Task, level: float
) -> tuple[Concept, Losses | None]:
    """Take the change of the champion's loss since the hold-out apart.

    Parameters
    ----------
    rows : DataFrame
        Of `windows.rows_of`, of a mature window.
    champion : ChampionFacts
        Whose own decisions count, and with whose hold-out they are compared.
    task : Task
        Of the question.
    level : float
        Share of stationary windows that may count as drifted.

    Returns
    -------
    tuple
        What other inputs explain and what they do not, with a reason where it cannot be told; and row by row the losses
        that this rests on, None where it cannot.
    """
    mine = rows[labelled(rows, champion, task)]
    if champion.errors is None or mine.empty:
        return Concept(rows=len(mine), reason=_OLD if champion.errors is None else _NO_LABEL), None
    try:
        found, losses = _split(mine, champion.errors, task, 1.0 - level)
    except StatisticError as error:
        return Concept(rows=len(mine), reason=str(error)), None
    outcomes = found.from_outcomes
    told = Concept(
        rows=len(mine),
        total=Figure.of(found.total),
        from_inputs=Figure.of(found.from_inputs),
        from_outcomes=Figure.of(outcomes),
        drifted=outcomes.lower > 0.0 or outcomes.upper < 0.0,
    )
    return told, losses


def labelled(rows: pd.DataFrame, champion: ChampionFacts, task: Task) -> np.ndarray:
    """Return which rows are the champion's own, with a prediction and an observed outcome; bool, shape (n,)."""
    prediction = predictions(rows, task)
    sure = np.isfinite(prediction).all(axis=tuple(range(1, prediction.ndim)))
    return np.asarray(sure & (rows["release"] == champion.release).to_numpy() & observed(rows), dtype=bool)


def _split(mine: pd.DataFrame, errors: HoldoutErrors, task: Task, level: float) -> tuple[LossChange, Losses]:
    prediction = predictions(mine, task)
    losses = task.losses(mine["value"].to_numpy(dtype=np.float64), prediction)
    expected, day = expected_losses(prediction, task), block_ids(_times(mine), DAY)
    reference = errors.reference()
    found = split_loss_change(reference, task.score(prediction), losses, expected, day, level)
    return found, Losses(losses, losses - found.unexplained, day, int(reference.rows.sum()))


def _times(rows: pd.DataFrame) -> np.ndarray:
    times: np.ndarray = rows["decision_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return times


def watch_errors(
    windows: Sequence[pd.DataFrame], champion: ChampionFacts, task: Task, delta: float, level: float
) -> ErrorStream:
    """Watch the stream of errors over windows for a change, and tell since when.

    Parameters
    ----------
    windows : sequence of DataFrame
        Rows of mature, trusted windows, the oldest first.
    champion, task
        As for `judge_concept`.
    delta : float
        ADWIN's own: how likely it may cut a window of independent, unchanged rows.
    level : float
        Share of stationary streams that may be confirmed.

    References
    ----------
    Bifet and Gavaldà (2007), Learning from time-changing data with adaptive windowing, SIAM International Conference on
    Data Mining 443-448; the implementation is `river.drift.ADWIN`.
    """
    mine = [part for one in windows if not (part := one[labelled(one, champion, task)]).empty]
    rows = pd.concat(mine, ignore_index=True) if mine else pd.DataFrame()
    if champion.errors is None or rows.empty:
        return ErrorStream(rows=len(rows), reason=_OLD if champion.errors is None else _NO_LABEL)
    errors, times = champion.errors, _times(rows)
    try:
        unexplained = _split(rows, errors, task, 1.0 - level)[0].unexplained
        day = (times - times.min()) // np.timedelta64(1, "D")
        known, place = np.unique(day, return_inverse=True)
        means = np.bincount(place, unexplained) / np.bincount(place)
        found = change_point(means, _dependence(errors))
    except StatisticError as error:
        return ErrorStream(rows=len(rows), reason=str(error))
    width = errors.highest - errors.lowest
    scaled = np.clip((unexplained - errors.lowest) / (width if width > 0.0 else 1.0), 0.0, 1.0)
    seen = tuple(adwin_cuts(scaled, delta))
    since = times.min() + np.timedelta64(1, "D") * int(known[found.at])
    return ErrorStream(
        rows=len(rows),
        days=len(known),
        seen=tuple(_aware(times[row]) for row in seen),
        since=_aware(since),
        before=found.before,
        after=found.after,
        p_value=found.p_value,
        confirmed=bool(seen) and found.p_value <= level,
    )


def _aware(moment: np.datetime64) -> Any:
    return pd.Timestamp(moment).to_pydatetime().replace(tzinfo=UTC)


def _dependence(errors: HoldoutErrors) -> float:
    """Return how much neighbouring days of the hold-out depend on one another."""
    found = errors.reference()
    sums = found.losses - found.expected
    beyond = sums - found.rows * found.excess(found.rows.sum(axis=0), sums.sum(axis=0))
    return careful_dependence(beyond.sum(axis=1) / found.rows.sum(axis=1))


def adwin_cuts(stream: np.ndarray, delta: float) -> Iterator[int]:
    """Yield the places of a stream at which ADWIN cut its window.

    Parameters
    ----------
    stream : ndarray of shape (n,)
        In [0, 1], in the order of time.
    delta : float
        Of ADWIN.

    Examples
    --------
    >>> places = list(adwin_cuts(np.repeat([0.2, 0.8], 500), 0.002))
    >>> 500 < places[0] < 600
    True
    """
    from river.drift import ADWIN  # two seconds to import

    detector = ADWIN(delta=delta)  # type: ignore[no-untyped-call]  # river is compiled, and types none of it
    for place, value in enumerate(stream.tolist()):
        detector.update(value)  # type: ignore[no-untyped-call]  # as above
        if detector.drift_detected:
            yield place
