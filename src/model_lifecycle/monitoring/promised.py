"""What predictions promise: the probability of each outcome, and the loss to expect of them."""

import numpy as np

from model_lifecycle.tasks import Task


def expected_losses(prediction: np.ndarray, task: Task) -> np.ndarray:
    """Return the loss that each row's own prediction promises, shape (n,); 0 of a quantity, which promises none."""
    chances = chances_of(prediction, task)
    if chances is None:
        return np.zeros(len(prediction))
    losses = np.stack([task.losses(outcome, prediction) for outcome in outcomes_of(chances)], axis=1)
    return np.asarray(np.sum(chances * losses, axis=1))


def outcomes_of(chances: np.ndarray) -> list[np.ndarray]:
    """Return, for each outcome, a target on which every row has it."""
    return [np.full(len(chances), float(number)) for number in range(chances.shape[1])]


def chances_of(prediction: np.ndarray, task: Task) -> np.ndarray | None:
    """Return the probability of each outcome, shape (n, n_outcomes); None for a quantity."""
    if task.objective.kind == "binary":
        return np.column_stack((1.0 - prediction, prediction))
    return prediction if task.objective.kind == "multiclass" else None
