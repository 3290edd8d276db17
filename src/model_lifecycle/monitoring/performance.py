"""How well the decisions of a window turned out, against the hold-out and against a constant prediction."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal

import numpy as np
import pandas as pd

from model_lifecycle.errors import StatisticError
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.promised import beyond_promised, promised_advantages
from model_lifecycle.monitoring.verdict import Figure, Performance, ReleaseShare
from model_lifecycle.monitoring.windows import observed, unavailable
from model_lifecycle.statistics.blocks import DAY, WEEK, block_ids
from model_lifecycle.statistics.intervals import clustered_mean_interval
from model_lifecycle.tasks import Metric, Task

# Weeks are nearly independent, days are not; a window of less than four weeks has too few weeks for an interval.
_FEWEST_WEEKS = 4
_PER = 1000.0
_BEYOND = "skill_beyond_promise"
OF_HOLDOUT = ("skill_lost", "skill_lost_given_inputs", "loss_increase")  # differences from the champion's own hold-out


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
    mine = mine[are_finite(predictions(mine, task))]
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
        holdout_skill=-champion.holdout["skill"].estimate,
        figures=figures,
        differences=differences,
        problems=problems,
    )


def predictions(rows: pd.DataFrame, task: Task) -> np.ndarray:
    """Return the logged predictions; NaN where an output is missing or no probability can be."""
    outputs = rows["outputs"].tolist() if "outputs" in rows.columns else [{}] * len(rows)
    return task.logged(rows["score"].to_numpy(dtype=np.float64), outputs)


def are_finite(prediction: np.ndarray) -> np.ndarray:
    """Return which rows have a prediction: all of its outputs are finite; bool, shape (n,)."""
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
            name: mean(lambda values=values: values)  # type: ignore[misc]
            for name, values in _outcomes(task, target).items()
        },
        "mean_score": mean(lambda: task.score(prediction)),
        "value_per_1000": lambda: _mean(_PER * gains(known, task), _blocks(known, width), level),
    }


def _outcomes(task: Task, target: np.ndarray) -> dict[str, np.ndarray]:
    """Return columns whose means describe the outcome, by the name of the figure."""
    shares = task.shares(target)
    return {"mean_outcome" if name == "mean" else f"{name}_rate": values for name, values in shares.items()}


def _mean(values: np.ndarray, block: np.ndarray, level: float, dependence: float | None = 0.0) -> Figure:
    """Return the mean with its interval, without one when all rows are of one block."""
    if np.unique(block).size == 1:
        return _single(float(np.mean(values)), level)
    return Figure.of(clustered_mean_interval(values, block, level, dependence))


def _metric(
    metric: Metric,
    target: np.ndarray,
    prediction: np.ndarray,
    block: np.ndarray,
    level: float,
    dependence: float | None = 0.0,
) -> Figure:
    if np.unique(block).size == 1:
        return _single(metric.value(target, prediction), level)
    return Figure.of(metric.interval(block, target, prediction, level, dependence))


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

    def mean(values: Callable[[], np.ndarray]) -> Figure:
        if not len(target):
            raise StatisticError("found no labelled row, expected some")
        return _mean(values(), _blocks(labelled, width), level)

    def since(name: str, values: Callable[[], np.ndarray]) -> Callable[[], Figure]:
        return lambda: _less(mean(values), champion.holdout[name])

    found = {
        "skill_lost": since("skill", lambda: _advantages(task, task.constant(target), target, prediction)),
        "loss_increase": since("loss", lambda: task.losses(target, prediction)),
        "against_constant": lambda: mean(lambda: _advantages(task, champion.constant, target, prediction)),
        **{
            name: lambda values=values: mean(lambda: values)  # type: ignore[misc]
            for name, values in beyond_promised(target, prediction, task).items()
        },
    }
    if _BEYOND in champion.holdout:  # not of a quantity, nor of older releases
        found["skill_lost_given_inputs"] = since(_BEYOND, lambda: _beyond_promise(task, target, prediction))
    return found


def _advantages(task: Task, constant: Sequence[float], target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return each row's loss less that of a constant prediction; below 0, the further the better."""
    return np.asarray(task.losses(target, prediction) - task.losses(target, task.repeated(constant, len(target))))


def _beyond_promise(task: Task, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return each row's part of the skill that is not what the predictions promise; of a quantity all of it."""
    skill = _advantages(task, task.constant(target), target, prediction)
    promised = promised_advantages(prediction, task)
    return skill if promised is None else skill - promised


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
        Decision times; they make the blocks of the intervals: weeks, and of less than four weeks days, whose
        dependence is estimated.
    level : float
        Of the intervals.

    Returns
    -------
    dict
        All metrics of the task and the shares of the outcomes; ``loss``, the one that counts, once more; and ``skill``:
        the loss less that of the rows' own best constant prediction, pair by pair. Of a model's loss most of the
        uncertainty is that of the outcome's level, which swings from week to week; the skill is free of it. Of
        probabilities also
        ``skill_beyond_promise``: the skill less what the predictions promise, which is free of the inputs.

    Raises
    ------
    StatisticError
        If there is no row, or a metric is not defined on these.
    """
    block, dependence = _holdout_blocks(times)
    figures = {
        name: _holdout_metric(metric, target, prediction, block, level, dependence)
        for name, metric in task.metrics.items()
    }
    figures |= {
        "loss": figures[task.loss],
        "skill": _mean(_advantages(task, task.constant(target), target, prediction), block, level, dependence),
    }
    figures |= {name: _mean(values, block, level, dependence) for name, values in _outcomes(task, target).items()}
    if promised_advantages(prediction, task) is not None:
        figures[_BEYOND] = _mean(_beyond_promise(task, target, prediction), block, level, dependence)
    return {name: figure.model_dump(mode="json") for name, figure in figures.items()}


def _holdout_metric(
    metric: Metric,
    target: np.ndarray,
    prediction: np.ndarray,
    block: np.ndarray,
    level: float,
    dependence: float | None,
) -> Figure:
    """Return a metric of the hold-out, bare where outcomes are too few for its interval: nothing then rests on it."""
    try:
        return _metric(metric, target, prediction, block, level, dependence)
    except StatisticError:
        return _single(metric.value(target, prediction), level)


def _holdout_blocks(times: np.ndarray) -> tuple[np.ndarray, float | None]:
    """Return the blocks of a hold-out and how much neighbours depend on one another, None to be estimated."""
    weeks = block_ids(times, WEEK)
    if np.unique(weeks).size >= _FEWEST_WEEKS:
        return weeks, 0.0
    return block_ids(times, DAY), None


def _less(window: Figure, holdout: Figure) -> Figure:
    """Return the difference of two independent figures; both of their uncertainties count.

    Raises
    ------
    StatisticError
        If the hold-out's is not known: taken for nothing, any window would differ from it.
    """
    if holdout.lower is None or holdout.upper is None:
        raise StatisticError("the hold-out is too short for an interval, so nothing can be held against it")
    estimate = window.estimate - holdout.estimate
    if window.lower is None or window.upper is None:
        return window.model_copy(update={"estimate": estimate})
    low, high = holdout.upper - holdout.estimate, holdout.estimate - holdout.lower
    return window.model_copy(
        update={
            "estimate": estimate,
            "lower": estimate - float(np.hypot(window.estimate - window.lower, low)),
            "upper": estimate + float(np.hypot(window.upper - window.estimate, high)),
        }
    )


def release_shares(rows: pd.DataFrame, task: Task) -> tuple[ReleaseShare, ...]:
    """Return what each release did in the window, by name."""
    shares = []
    for release, part in rows.groupby("release", sort=True):
        labelled = part[observed(part)]
        target, prediction = _arrays(labelled, task)
        sure = are_finite(prediction)
        decided = pd.Series(task.decisions(actions(part[are_finite(predictions(part, task))], task)))
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
