"""A shadow against the champion: what it scored beside what was answered, on the same decisions."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.paired import paired_difference
from model_lifecycle.monitoring.performance import actions, are_finite, predictions
from model_lifecycle.monitoring.verdict import ShadowVerdict, ShadowWindow
from model_lifecycle.monitoring.windows import Window, observed, rows_of
from model_lifecycle.tasks import Task


def compare_shadows(
    answers: pd.DataFrame,
    shadows: pd.DataFrame,
    champion: ChampionFacts,
    task: Task,
    windows: Sequence[Window],
    as_of: datetime | None,
) -> tuple[ShadowVerdict, ...]:
    """Compare every release that scored as a shadow with the champion's own answers.

    Parameters
    ----------
    answers, shadows : DataFrame
        Logged predictions with their labels, outcomes as the task encodes them (`Store.labelled_predictions_between`).
    champion : ChampionFacts
        Whose answers count.
    task : Task
        Of the question.
    windows : sequence of Window
        The windows of the report, the oldest first, side by side.
    as_of : datetime or None
        The moment whose labels count.

    Returns
    -------
    tuple of ShadowVerdict
        One a release, by name. Decisions that either has not scored are left out; the loss's difference has an interval
        over days where these tell enough.
    """
    if not windows or shadows.empty:
        return ()
    whole = Window(windows[0].start, windows[-1].end)
    mine = rows_of(answers[answers["release"] == champion.release], whole, as_of).set_index("decision_id")
    theirs = rows_of(shadows, whole, as_of)
    return tuple(
        _compare(str(release), mine, part.set_index("decision_id"), champion, task, windows)
        for release, part in theirs.groupby("release", sort=True)
    )


def _compare(
    release: str,
    mine: pd.DataFrame,
    theirs: pd.DataFrame,
    champion: ChampionFacts,
    task: Task,
    windows: Sequence[Window],
) -> ShadowVerdict:
    both = mine.index.intersection(theirs.index)
    answered, shadowed = mine.loc[both], theirs.loc[both]
    sure = are_finite(predictions(answered, task)) & are_finite(predictions(shadowed, task))
    answered, shadowed = answered[sure], shadowed[sure]
    known = observed(answered)
    told, other = answered[known], shadowed[known]
    target = told["value"].to_numpy(dtype=np.float64)
    losses = [task.losses(target, predictions(rows, task)) if len(told) else target for rows in (other, told)]
    difference, reason = (
        paired_difference(losses[0], losses[1], told) if len(told) else (None, "no common decision has an outcome")
    )
    same = actions(answered, task) == actions(shadowed, task)
    return ShadowVerdict(
        release=release,
        champion=champion.release,
        decisions=len(answered),
        observed=len(told),
        agreement=float(np.mean(same)) if len(same) else None,
        loss=float(losses[0].mean()) if len(told) else None,
        champion_loss=float(losses[1].mean()) if len(told) else None,
        difference=difference,
        reason=reason,
        windows=tuple(_window(one, told["decision_time"], losses[0] - losses[1]) for one in windows),
    )


def _window(window: Window, times: pd.Series, difference: np.ndarray) -> ShadowWindow:
    inside = ((times >= window.start) & (times < window.end)).to_numpy()
    mean = float(difference[inside].mean()) if inside.any() else None
    return ShadowWindow(start=window.start, end=window.end, observed=int(inside.sum()), difference=mean)
