"""Proper scores of a probability: whoever minimises them says what they believe."""

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import outcomes_and_probabilities, probabilities, require, vector

# The smallest probability that an outcome is held to have had, so that one certain mistake costs 36 nats, not infinity.
_SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)


def log_losses(target: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Log loss of each row.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        0 or 1.
    probability : ndarray of shape (n_rows,)
        Of 1, in [0, 1].

    Returns
    -------
    ndarray of shape (n_rows,), float64
        ``-ln(p)`` where the target is 1 and ``-ln(1 - p)`` where it is 0, in nats; at most 36.04, since the
        probability of what happened is taken as 2.2e-16 at the least.

    Raises
    ------
    StatisticError
        If the lengths differ, there is no row, a target is not 0 or 1, or a probability is NaN or outside [0, 1].

    References
    ----------
    Good (1952), Journal of the Royal Statistical Society B 14, 107-114.

    Examples
    --------
    >>> log_losses(np.array([1, 0]), np.array([0.5, 0.2])).round(4)
    array([0.6931, 0.2231])
    """
    positive, predicted = outcomes_and_probabilities(target, probability, "log_losses")
    happened = np.where(positive, predicted, 1.0 - predicted)
    losses: np.ndarray = 0.0 - np.log(np.maximum(happened, _SMALLEST_PROBABILITY))
    return losses


def squared_errors(target: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Squared error of each row's probability.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        0 or 1.
    probability : ndarray of shape (n_rows,)
        Of 1, in [0, 1].

    Returns
    -------
    ndarray of shape (n_rows,), float64
        ``(p - y) ** 2``, in [0, 1].

    Raises
    ------
    StatisticError
        If the lengths differ, there is no row, a target is not 0 or 1, or a probability is NaN or outside [0, 1].

    References
    ----------
    Brier (1950), Monthly Weather Review 78, 1-3.

    Examples
    --------
    >>> squared_errors(np.array([1, 0]), np.array([0.5, 0.2])).round(4)
    array([0.25, 0.04])
    """
    positive, predicted = outcomes_and_probabilities(target, probability, "squared_errors")
    errors: np.ndarray = (predicted - positive) ** 2
    return errors


def class_log_losses(target: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Log loss of each row of a target with several classes.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        Numbers of classes, from 0 to n_classes - 1.
    probability : ndarray of shape (n_rows, n_classes)
        Each in [0, 1].

    Returns
    -------
    ndarray of shape (n_rows,), float64
        ``-ln`` of the probability of the class that happened, in nats, at most 36.04 as in `log_losses`.

    Raises
    ------
    StatisticError
        If the lengths differ, there is no row, a target is no such number, or a probability lies outside [0, 1].

    References
    ----------
    Good (1952), Journal of the Royal Statistical Society B 14, 107-114.

    Examples
    --------
    >>> class_log_losses(np.array([0, 2]), np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])).round(4)
    array([0.6931, 0.5108])
    """
    happened, predicted = _checked_classes(target, probability, "class_log_losses")
    found: np.ndarray = 0.0 - np.log(np.maximum(predicted[happened], _SMALLEST_PROBABILITY))
    return found


def class_squared_errors(target: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Squared error of each row, summed over the classes: the Brier score's first form.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        Numbers of classes, from 0 to n_classes - 1.
    probability : ndarray of shape (n_rows, n_classes)
        Each in [0, 1].

    Returns
    -------
    ndarray of shape (n_rows,), float64
        In [0, 2].

    Raises
    ------
    StatisticError
        As `class_log_losses`.

    References
    ----------
    Brier (1950), Monthly Weather Review 78, 1-3.

    Examples
    --------
    >>> class_squared_errors(np.array([0]), np.array([[0.5, 0.3, 0.2]])).round(4)
    array([0.38])
    """
    happened, predicted = _checked_classes(target, probability, "class_squared_errors")
    found: np.ndarray = np.sum((predicted - happened) ** 2, axis=1)
    return found


def _checked_classes(target: np.ndarray, probability: np.ndarray, statistic: str) -> tuple[np.ndarray, np.ndarray]:
    """Return which class happened, bool, and the probabilities, both of shape (n_rows, n_classes)."""
    numbers = vector(target, f"{statistic}, target")
    predicted = np.asarray(probability, dtype=np.float64)
    if predicted.ndim != 2 or len(predicted) != len(numbers):
        raise StatisticError(f"{statistic}: found probabilities of shape {predicted.shape} for {len(numbers):,} rows")
    probabilities(predicted.ravel(), f"{statistic}, probability")
    happened: np.ndarray = numbers[:, None] == np.arange(predicted.shape[1])
    require(
        np.asarray(~happened.any(axis=1)), f"{statistic}, target", "of no class", f"numbers below {predicted.shape[1]}"
    )
    return happened, predicted
