"""An AUC as a mean, so that its interval is that of a mean."""

import numpy as np
from scipy.stats import rankdata

from model_lifecycle.statistics._checks import binary, both_classes, same_length, vector
from model_lifecycle.statistics.discrimination import roc_auc


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
