"""How well a score ranks positives above negatives."""

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import binary, both_classes, probabilities, same_length, vector
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
    ranks, rows, positives = _ranks(ranked), positive.size, int(np.count_nonzero(positive))
    negatives = rows - positives
    above = (ranks[positive] - _ranks(ranked[positive])) / negatives
    below = 1.0 - (ranks[~positive] - _ranks(ranked[~positive])) / positives
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


def class_auc_contributions(target: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Contribution of each row to the AUC of each class against the rest, weighted by how often the class occurs.

    A plain mean over the classes would let the few rows of a rare class decide, and be another figure wherever one
    does not occur.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        Numbers of classes, from 0 to n_classes - 1.
    probability : ndarray of shape (n_rows, n_classes)

    Returns
    -------
    ndarray of shape (n_rows,), float64
        ``A_y + sum_k p_k * (c_k - A_k)``, whose mean ``sum_k p_k * A_k``, in [0, 1], is the figure: p_k the share of
        class k, A_k its AUC against the rest, c_k the row's `auc_contributions` to it, y the row's own class. 0.5
        without any order; of two classes the AUC of either.

    Raises
    ------
    StatisticError
        If a value is not finite or only one class occurs.

    References
    ----------
    Provost and Domingos (2000), Well-trained PETs, CeDER working paper 00-04 (the figure);
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837-845 (contributions).

    Examples
    --------
    >>> probability = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6]])
    >>> class_auc_contributions(np.array([0, 1, 2]), probability).tolist()
    [1.0, 1.0, 1.0]
    """
    classes = np.unique(target)
    if classes.size < 2:
        raise StatisticError(
            f"class_auc_contributions: found {classes.size} classes in {target.size:,} rows; expected at least 2"
        )
    found = np.zeros(target.size)
    for label in classes:
        mine = target == label
        each = auc_contributions(mine.astype(np.float64), probability[:, int(label)])
        area = float(np.mean(each))
        found += area * mine + np.mean(mine) * (each - area)
    return found


def rank_correlation(target: np.ndarray, prediction: np.ndarray) -> float:
    """Spearman's rank correlation of a quantity with its prediction.

    Parameters
    ----------
    target, prediction : ndarray of shape (n_rows,)
        Finite.

    Returns
    -------
    float
        In [-1, 1]; 0 when all predictions are the same.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, or the target is the same on all rows.

    References
    ----------
    Spearman (1904), American Journal of Psychology 15, 72-101.

    Examples
    --------
    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]))
    0.5
    """
    happened = vector(target, "rank_correlation, target")
    predicted = vector(prediction, "rank_correlation, prediction")
    same_length("rank_correlation", target=happened, prediction=predicted)
    if np.ptp(happened) == 0:
        raise StatisticError(f"rank_correlation: found one value in {happened.size:,} rows; expected different ones")
    if np.ptp(predicted) == 0:
        return 0.0
    return float(np.corrcoef(_ranks(happened), _ranks(predicted))[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks from 1, ties at their mean."""
    from scipy.stats import rankdata  # takes a second to import, which commands that rank nothing need not wait for

    return np.asarray(rankdata(values))


def expected_auc(probability: np.ndarray) -> float | None:
    """Return the area under the ROC curve to expect of outcomes that happen as often as predicted.

    Parameters
    ----------
    probability : ndarray of shape (n,)
        In [0, 1].

    Returns
    -------
    float or None
        Expected pairs of a positive above a negative over expected pairs, ties counted half; None where no pair of
        different outcomes is to be expected.

    Raises
    ------
    StatisticError
        If there is no row, or a probability is outside [0, 1].

    References
    ----------
    The expectation of both counts of the Mann-Whitney U statistic over independent outcomes; an estimate before labels
    in the manner of NannyML's CBPE.

    Examples
    --------
    >>> expected_auc(np.array([0.0, 0.0, 1.0, 1.0]))
    1.0
    >>> expected_auc(np.array([0.3, 0.3]))
    0.5
    """
    chance = probabilities(probability, "expected_auc, probability")
    place = np.unique(chance, return_inverse=True)[1]
    positive = np.bincount(place, chance)
    negative = np.bincount(place, 1.0 - chance)
    both = np.bincount(place, chance * (1.0 - chance))  # a row is no pair with itself
    pairs = positive.sum() * negative.sum() - both.sum()
    if pairs <= 0.0:
        return None
    below = np.cumsum(negative) - negative
    return float(np.sum(positive * below + (positive * negative - both) / 2.0) / pairs)
