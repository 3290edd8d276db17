"""What thresholds are worth where a day has capacity for so many actions."""

import numpy as np

from model_lifecycle.contracts.value import Calendar

_STEPS = 201  # thresholds that are tried, at shares of the rows that are equally far apart
_TAIL, _TAIL_STEPS = 0.1, 300  # and more among the highest scores, down to one row: where a small capacity is spent


def limited_curve(
    score: np.ndarray, gain: np.ndarray, calendar: Calendar, acts: np.ndarray | bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return thresholds, and the value per decision of what a day has capacity for from each on.

    Parameters
    ----------
    score, gain : ndarray of float64, shape (n,)
        What is held against the threshold, and what acting gains.
    calendar : Calendar
        The days of these rows.
    acts : ndarray of bool, shape (n,), or True
        Rows whose action takes capacity; the others are left, whatever their score.

    Returns
    -------
    threshold, value : ndarray of float64, shape (n_tried,)
        From the highest threshold down; every one is reached by some row.
    """
    rarest = np.geomspace(min(1.0 / len(score), _TAIL), _TAIL, _TAIL_STEPS)
    shares = np.concatenate((np.linspace(0.0, 1.0, _STEPS), rarest))
    tried = np.unique(np.quantile(score, 1.0 - shares))[::-1]
    wanted = (((score >= one) & acts).astype(np.float64) for one in tried)
    return tried, np.array([(gain * calendar.done(one, 0.0)).mean() for one in wanted])
