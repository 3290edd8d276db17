"""What is left of probabilities once each block of time has a level of its own."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from model_lifecycle.statistics._blocked import block_sizes
from model_lifecycle.statistics._checks import binary, probabilities, same_length

_STEPS = 10
_PRIOR = 1.0  # of a block's level and of the slope: a block of one class alone has no level of its own otherwise
_NEAREST = 1e-6  # to 0 and 1 that a probability may come
_LONGEST = 1.0  # step of the slope: scores that part the classes would throw it anywhere


@dataclass(frozen=True, slots=True)
class WithinBlock:
    """Events beside probabilities that were recalibrated within blocks; all of shape (n_rows,).

    Attributes
    ----------
    residual : ndarray
        Event less probability, less what the whole block is off: sums to 0 in every block.
    weight : ndarray
        Variance of the event, ``p * (1 - p)``.
    margin : ndarray
        The recalibrated log-odds without the level of the block.
    """

    residual: np.ndarray
    weight: np.ndarray
    margin: np.ndarray


def recalibrate_within(event: np.ndarray, probability: np.ndarray, block: np.ndarray) -> WithinBlock:
    """Recalibrate probabilities with one slope, and a level for each block.

    Takes out what concerns all rows alike: predictions that are too sure or too timid everywhere, and days on which
    more happens, or less, than anybody knew. What is left tells rows of the same block apart.

    Parameters
    ----------
    event : ndarray of shape (n_rows,)
        0 or 1.
    probability : ndarray of shape (n_rows,)
        Promised for the event, in [0, 1].
    block : ndarray of shape (n_rows,)
        Block of each row (`block_ids`).

    Returns
    -------
    WithinBlock
        Of ``logit(p) = slope * logit(probability) + level of the block``, fitted by Newton's method with weak priors
        of a slope of 1 and levels of 0.

    Raises
    ------
    StatisticError
        If the lengths differ, an event is neither 0 nor 1, or a probability lies outside [0, 1].

    References
    ----------
    Cox (1958), Biometrika 45, 562-565, for the recalibration; Neuhaus and Kalbfleisch (1998), Biometrics 54, 638-645,
    on slopes within and between clusters.

    Examples
    --------
    >>> found = recalibrate_within(np.array([1, 0, 0, 1, 1, 0]), np.full(6, 0.2), np.array([0, 0, 0, 1, 1, 1]))
    >>> found.residual.round(2).tolist()
    [0.67, -0.33, -0.33, 0.33, 0.33, -0.67]
    """
    where = "recalibrate_within"
    happened = binary(event, f"{where}, event").astype(np.float64)
    promised = probabilities(probability, f"{where}, probability")
    same_length(where, event=happened, probability=promised, block=block)
    position, sizes = block_sizes(block, where)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(position, values, minlength=sizes.size)

    def off_and_weight() -> tuple[np.ndarray, np.ndarray]:
        expected = np.clip(expit(slope * margin + levels[position]), _NEAREST, 1.0 - _NEAREST)
        return happened - expected, expected * (1.0 - expected)

    margin = logit(np.clip(promised, _NEAREST, 1.0 - _NEAREST))
    slope, levels = 1.0, np.zeros(sizes.size)
    for _ in range(_STEPS):
        off, weight = off_and_weight()
        of_block, leaning = total(weight), total(weight * margin)
        inside = margin - (leaning / of_block)[position]
        step = (off @ inside - _PRIOR * (slope - 1.0)) / ((weight * inside) @ inside + _PRIOR)
        step = float(np.clip(step, -_LONGEST, _LONGEST))
        slope += step
        levels += (total(off) - step * leaning - _PRIOR * levels) / (of_block + _PRIOR)
    off, weight = off_and_weight()
    residual = off - weight * (total(off) / total(weight))[position]
    return WithinBlock(residual, weight, slope * margin)
