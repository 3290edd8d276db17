"""What every decision earned under a policy."""

from dataclasses import dataclass

import numpy as np

from model_lifecycle.backtest.production import Live, Production
from model_lifecycle.backtest.walk import Walk
from model_lifecycle.tasks import Task


@dataclass(frozen=True)
class Ledger:
    """Predictions, shape (n,) or (n, n_outputs), and what each decision gained, in the question's unit, shape (n,)."""

    prediction: np.ndarray
    gain: np.ndarray


def keep_ledger(walk: Walk, live: Live, production: Production, task: Task) -> Ledger:
    """Let each decision be answered by the release that was live then, and count what that gained.

    A capacity of the question is that of a whole day, whichever releases answered on it.
    """
    edges = [live.place(since) for since, _ in walk.timeline] + [len(live.times)]
    answers = [
        production.answer(release, slice(start, stop))
        for (_, release), start, stop in zip(walk.timeline, edges[:-1], edges[1:], strict=True)
        if stop > start
    ]
    action = np.concatenate([one.action for one in answers])
    done = task.done(action, live.times)
    return Ledger(np.concatenate([one.prediction for one in answers]), task.gains(live.target, live.unavailable, done))
