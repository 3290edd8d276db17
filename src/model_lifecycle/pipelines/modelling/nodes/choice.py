"""From out-of-fold predictions to a choice: calibration, threshold, and the challenger's family."""

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.base import Contract
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.modelling import ModellingSpec
from model_lifecycle.contracts.trials import Trial
from model_lifecycle.errors import ModelError, StatisticError
from model_lifecycle.features.folds import decision_times, observed_rows, unavailable_rows
from model_lifecycle.features.tables import outputs_of
from model_lifecycle.models.calibration import Calibration, Method
from model_lifecycle.pipelines.modelling.nodes.search import FOLD
from model_lifecycle.pipelines.modelling.nodes.trials import loss_of
from model_lifecycle.reporting.evidence import LeaderboardRow
from model_lifecycle.reporting.figures.leaderboard import leaderboard_figure
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.dependence import pooled_dependence
from model_lifecycle.statistics.intervals import clustered_mean_interval, paired_difference_interval
from model_lifecycle.tasks import Task, task_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_log = logging.getLogger(__name__)
_ONE_STANDARD_ERROR = 0.6827  # the level of an interval of one standard error to each side


class Choice(Contract):
    """What is settled about one candidate before it is fitted on everything before the test window."""

    family: str
    role: Literal["baseline", "candidate"]
    parameters: dict[str, float | int | str | bool]
    calibration: Calibration
    threshold: float | None


class Choices(Contract):
    """All candidates and the one that becomes the challenger."""

    challenger: str
    candidates: dict[str, Choice]

    def only_challenger(self) -> "Choices":
        """Return these without the other candidates."""
        return Choices(challenger=self.challenger, candidates={self.challenger: self.candidates[self.challenger]})


def choose(
    trials: list[Trial],
    out_of_fold: pd.DataFrame,
    train: pd.DataFrame,
    modelling: ModellingSpec,
    question: BusinessQuestion,
) -> tuple[Choices, list[LeaderboardRow]]:
    """Choose parameters, calibration and threshold of every candidate on the folds, and the best candidate.

    The calibration is the method that does best on the last fold when fitted on the earlier ones; with one fold there
    is no such evidence and the simplest is taken. A threshold, where the task has one, maximises the gain over all rows
    with a settled outcome, unavailable ones included. The challenger has the lowest mean loss over the folds among the
    candidates, or is the first one listed within a standard error of that; a baseline is never the challenger, and a
    trial that was pruned or failed is never chosen.
    """
    rows = train.iloc[out_of_fold.index.to_numpy()]
    task = task_of(question)
    settled = (rows[model_input.OUTCOME] != model_input.PENDING).to_numpy(dtype=bool)
    outcome = rows[model_input.TARGET].to_numpy(dtype=np.float64)[settled], unavailable_rows(rows)[settled]
    times = decision_times(rows)[settled]
    candidates: dict[str, Choice] = {}
    leaderboard: list[LeaderboardRow] = []
    for name, spec in modelling.candidates.items():
        mine = [trial for trial in trials if trial["candidate"] == name]
        best = min(mine, key=loss_of)
        raw = outputs_of(out_of_fold, name)
        calibration = _calibrate(modelling, task, raw, rows, out_of_fold[FOLD].to_numpy())
        prediction = calibration.apply(raw)
        threshold = task.threshold(prediction[settled], *outcome, times)
        done = task.done(task.actions(prediction[settled], threshold), times)
        value = task.gains(*outcome, done).mean() * 1000
        candidates[name] = Choice(
            family=spec.family,
            role=spec.role,
            parameters=best["parameters"],
            calibration=calibration,
            threshold=threshold,
        )
        ranking = _ranking(task, prediction, rows, out_of_fold[FOLD].to_numpy())
        row = _leaderboard_row(name, candidates[name], ranking, float(value), mine, best)
        row["days"], row["dependence"] = _dependence(task, prediction, rows, out_of_fold[FOLD].to_numpy())
        leaderboard.append(row)
    ranked = [row for row in leaderboard if row["role"] == "candidate"]
    challenger = min(ranked, key=lambda row: row["loss"])["model"]
    if modelling.one_standard_error:
        listed = [name for name, spec in modelling.candidates.items() if spec.role == "candidate"]
        challenger = _first_within_one_standard_error(challenger, listed, task, out_of_fold, rows)
    for row in leaderboard:
        row["chosen"] = row["model"] == challenger
    leaderboard.sort(key=lambda row: row["loss"])
    return Choices(challenger=challenger, candidates=candidates), leaderboard


def draw_leaderboard(leaderboard: list[LeaderboardRow], question: BusinessQuestion) -> "Figure":
    """Draw the candidates under the name of the question's loss."""
    return leaderboard_figure(leaderboard, task_of(question).loss)


def _first_within_one_standard_error(
    best: str, listed: list[str], task: Task, out_of_fold: pd.DataFrame, rows: pd.DataFrame
) -> str:
    """Return the first of the candidates whose loss over the best's may be nothing, as far as its standard error tells.

    The difference is paired row by row over all folds, its error that of dependent days. With too few days to tell
    the best stays (Breiman et al., Classification and Regression Trees, 1984, section 3.4.3).
    """
    observed = observed_rows(rows)
    target = rows[model_input.TARGET].to_numpy(dtype=np.float64)[observed]
    days = block_ids(rows[model_input.DECISION_TIME].dt.tz_localize(None).to_numpy()[observed], DAY)
    least = task.raw_losses(target, outputs_of(out_of_fold, best)[observed])
    for name in listed[: listed.index(best)]:
        losses = task.raw_losses(target, outputs_of(out_of_fold, name)[observed])
        try:
            difference = paired_difference_interval(losses, least, days, _ONE_STANDARD_ERROR)
        except StatisticError as error:
            _log.info("%s is not compared with %s: %s", name, best, error)
            continue
        if difference.lower <= 0:
            _log.info("%s lies %.4f above %s, within a standard error", name, difference.estimate, best)
            return name
    return best


def _calibrate(
    modelling: ModellingSpec, task: Task, raw: np.ndarray, rows: pd.DataFrame, fold: np.ndarray
) -> Calibration:
    observed, methods = observed_rows(rows), [one for one in task.calibrations if one in modelling.calibrations]
    target, last = rows[model_input.TARGET].to_numpy(dtype=np.float64), fold == fold.max()
    earlier, later = observed & ~last, observed & last
    if len(methods) > 1 and earlier.any() and np.ptp(raw[earlier], axis=0).any():
        losses = {
            method: float(task.losses(target[later], fitted.apply(raw[later])).mean())
            for method in methods
            if (fitted := _fitted(task, method, raw[earlier], target[earlier])) is not None
        }
        methods = sorted(losses, key=lambda name: losses[name])
    simplest = task.calibrations[0]
    return _fitted(task, (methods or [simplest])[0], raw[observed], target[observed]) or task.fit_calibration(
        simplest, raw[observed], target[observed]
    )


def _fitted(task: Task, method: Method, raw: np.ndarray, target: np.ndarray) -> Calibration | None:
    """Fit the method, None where it is refused: scores that rank the wrong way round are left for the gates to stop."""
    try:
        return task.fit_calibration(method, raw, target)
    except (ModelError, StatisticError) as error:
        _log.info("calibration %s is not applied: %s", method, error)
        return None


def _dependence(task: Task, prediction: np.ndarray, rows: pd.DataFrame, fold: np.ndarray) -> tuple[int, float]:
    """Return the days of the folds and the autocorrelation of their losses, each fold by itself."""
    observed = observed_rows(rows)
    losses = task.losses(rows[model_input.TARGET].to_numpy(dtype=np.float64)[observed], prediction[observed])
    times = rows[model_input.DECISION_TIME].dt.tz_localize(None).to_numpy()[observed]
    found: list[tuple[int, float]] = []
    for number in np.unique(fold[observed]):
        within = fold[observed] == number
        with suppress(StatisticError):  # a fold of one day tells nothing
            interval = clustered_mean_interval(losses[within], block_ids(times[within], DAY))
            found.append((interval.n_blocks, interval.dependence))
    return sum(days for days, _ in found), pooled_dependence(found)


def _ranking(task: Task, prediction: np.ndarray, rows: pd.DataFrame, fold: np.ndarray) -> float:
    """Return how well the rows of each fold are ordered, on average over the observed rows.

    Each fold has its own model, whose level is not that of the others: across folds even constants would order rows.
    Folds whose outcomes are all alike tell nothing; if all are so, the rows of all folds are ordered together.
    """
    observed, metric = observed_rows(rows), task.metrics[task.ranking]
    target = rows[model_input.TARGET].to_numpy(dtype=np.float64)
    found: list[tuple[float, int]] = []
    for number in np.unique(fold[observed]):
        within = observed & (fold == number)
        with suppress(StatisticError):
            found.append((metric.value(target[within], prediction[within]), int(within.sum())))
    if not found:
        return metric.value(target[observed], prediction[observed])
    values, weights = zip(*found, strict=True)
    return float(np.average(values, weights=weights))


def _leaderboard_row(
    name: str,
    choice: Choice,
    ranking: float,
    value: float,
    tried: list[Trial],
    best: Trial,
) -> LeaderboardRow:
    return {
        "model": name,
        "family": choice.family,
        "role": choice.role,
        "calibration": choice.calibration.method,
        "loss": float(np.mean(best["loss"])),
        "loss_by_fold": best["loss"],
        "ranking": ranking,
        "value_per_1000": value,
        "trials": len(tried),
        "pruned": sum(trial["state"] == "pruned" for trial in tried),
        "failed": sum(trial["state"] == "failed" for trial in tried),
        "seconds": float(sum(trial["seconds"] for trial in tried)),
        "one_row_microseconds": best["one_row_microseconds"],
        "size_bytes": best["size_bytes"],
        "chosen": False,
        "parameters": choice.parameters,
    }
