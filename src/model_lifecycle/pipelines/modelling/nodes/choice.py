"""From out-of-fold predictions to a choice: calibration, threshold, and the challenger's family."""

import logging
from typing import Literal

import numpy as np
import pandas as pd

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.base import Contract
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.modelling import ModellingSpec
from model_lifecycle.contracts.trials import Trial
from model_lifecycle.errors import ModelError, StatisticError
from model_lifecycle.features.folds import gain_of_acting
from model_lifecycle.models.calibration import Calibration, fit_calibration
from model_lifecycle.pipelines.modelling.nodes.search import FOLD
from model_lifecycle.pipelines.modelling.nodes.trials import loss_of
from model_lifecycle.reporting.evidence import LeaderboardRow
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.discrimination import roc_auc
from model_lifecycle.statistics.intervals import paired_difference_interval
from model_lifecycle.statistics.proper_scores import brier_score, log_loss, log_losses
from model_lifecycle.statistics.value import best_threshold

_log = logging.getLogger(__name__)
NEVER = 2.0  # a threshold that no probability reaches
_ONE_STANDARD_ERROR = 0.6827  # the level of an interval of one standard error to each side


class Choice(Contract):
    """What is settled about one candidate before it is fitted on everything before the test window."""

    family: str
    role: Literal["baseline", "candidate"]
    parameters: dict[str, float | int | str | bool]
    calibration: Calibration
    threshold: float


class Choices(Contract):
    """All candidates and the one that becomes the challenger."""

    challenger: str
    candidates: dict[str, Choice]


def choose(
    trials: list[Trial],
    out_of_fold: pd.DataFrame,
    train: pd.DataFrame,
    modelling: ModellingSpec,
    question: BusinessQuestion,
) -> tuple[Choices, list[LeaderboardRow]]:
    """Choose parameters, calibration and threshold of every candidate on the folds, and the best candidate.

    The calibration is the method that does best on the last fold when fitted on the earlier ones; with one fold there
    is no such evidence and none is applied. The threshold maximises the gain over all rows with a settled outcome,
    unavailable ones included. The challenger has the lowest mean log loss over the folds among the candidates, or is
    the first one listed within a standard error of that; a baseline is never the challenger, and a trial that
    was pruned or failed is never chosen.
    """
    rows = train.iloc[out_of_fold.index.to_numpy()]
    gain = gain_of_acting(rows, question)
    candidates: dict[str, Choice] = {}
    leaderboard: list[LeaderboardRow] = []
    for name, spec in modelling.candidates.items():
        mine = [trial for trial in trials if trial["candidate"] == name]
        best = min(mine, key=loss_of)
        raw = out_of_fold[name].to_numpy()
        calibration = _calibrate(modelling, raw, rows, out_of_fold[FOLD].to_numpy())
        score, settled = calibration.apply(raw), np.isfinite(gain)
        found = best_threshold(score[settled], gain[settled])
        threshold = found.threshold if np.isfinite(found.threshold) else NEVER
        candidates[name] = Choice(
            family=spec.family,
            role=spec.role,
            parameters=best["parameters"],
            calibration=calibration,
            threshold=threshold,
        )
        leaderboard.append(
            _leaderboard_row(name, candidates[name], raw, rows, found.value / settled.sum() * 1000, mine, best)
        )
    ranked = [row for row in leaderboard if row["role"] == "candidate"]
    challenger = min(ranked, key=lambda row: row["log_loss"])["model"]
    if modelling.one_standard_error:
        listed = [name for name, spec in modelling.candidates.items() if spec.role == "candidate"]
        challenger = _first_within_one_standard_error(challenger, listed, out_of_fold, rows)
    for row in leaderboard:
        row["chosen"] = row["model"] == challenger
    leaderboard.sort(key=lambda row: row["log_loss"])
    return Choices(challenger=challenger, candidates=candidates), leaderboard


def _first_within_one_standard_error(
    best: str, listed: list[str], out_of_fold: pd.DataFrame, rows: pd.DataFrame
) -> str:
    """Return the first of the candidates whose loss over the best's may be nothing, as far as its standard error tells.

    The difference is paired row by row over all folds, its error that of dependent days. With too few days to tell
    the best stays (Breiman et al., Classification and Regression Trees, 1984, section 3.4.3).
    """
    observed = (rows[model_input.OUTCOME] == model_input.OBSERVED).to_numpy(dtype=bool)
    target = rows[model_input.TARGET].to_numpy(dtype=np.float64)[observed]
    days = block_ids(rows[model_input.DECISION_TIME].dt.tz_localize(None).to_numpy()[observed], DAY)
    least = log_losses(target, out_of_fold[best].to_numpy()[observed])
    for name in listed[: listed.index(best)]:
        losses = log_losses(target, out_of_fold[name].to_numpy()[observed])
        try:
            difference = paired_difference_interval(losses, least, days, _ONE_STANDARD_ERROR)
        except StatisticError as error:
            _log.info("%s is not compared with %s: %s", name, best, error)
            continue
        if difference.lower <= 0:
            _log.info("%s lies %.4f above %s, within a standard error", name, difference.estimate, best)
            return name
    return best


def _calibrate(modelling: ModellingSpec, raw: np.ndarray, rows: pd.DataFrame, fold: np.ndarray) -> Calibration:
    observed = (rows[model_input.OUTCOME] == model_input.OBSERVED).to_numpy(dtype=bool)
    target, last = rows[model_input.TARGET].to_numpy(), fold == fold.max()
    earlier, later = observed & ~last, observed & last
    if not earlier.any() or np.ptp(raw[earlier]) == 0:
        return Calibration()
    losses = {
        method: log_loss(target[later], fitted.apply(raw[later]))
        for method in modelling.calibrations
        if (fitted := _fitted(method, raw[earlier], target[earlier])) is not None
    }
    if not losses:
        return Calibration()
    method = min(losses, key=lambda name: losses[name])
    return _fitted(method, raw[observed], target[observed]) or Calibration()


def _fitted(method: Literal["none", "sigmoid"], raw: np.ndarray, target: np.ndarray) -> Calibration | None:
    """Fit the method, None where it is refused: scores that rank the wrong way round are left for the gates to stop."""
    try:
        return fit_calibration(method, raw, target)
    except (ModelError, StatisticError) as error:
        _log.info("calibration %s is not applied: %s", method, error)
        return None


def _leaderboard_row(
    name: str, choice: Choice, raw: np.ndarray, rows: pd.DataFrame, value: float, tried: list[Trial], best: Trial
) -> LeaderboardRow:
    observed = (rows[model_input.OUTCOME] == model_input.OBSERVED).to_numpy(dtype=bool)
    target, score = rows[model_input.TARGET].to_numpy()[observed], raw[observed]
    return {
        "model": name,
        "family": choice.family,
        "role": choice.role,
        "calibration": choice.calibration.method,
        "log_loss": float(np.mean(best["log_loss"])),
        "auc": roc_auc(target, score),
        "brier": brier_score(target, score),
        "value_per_1000": float(value),
        "trials": len(tried),
        "pruned": sum(trial["state"] == "pruned" for trial in tried),
        "failed": sum(trial["state"] == "failed" for trial in tried),
        "seconds": float(sum(trial["seconds"] for trial in tried)),
        "one_row_microseconds": best["one_row_microseconds"],
        "size_bytes": best["size_bytes"],
        "chosen": False,
        "parameters": choice.parameters,
    }
