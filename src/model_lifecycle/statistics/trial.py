"""The mean difference of a few days on trial, at one of several looks at them."""

import numpy as np
from scipy.special import stdtrit

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._blocked import block_sizes, equal_blocks
from model_lifecycle.statistics._checks import at_least, fraction, same_length, vector
from model_lifecycle.statistics.dependence import effective_blocks, serial_dependence
from model_lifecycle.statistics.intervals import Interval

FEWEST_DAYS = 3
ASSUMED = 0.3  # autocorrelation of days: fewer than eight cannot tell their own
_TELL_THEIR_OWN = 8
_LAST = 0.8  # of the error goes to the last look, the rest to the looks before it, which find what is far off


def trial_interval(
    difference: np.ndarray, day: np.ndarray, planned: int, *, last: bool, level: float = 0.95
) -> Interval:
    """Interval of a mean difference over the days so far of a trial that is looked at once a day.

    Parameters
    ----------
    difference : ndarray of shape (n_rows,)
        Finite, such as a candidate's loss less the champion's on each decision.
    day : ndarray of shape (n_rows,), int64
        Whole day of the trial of each row; at least 3 days.
    planned : int
        Days of the whole trial.
    last : bool
        Whether it is the last look, which has four fifths of the error. The looks before it, from the third day on,
        share the rest equally.
    level : float
        Nominal coverage of all looks together, in (0, 1).

    Returns
    -------
    Interval
        Around the mean, ``t * sqrt(v / (g - 1))`` to each side: v the variance of what the n days add, g what they are
        worth, ``n * (1 - rho) / (1 + rho)``, 2 at the least, and t of n - 1 degrees of freedom (fewer where the days
        have unequal rows). rho is 0.3, or from eight days on what these show, if it is more.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, there are fewer than 3 days or planned days, or `level` is not in
        (0, 1).

    References
    ----------
    docs/decisions/0050-a-week-on-trial.md, for how often it is wrong; Bayley and Hammersley (1946), Supplement to the
    Journal of the Royal Statistical Society 8, 184-197; O'Brien and Fleming (1979), Biometrics 35, 549-556, for looks
    of which the last one counts most.

    Examples
    --------
    >>> losses = np.array([0.04, 0.06, 0.05, 0.07, 0.03, 0.05, 0.05])
    >>> found = trial_interval(losses, np.arange(7), planned=7, last=True)
    >>> round(found.estimate, 4), round(found.lower, 4), round(found.level, 2)
    (0.05, 0.0312, 0.96)
    """
    name = "trial_interval"
    numbers = vector(difference, f"{name}, difference")
    same_length(name, difference=numbers, day=day)
    at_least(planned, FEWEST_DAYS, f"{name}, planned")
    position, sizes = block_sizes(day, name)
    if sizes.size < FEWEST_DAYS:
        raise StatisticError(f"{name}, day: found {sizes.size} whole days; expected at least {FEWEST_DAYS}")
    share = _LAST if last else (1.0 - _LAST) / max(planned - FEWEST_DAYS, 1)
    now = 1.0 - (1.0 - fraction(level, f"{name}, level")) * share
    estimate, days = float(np.mean(numbers)), int(sizes.size)
    influence = (days - 1) * np.bincount(position, numbers - estimate) / (sizes.sum() - sizes)
    own = serial_dependence(influence) if days >= _TELL_THEIR_OWN else 0.0
    dependence = max(ASSUMED, own)
    worth = effective_blocks(days, dependence)
    freedom = max(equal_blocks(sizes) - 1.0, 1.0)
    half = float(stdtrit(freedom, (1.0 + now) / 2.0) * np.sqrt(np.mean(influence**2) / (worth - 1.0)))
    return Interval(
        estimate, estimate - half, estimate + half, now, days, worth, "a look at a trial", dependence=dependence
    )
