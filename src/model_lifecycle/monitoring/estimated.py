"""Performance before labels arrive, from the predicted probabilities alone, beside how far off it was so far.

An estimate takes the model at its word: it sees inputs that became harder, and never that the world has changed. So it
is shown beside its own error on the windows whose labels have come, and triggers nothing.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.performance import actions, predictions
from model_lifecycle.monitoring.promised import chances_of, expected_losses, outcomes_of
from model_lifecycle.monitoring.verdict import Estimated, WindowVerdict
from model_lifecycle.statistics.discrimination import expected_auc
from model_lifecycle.tasks import Task

_PER = 1000.0


def estimate_performance(rows: pd.DataFrame, champion: ChampionFacts, task: Task) -> dict[str, float]:
    """Estimate the figures of a window by the probabilities that the champion predicted.

    Parameters
    ----------
    rows : DataFrame
        Of `windows.rows_of`; labels are not looked at, and rows of other releases are left out.
    champion : ChampionFacts
        The release in production.
    task : Task
        One that predicts probabilities; a quantity has none, and no estimate.

    Returns
    -------
    dict of float
        The expected loss under its name, ``value_per_1000`` (as if every outcome were observed), and of a yes or no the
        expected ``auc``. Empty without a prediction or a probability.

    References
    ----------
    Garg, Balakrishnan, Lipton, Neyshabur and Sedghi (2022), Leveraging unlabeled data to predict out-of-distribution
    performance, ICLR (estimates from confidences, and where they must fail); the estimator is NannyML's CBPE.
    """
    mine = rows[rows["release"] == champion.release]
    prediction = predictions(mine, task)
    mine = mine[np.isfinite(prediction).all(axis=tuple(range(1, prediction.ndim)))]
    prediction = predictions(mine, task)
    chances = chances_of(prediction, task)
    if chances is None or not len(mine):
        return {}
    action, observed = actions(mine, task), np.zeros(len(mine), dtype=bool)
    times = mine["decision_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    done = task.done(action, times)
    outcomes = outcomes_of(chances)
    gains = np.stack([task.gains(outcome, observed, done) for outcome in outcomes], axis=1)
    found = {
        task.loss: float(np.mean(expected_losses(prediction, task))),
        "value_per_1000": _PER * float(np.mean(np.sum(chances * gains, axis=1))),
    }
    if prediction.ndim == 1 and (auc := expected_auc(prediction)) is not None:
        found["auc"] = auc
    return found


def with_past_errors(windows: Sequence[WindowVerdict]) -> tuple[WindowVerdict, ...]:
    """Put beside each window's estimates what was realised, and how far off those of the windows before it were.

    Parameters
    ----------
    windows : sequence of WindowVerdict
        The oldest first; ``estimated`` holds the estimates alone.
    """
    errors: dict[str, list[float]] = {}
    told: list[WindowVerdict] = []
    for window in windows:
        found: dict[str, Estimated] = {}
        for name, one in window.estimated.items():
            past = errors.setdefault(name, [])
            figure = window.performance.figures.get(name) if window.performance is not None else None
            found[name] = Estimated(
                estimate=one.estimate,
                realised=None if figure is None else figure.estimate,
                past_error=float(np.mean(past)) if past else None,
                past_windows=len(past),
            )
            if figure is not None and not window.blocked():
                past.append(abs(one.estimate - figure.estimate))
        told.append(window.model_copy(update={"estimated": found}))
    return tuple(told)
