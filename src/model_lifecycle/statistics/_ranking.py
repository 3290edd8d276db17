"""Rows in descending order of score, with equal scores kept together."""

import numpy as np


def descending_ties(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order rows by descending score and mark where each group of equal scores ends.

    Parameters
    ----------
    score : ndarray of shape (n_rows,), float64
        Finite.

    Returns
    -------
    order : ndarray of shape (n_rows,), int64
        Row positions by descending score.
    last : ndarray of shape (n_distinct,), int64
        Position within `order` of the last row of each group.

    Examples
    --------
    >>> descending_ties(np.array([0.2, 0.9, 0.2]))[1]
    array([0, 2])
    """
    order = np.argsort(score, kind="stable")[::-1]
    changes = np.flatnonzero(np.diff(score[order]))
    return order, np.append(changes, score.size - 1)
