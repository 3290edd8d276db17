"""How well the decisions of a window turned out, against the hold-out and against a constant prediction."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal

import numpy as np
import pandas as pd

from model_lifecycle.errors import StatisticError
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.promised import beyond_promised
from model_lifecycle.monitoring.verdict import Figure, Performance, ReleaseShare
from model_lifecycle.monitoring.windows import observed, unavailable
from model_lifecycle.statistics.blocks import DAY, WEEK, block_ids
from model_lifecycle.statistics.intervals import clustered_mean_interval
from model_lifecycle.tasks import Metric, Task

# Weeks are nearly independent, days are not; a window of less than four weeks has too few weeks for an interval.
_FEWEST_WEEKS = 4
_PER = 1000.0
OF_HOLDOUT = ("skill_lost", "loss_increase")  # differences from the champion's own hold-out


def judge_performance(
    rows: pd.DataFrame, champion: ChampionFacts, task: Task, window: timedelta, level: float = 0.95
) -> Performance:
    """Judge the champion's own decisions of a window.

    Parameters
    ----------
    rows : DataFrame
        Of `windows.rows_of`; rows of other releases are left out.
    champion : ChampionFacts
        The hold-out figures that the window is held against.
    task : Task
        What a prediction and a decision are, and what they are worth.
    window : timedelta
        Its length: blocks are weeks from four weeks on and days below. Days of one week depend on one another, so
        their intervals are too narrow (a nominal 95% covers 70 to 78%); ask for two windows in a row then.
    level : float
        Of the intervals.

    Returns
    -------
    Performance
        A figure that is not defined (one class only, a single block, no label) is in ``problems`` with its reason.
    """
    mine = rows[rows["release"] == champion.release]
    mine = mine[_finite(predictions(mine, task))]
    block: Literal["day", "week"] = "week" if window >= _FEWEST_WEEKS * WEEK else "day"
    width = WEEK if block == "week" else DAY
    figures, differences, problems = {}, {}, {}
    for name, compute in _figures(mine, task, width, level).items():
        try:
            figures[name] = compute()
        except StatisticError as error:
            problems[name] = str(error)
    for name, difference in _differences(mine, champion, task, width, level).items():
        try:
            differences[name] = difference()
        except StatisticError as error:
            problems[name] = str(error)
    return Performance(
        release=champion.release,
        loss=task.loss,
        rows=len(mine),
        block=block,
        figures=figures,
        differences=differences,
        problems=problems,
    )


def predictions(rows: pd.DataFrame, task: Task) -> np.ndarray:
    """Return the logged predictions; NaN where an output is missing."""
    outputs = rows["outputs"].tolist() if "outputs" in rows.columns else [{}] * len(rows)
    return task.logged(rows["score"].to_numpy(dtype=np.float64), outputs)


def _finite(prediction: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(prediction).all(axis=tuple(range(1, prediction.ndim))), dtype=bool)


def _arrays(rows: pd.DataFrame, task: Task) -> tuple[np.ndarray, np.ndarray]:
    return rows["value"].to_numpy(dtype=np.float64), predictions(rows, task)


def _blocks(rows: pd.DataFrame, width: timedelta) -> np.ndarray:
    return block_ids(rows["decision_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]"), width)


def _figures(mine: pd.DataFrame, task: Task, width: timedelta, level: float) -> dict[str, Callable[[], Figure]]:
    labelled = mine[observed(mine)]
    target, prediction = _arrays(labelled, task)
    known = mine[observed(mine) | unavailable(mine)]

    def mean(values: Callable[[], np.ndarray]) -> Callable[[], Figure]:
        return lambda: _mean(values(), _blocks(labelled, width), level)

    def figure(metric: Metric) -> Callable[[], Figure]:
        return lambda: _metric(metric, target, prediction, _blocks(labelled, width), level)

    return {
        **{name: figure(metric) for name, metric in task.metrics.items()},
        **{
            "mean_outcome" if name == "mean" else f"{name}_rate": mean(lambda values=values: values)  # type: ignore[misc]
            for name, values in task.shares(target).items()
        },
        "mean_score": mean(lambda: task.score(prediction)),
        "value_per_1000": lambda: _mean(_PER * gains(known, task), _blocks(known, width), level),
    }


def _mean(values: np.ndarray, block: np.ndarray, level: float) -> Figure:
    """Return the mean with its interval, without one when all rows are of one block."""
    if np.unique(block).size == 1:
        return _single(float(np.mean(values)), level)
    return Figure.of(clustered_mean_interval(values, block, level, autocorrelation=0.0))


def _metric(metric: Metric, target: np.ndarray, prediction: np.ndarray, block: np.ndarray, level: float) -> Figure:
    if np.unique(block).size == 1:
        return _single(metric.value(target, prediction), level)
    return Figure.of(metric.interval(block, target, prediction, level, autocorrelation=0.0))


def _single(estimate: float, level: float) -> Figure:
    return Figure(estimate=estimate, lower=None, upper=None, level=level, n_blocks=1)


def gains(rows: pd.DataFrame, task: Task) -> np.ndarray:
    """Return what each decision gained over doing nothing, in the question's unit, shape (n,).

    Parameters
    ----------
    rows : DataFrame
        Decisions with an outcome, observed or unavailable.
    """
    times = rows["decision_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    done = task.done(actions(rows, task), times)
    return task.gains(rows["value"].to_numpy(dtype=np.float64), unavailable(rows), done)


def actions(rows: pd.DataFrame, task: Task) -> np.ndarray:
    """Return what the release said to do on each row, float64, shape (n,)."""
    decision = rows["decision"].tolist() if "decision" in rows.columns else [""] * len(rows)
    score, threshold = (rows[name].to_numpy(dtype=np.float64) for name in ("score", "threshold"))
    return task.logged_actions(decision, score, threshold, predictions(rows, task))


def _differences(
    mine: pd.DataFrame, champion: ChampionFacts, task: Task, width: timedelta, level: float
) -> dict[str, Callable[[], Figure]]:
    labelled = mine[observed(mine)]
    target, prediction = _arrays(labelled, task)

    def block() -> np.ndarray:
        return _blocks(labelled, width)

    def increase() -> Figure:
        return _less(_mean(task.losses(target, prediction), block(), level), champion.holdout["loss"])

    return {
        "skill_lost": lambda: _less(_skill(task, target, prediction, block(), level), champion.holdout["skill"]),
        "loss_increase": increase,
        "against_constant": lambda: _against(task, champion.constant, target, prediction, block(), level),
        **{
            name: lambda values=values: _mean(values, block(), level)  # type: ignore[misc]
            for name, values in beyond_promised(target, prediction, task).items()
        },
    }


def _against(
    task: Task, constant: Sequence[float], target: np.ndarray, prediction: np.ndarray, block: np.ndarray, level: float
) -> Figure:
    if not len(target):
        raise StatisticError("found no labelled row, expected some")
    losses = task.losses(target, prediction) - task.losses(target, task.repeated(constant, len(target)))
    return _mean(losses, block, level)


def _skill(task: Task, target: np.ndarray, prediction: np.ndarray, block: np.ndarray, level: float) -> Figure:
    """Return the loss less that of the rows' own best constant prediction; below 0, the further the better."""
    if not len(target):
        raise StatisticError("found no labelled row, expected some")
    return _against(task, task.constant(target), target, prediction, block, level)


def holdout_figures(
    task: Task, target: np.ndarray, prediction: np.ndarray, times: np.ndarray, level: float = 0.95
) -> dict[str, dict[str, object]]:
    """Return the figures of the hold-out that live windows are held against, as JSON for `ChampionFacts.holdout`.

    Parameters
    ----------
    task : Task
        Of the question.
    target : ndarray of float64, shape (n,)
        Of the labelled hold-out rows.
    prediction : ndarray of float64, shape (n,) or (n, n_outputs)
        The release's.
    times : ndarray of datetime64, shape (n,)
        Decision times; they make the weekly blocks of the intervals.
    level : float
        Of the intervals.

    Returns
    -------
    dict
        All metrics of the task; ``loss``, the one that counts, once more; and ``skill``: the loss less that of the
        rows' own best constant prediction, pair by pair. Of a model's loss most of the uncertainty is that of the
        outcome's level, which swings from week to week; the skill is free of it.

    Raises
    ------
    StatisticError
        If there is no row, or a metric is not defined on these.
    """
    block = block_ids(times, WEEK)
    figures = {name: _metric(metric, target, prediction, block, level) for name, metric in task.metrics.items()}
    figures |= {"loss": figures[task.loss], "skill": _skill(task, target, prediction, block, level)}
    return {name: figure.model_dump(mode="json") for name, figure in figures.items()}


def _less(window: Figure, holdout: Figure) -> Figure:
    """Return the difference of two independent figures; both of their uncertainties count."""
    estimate = window.estimate - holdout.estimate
    if window.lower is None or window.upper is None:
        return window.model_copy(update={"estimate": estimate})
    low = _half(holdout.estimate, holdout.upper)
    high = _half(holdout.estimate, holdout.lower)
    return window.model_copy(
        update={
            "estimate": estimate,
            "lower": estimate - float(np.hypot(window.estimate - window.lower, low)),
            "upper": estimate + float(np.hypot(window.upper - window.estimate, high)),
        }
    )


def _half(estimate: float, end: float | None) -> float:
    return 0.0 if end is None else abs(end - estimate)


def release_shares(rows: pd.DataFrame, task: Task) -> tuple[ReleaseShare, ...]:
    """Return what each release did in the window, by name."""
    shares = []
    for release, part in rows.groupby("release", sort=True):
        labelled = part[observed(part)]
        target, prediction = _arrays(labelled, task)
        sure = _finite(prediction)
        decided = pd.Series(task.decisions(actions(part[_finite(predictions(part, task))], task)))
        shares.append(
            ReleaseShare(
                release=str(release),
                decisions=len(part),
                observed=len(labelled),
                decided={str(name): int(count) for name, count in decided.value_counts().sort_index().items()},
                loss=float(task.losses(target[sure], prediction[sure]).mean()) if sure.any() else None,
            )
        )
    return tuple(shares)
