"""What predictions promise: the probability of each outcome, and the loss to expect of them."""

import numpy as np

from model_lifecycle.tasks import Task

BEYOND_PROMISE = "_beyond_promise"
"""Ends the name of what a class's share is beyond the promised one."""


def expected_losses(prediction: np.ndarray, task: Task) -> np.ndarray:
    """Return the loss that each row's own prediction promises, shape (n,); 0 of a quantity, which promises none."""
    chances = chances_of(prediction, task)
    return np.zeros(len(prediction)) if chances is None else _expected(chances, prediction, task)


def promised_advantages(prediction: np.ndarray, task: Task) -> np.ndarray | None:
    """Return the loss that each row's prediction promises less that of their mean for all rows; None of a quantity.

    The mean of it is the skill that inputs such as these offer, if the model is right.

    Parameters
    ----------
    prediction : ndarray of float64, shape (n,) or (n, n_classes)
        At least one row.
    task : Task
        Of the question.

    Returns
    -------
    ndarray of float64, shape (n,), or None
        In the unit of the loss; its mean is at most 0.
    """
    chances = chances_of(prediction, task)
    if chances is None:
        return None
    constant = task.repeated(np.atleast_1d(prediction.mean(axis=0)).tolist(), len(prediction))
    return np.asarray(_expected(chances, prediction, task) - _expected(chances, constant, task))


def _expected(chances: np.ndarray, prediction: np.ndarray, task: Task) -> np.ndarray:
    losses = np.stack([task.losses(outcome, prediction) for outcome in outcomes_of(chances)], axis=1)
    return np.asarray(np.sum(chances * losses, axis=1))


def beyond_promised(target: np.ndarray, prediction: np.ndarray, task: Task) -> dict[str, np.ndarray]:
    """Return what predictions promise and do not keep, by name; empty for a yes or no.

    A quantity's plan is a quantile: at most so many outcomes lie below it, and at most the rest above it. Many outcomes
    that are alike, such as claims of 0, lie on the plan and on neither side. The mean of each array is the share of
    outcomes on that side, or outside the interval, less the share that was promised; it is at most 0 while promises are
    kept. Of classes, it is the share of each less its mean probability, about 0 while promises are kept.

    Parameters
    ----------
    target : ndarray of float64, shape (n,)
        Observed.
    prediction : ndarray of float64, shape (n, n_outputs)
        As `tasks.Task` says.
    task : Task
        Of the question.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        ``below_plan``, ``above_plan`` and ``outside_interval``, or ``<class>_beyond_promise``, each between -1 and 1.
    """
    if task.objective.kind == "multiclass":
        promises = task.promises(target, prediction)
        return {f"{name}{BEYOND_PROMISE}": one.event - one.probability for name, one in promises.items()}
    if task.objective.kind != "quantile":
        return {}
    plan, quantile = task.score(prediction), task.objective.quantile
    return {
        "below_plan": (target < plan) - quantile,
        "above_plan": (target > plan) - (1.0 - quantile),
        "outside_interval": -task.in_the_large(target, prediction),
    }


def outcomes_of(chances: np.ndarray) -> list[np.ndarray]:
    """Return, for each outcome, a target on which every row has it."""
    return [np.full(len(chances), float(number)) for number in range(chances.shape[1])]


def chances_of(prediction: np.ndarray, task: Task) -> np.ndarray | None:
    """Return the probability of each outcome, shape (n, n_outcomes); None for a quantity."""
    if task.objective.kind == "binary":
        return np.column_stack((1.0 - prediction, prediction))
    return prediction if task.objective.kind == "multiclass" else None
