"""The figures of a window once more, for each declared slice."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import numpy as np
import pandas as pd

from model_lifecycle.contracts.business_question import Slice
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.estimated import estimate_performance
from model_lifecycle.monitoring.logged import logged_columns
from model_lifecycle.monitoring.performance import judge_performance
from model_lifecycle.monitoring.verdict import SliceVerdict
from model_lifecycle.monitoring.windows import observed
from model_lifecycle.tasks import Task

_MOST_VALUES = 50  # of a column, the most frequent first: what a reader can take in


def judge_slices(
    rows: pd.DataFrame, champion: ChampionFacts, task: Task, window: timedelta, slices: Sequence[Slice], mature: bool
) -> tuple[SliceVerdict, ...]:
    """Judge the champion's decisions in each category of each declared slice.

    Parameters
    ----------
    rows : DataFrame
        Of `windows.rows_of`.
    champion : ChampionFacts
        The release in production.
    task : Task
        Of the question.
    window : timedelta
        Its length.
    slices : sequence of Slice
        A column that no row has logged is left out, and so are categories of fewer than ``minimum_rows`` decisions.
    mature : bool
        Whether the whole window is; a slice has its performance then, once it has ``minimum_rows`` labels.

    Returns
    -------
    tuple of SliceVerdict
        In the order of the slices, the most frequent categories first, 50 of a column at the most.
    """
    mine = rows[rows["release"] == champion.release]
    names = [part.column for part in slices]
    columns = logged_columns(mine["inputs"].tolist(), [], names).columns
    return tuple(
        _judge(part, value, mine[inside], champion, task, window, mature)
        for part in slices
        for value, inside in _categories(columns, part)
    )


def _categories(columns: Mapping[str, np.ndarray], part: Slice) -> Iterator[tuple[str, np.ndarray]]:
    values = columns.get(part.column)
    if values is None:
        return
    counts = pd.Series(values, dtype=object).value_counts().head(_MOST_VALUES)
    for value, count in counts.items():
        if count >= part.minimum_rows and (not part.groups or value in part.groups):
            yield str(value), values == value


def _judge(
    part: Slice,
    value: str,
    rows: pd.DataFrame,
    champion: ChampionFacts,
    task: Task,
    window: timedelta,
    mature: bool,
) -> SliceVerdict:
    known = int(observed(rows).sum())
    enough = mature and known >= part.minimum_rows
    return SliceVerdict(
        column=part.column,
        value=value,
        decisions=len(rows),
        observed=known,
        performance=judge_performance(rows, champion, task, window) if enough else None,
        estimated=estimate_performance(rows, champion, task),
    )
