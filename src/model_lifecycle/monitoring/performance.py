"""How well the decisions of a window turned out, against the hold-out and against the base rate."""

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

import numpy as np
import pandas as pd

from model_lifecycle.contracts.business_question import ValueMatrix
from model_lifecycle.errors import StatisticError
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.verdict import Figure, Performance, ReleaseShare
from model_lifecycle.monitoring.windows import observed, unavailable
from model_lifecycle.statistics.blocks import DAY, WEEK, block_ids
from model_lifecycle.statistics.discrimination import roc_auc
from model_lifecycle.statistics.intervals import clustered_mean_interval, jackknife_interval
from model_lifecycle.statistics.proper_scores import log_loss, log_losses, squared_errors

# Weeks are nearly independent, days are not; a window of less than four weeks has too few weeks for an interval.
_FEWEST_WEEKS = 4
_PER = 1000.0


def judge_performance(
    rows: pd.DataFrame, champion: ChampionFacts, value: ValueMatrix, window: timedelta, level: float = 0.95
) -> Performance:
    """Judge the champion's own decisions of a window.

    Parameters
    ----------
    rows : DataFrame
        Of `windows.rows_of`; rows of other releases are left out.
    champion : ChampionFacts
        The hold-out figures that the window is held against.
    value : ValueMatrix
        What acting gains for each outcome, the unavailable ones included.
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
    mine = rows[(rows["release"] == champion.release) & np.isfinite(rows["score"].to_numpy(dtype=np.float64))]
    block: Literal["day", "week"] = "week" if window >= _FEWEST_WEEKS * WEEK else "day"
    width = WEEK if block == "week" else DAY
    figures, differences, problems = {}, {}, {}
    for name, compute in _figures(mine, value, width, level).items():
        try:
            figures[name] = compute()
        except StatisticError as error:
            problems[name] = str(error)
    for name, difference in _differences(mine, champion, width, level).items():
        try:
            differences[name] = difference()
        except StatisticError as error:
            problems[name] = str(error)
    return Performance(
        release=champion.release,
        rows=len(mine),
        block=block,
        figures=figures,
        differences=differences,
        problems=problems,
    )


def _arrays(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return rows["value"].to_numpy(dtype=np.float64), rows["score"].to_numpy(dtype=np.float64)


def _blocks(rows: pd.DataFrame, width: timedelta) -> np.ndarray:
    return block_ids(rows["decision_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]"), width)


def _figures(mine: pd.DataFrame, value: ValueMatrix, width: timedelta, level: float) -> dict[str, Callable[[], Figure]]:
    labelled = mine[observed(mine)]
    target, score = _arrays(labelled)
    known = mine[observed(mine) | unavailable(mine)]

    def mean(values: Callable[[], np.ndarray]) -> Callable[[], Figure]:
        return lambda: _mean(values(), _blocks(labelled, width), level)

    return {
        "log_loss": mean(lambda: log_losses(target, score)),
        "brier": mean(lambda: squared_errors(target, score)),
        "positive_rate": mean(lambda: target),
        "mean_score": mean(lambda: score),
        "auc": lambda: _auc(target, score, _blocks(labelled, width), level),
        "value_per_1000": lambda: _mean(_PER * gains(known, value), _blocks(known, width), level),
    }


def _mean(values: np.ndarray, block: np.ndarray, level: float) -> Figure:
    """Return the mean with its interval, without one when all rows are of one block."""
    if np.unique(block).size == 1:
        return _single(float(np.mean(values)), level)
    return Figure.of(clustered_mean_interval(values, block, level, autocorrelation=0.0))


def _auc(target: np.ndarray, score: np.ndarray, block: np.ndarray, level: float) -> Figure:
    if np.unique(block).size == 1:
        return _single(roc_auc(target, score), level)
    return Figure.of(jackknife_interval(roc_auc, block, target, score, level=level, autocorrelation=0.0))


def _single(estimate: float, level: float) -> Figure:
    return Figure(estimate=estimate, lower=None, upper=None, level=level, n_blocks=1)


def gains(rows: pd.DataFrame, value: ValueMatrix) -> np.ndarray:
    """Return what each decision gained over leaving, in the question's unit: 0 where nothing was done.

    Parameters
    ----------
    rows : DataFrame
        Decisions with an outcome, observed or unavailable.
    """
    outcome = value.gains(rows["value"].to_numpy(dtype=np.float64), unavailable(rows))
    return np.asarray(np.where(acted(rows), outcome, 0.0), dtype=np.float64)


def acted(rows: pd.DataFrame) -> np.ndarray:
    """Return on which rows the release said to act, as bool."""
    return np.asarray((rows["score"] >= rows["threshold"]).to_numpy(), dtype=bool)


def _differences(
    mine: pd.DataFrame, champion: ChampionFacts, width: timedelta, level: float
) -> dict[str, Callable[[], Figure]]:
    labelled = mine[observed(mine)]
    target, score = _arrays(labelled)

    def block() -> np.ndarray:
        return _blocks(labelled, width)

    def increase() -> Figure:
        return _less(_mean(log_losses(target, score), block(), level), champion.holdout["log_loss"])

    return {
        "skill_lost": lambda: _less(_skill(target, score, block(), level), champion.holdout["skill"]),
        "log_loss_increase": increase,
        "against_base_rate": lambda: _against(champion.base_rate, target, score, block(), level),
    }


def _against(rate: float, target: np.ndarray, score: np.ndarray, block: np.ndarray, level: float) -> Figure:
    losses, constant = log_losses(target, score), log_losses(target, np.full(target.size, rate))
    return _mean(losses - constant, block, level)


def _skill(target: np.ndarray, score: np.ndarray, block: np.ndarray, level: float) -> Figure:
    """Return log loss less that of the rows' own share of positives; below 0, the further the better."""
    rate = float(np.mean(target)) if target.size else 0.5  # without a row the losses say so themselves
    return _against(rate, target, score, block, level)


def holdout_figures(
    target: np.ndarray, score: np.ndarray, times: np.ndarray, level: float = 0.95
) -> dict[str, dict[str, object]]:
    """Return the figures of the hold-out that live windows are held against, as JSON for `ChampionFacts.holdout`.

    Parameters
    ----------
    target : ndarray of shape (n,)
        0 or 1, of the labelled hold-out rows.
    score : ndarray of float64, shape (n,)
        The release's probabilities.
    times : ndarray of datetime64, shape (n,)
        Decision times; they make the weekly blocks of the intervals.
    level : float
        Of the intervals.

    Returns
    -------
    dict
        log_loss, brier, auc and ``skill``: log loss less that of always predicting the rows' own share of positives,
        pair by pair. Of a model's log loss most of the uncertainty is that of the base rate, which swings from week
        to week; the skill is free of it.

    Raises
    ------
    StatisticError
        If there is no row, or one class only.
    """
    block = block_ids(times, WEEK)
    figures = {
        "log_loss": _mean(log_losses(target, score), block, level),
        "brier": _mean(squared_errors(target, score), block, level),
        "auc": _auc(target, score, block, level),
        "skill": _skill(target, score, block, level),
    }
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


def release_shares(rows: pd.DataFrame) -> tuple[ReleaseShare, ...]:
    """Return what each release did in the window, by name."""
    shares = []
    for release, part in rows.groupby("release", sort=True):
        labelled = part[observed(part)]
        loss: float | None
        try:
            loss = log_loss(*_arrays(labelled))
        except StatisticError:
            loss = None
        shares.append(
            ReleaseShare(
                release=str(release),
                decisions=len(part),
                observed=len(labelled),
                acted=int(acted(part).sum()),
                log_loss=loss,
            )
        )
    return tuple(shares)
