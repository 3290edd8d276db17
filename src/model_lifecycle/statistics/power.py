"""How small a gain a window of a given length can still show."""

import numpy as np
from scipy.special import stdtrit

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import at_least, fraction, same_length, vector
from model_lifecycle.statistics.dependence import effective_blocks, serial_dependence


def minimum_detectable_mean(
    values: np.ndarray, block: np.ndarray, n_blocks: int, level: float = 0.95, power: float = 0.8
) -> float:
    """Smallest mean that a two-sided t test over future blocks tells from zero with the given power.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Past values that vary as the future ones will, such as the gain of a decision in its own unit.
    block : ndarray of shape (n_rows,)
        Block of each row (`block_ids`); at least 2 blocks.
    n_blocks : int
        Blocks of the future window, at least 2; neighbours depend on one another as those of the past do.
    level : float
        Of the test, in (0, 1).
    power : float
        In (0, 1).

    Returns
    -------
    float
        ``(t_{(1 + level) / 2} + t_power) * s / sqrt(g)``, in the unit of `values`, with s the standard deviation of
        the past block means, g what the future blocks are worth (`effective_blocks`) and t of ``g - 1`` degrees of
        freedom.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, or there are fewer than 2 blocks, past or future.

    References
    ----------
    Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, ch. 2; Bloom (1995), Evaluation Review 19,
    547-556, for the sum of the two quantiles.

    Examples
    --------
    >>> values, block = np.array([1.0, 3.0, 2.0, 4.0]), np.array([0, 1, 2, 3])
    >>> round(minimum_detectable_mean(values, block, n_blocks=4), 3)
    2.686
    """
    found = vector(values, "minimum_detectable_mean, values")
    same_length("minimum_detectable_mean", values=found, block=block)
    at_least(n_blocks, 2, "minimum_detectable_mean, n_blocks")
    fraction(level, "minimum_detectable_mean, level")
    fraction(power, "minimum_detectable_mean, power")
    _, position = np.unique(block, return_inverse=True)
    counts = np.bincount(position)
    if counts.size < 2:
        raise StatisticError(f"minimum_detectable_mean, block: found {counts.size} block; expected at least 2")
    means = np.bincount(position, weights=found) / counts
    worth = effective_blocks(n_blocks, serial_dependence(means))
    quantiles = stdtrit(max(worth - 1.0, 1.0), [(1 + level) / 2, power])
    return float(quantiles.sum() * means.std(ddof=1) / np.sqrt(worth))
