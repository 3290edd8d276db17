"""How well a score ranks positives above negatives."""

import numpy as np
from scipy.stats import rankdata

from model_lifecycle.statistics._checks import binary, both_classes, same_length, vector
from model_lifecycle.statistics._ranking import descending_ties


def _hits(target: np.ndarray, score: np.ndarray, statistic: str) -> tuple[np.ndarray, np.ndarray]:
    """Count true and false positives at each distinct score, from the highest down."""
    positive = binary(target, f"{statistic}, target")
    ranked = vector(score, f"{statistic}, score")
    same_length(statistic, target=positive, score=ranked)
    both_classes(positive, f"{statistic}, target")
    order, last = descending_ties(ranked)
    true_positives = np.cumsum(positive[order], dtype=np.int64)[last]
    return true_positives, last + 1 - true_positives


def roc_auc(target: np.ndarray, score: np.ndarray) -> float:
    """Area under the receiver operating characteristic.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        0 or 1; both must occur.
    score : ndarray of shape (n_rows,)
        Finite; higher means more likely positive.

    Returns
    -------
    float
        ``P(s+ > s-) + P(s+ = s-) / 2`` over all pairs of a positive and a negative row, in [0, 1]; 0.5 is chance.
        Counted in integers, so it does not depend on the order of the rows.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, or a class is absent.

    References
    ----------
    Hanley and McNeil (1982), Radiology 143, 29-36.

    Examples
    --------
    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    true_positives, false_positives = _hits(target, score, "roc_auc")
    new_false = np.diff(false_positives, prepend=0)
    above = np.concatenate(([0], true_positives[:-1]))
    twice_won = int(np.sum(new_false * (above + true_positives)))
    return twice_won / (2 * int(true_positives[-1]) * int(false_positives[-1]))


def auc_contributions(target: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Contribution of each row to the area under the receiver operating characteristic, which is their mean.

    So the interval of an AUC, and of the difference of two on the same rows, is that of a mean.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        0 or 1; both must occur.
    score : ndarray of shape (n_rows,)
        Finite; higher means more likely positive.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        ``A + (v - A) * n / m``: A the area, v the row's placement (the share of rows of the other class that it is
        ranked rightly against, ties by half), m the rows of its own class and n all of them.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, or a class is absent.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837-845.

    Examples
    --------
    >>> auc_contributions(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])).tolist()
    [1.25, 0.25, 0.25, 1.25]
    """
    positive = binary(target, "auc_contributions, target")
    ranked = vector(score, "auc_contributions, score")
    same_length("auc_contributions", target=positive, score=ranked)
    both_classes(positive, "auc_contributions, target")
    ranks, rows, positives = rankdata(ranked), positive.size, int(np.count_nonzero(positive))
    negatives = rows - positives
    above = (ranks[positive] - rankdata(ranked[positive])) / negatives
    below = 1.0 - (ranks[~positive] - rankdata(ranked[~positive])) / positives
    area = roc_auc(positive, ranked)
    contributions = np.empty(rows)
    contributions[positive] = area + (above - area) * (rows / positives)
    contributions[~positive] = area + (below - area) * (rows / negatives)
    return contributions


def average_precision(target: np.ndarray, score: np.ndarray) -> float:
    """Average precision: the area under the precision-recall steps.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        0 or 1; both must occur.
    score : ndarray of shape (n_rows,)
        Finite; higher means more likely positive.

    Returns
    -------
    float
        ``sum((R_k - R_(k-1)) * P_k)`` over the distinct scores from the highest down, in (0, 1]; a score without
        information has the share of positives.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, or a class is absent.

    References
    ----------
    Manning, Raghavan and Schuetze (2008), Introduction to Information Retrieval, ch. 8.4.

    Examples
    --------
    >>> round(average_precision(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])), 4)
    0.8333
    """
    true_positives, false_positives = _hits(target, score, "average_precision")
    precision = true_positives / (true_positives + false_positives)
    recalled = np.diff(true_positives, prepend=0)
    return float(np.sum(recalled * precision) / true_positives[-1])
