"""What a release remembers of its errors on the hold-out: losses by day and score, to tell what changed since."""

import numpy as np
from pydantic import Field, FiniteFloat

from model_lifecycle.contracts.base import Contract
from model_lifecycle.monitoring.promised import expected_losses
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.loss_change import ReferenceLosses, reference_losses
from model_lifecycle.tasks import Task

_RANGE = (0.005, 0.995)  # of the losses beyond what the predictions promised; the stream of errors is cut there


class HoldoutErrors(Contract):
    """Sums of the hold-out's losses by day and stratum of the score, and the range of what a row adds to them."""

    edges: tuple[FiniteFloat, ...]
    rows: tuple[tuple[int, ...], ...]
    losses: tuple[tuple[FiniteFloat, ...], ...]
    expected: tuple[tuple[FiniteFloat, ...], ...]
    lowest: FiniteFloat = Field(description="of 99% of the rows, loss less what the predictions promise")
    highest: FiniteFloat

    def reference(self) -> ReferenceLosses:
        """Return the sums as arrays."""
        return ReferenceLosses(
            np.array(self.edges), np.array(self.rows), np.array(self.losses), np.array(self.expected)
        )


def holdout_errors(
    task: Task, target: np.ndarray, prediction: np.ndarray, times: np.ndarray
) -> dict[str, object] | None:
    """Return what to remember of the errors on the hold-out, as JSON for `ChampionFacts.errors`.

    Parameters
    ----------
    task, target, prediction, times
        As for `performance.holdout_figures`.

    Returns
    -------
    dict or None
        None where the hold-out is of one day: how days differ is not known then, and no change can be told.
    """
    day = block_ids(times, DAY)
    if np.unique(day).size == 1:
        return None
    losses, expected = task.losses(target, prediction), expected_losses(prediction, task)
    found = reference_losses(task.score(prediction), losses, expected, day)
    lowest, highest = np.quantile(losses - expected, _RANGE)
    return {
        "edges": found.edges.tolist(),
        "rows": found.rows.tolist(),
        "losses": found.losses.tolist(),
        "expected": found.expected.tolist(),
        "lowest": float(lowest),
        "highest": float(highest),
    }
