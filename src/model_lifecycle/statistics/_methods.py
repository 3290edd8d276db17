"""Ways to put an interval around the mean of a series of blocks of time whose neighbours depend on one another.

Each works on many series at once, so that the same code makes the interval of a case and is tried on simulated worlds.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from scipy.special import stdtrit

STRONGEST = 0.95  # an autocorrelation beyond it would leave a month worth less than one block
# Kendall's correction removes the bias of the estimate; as much again pays for its noise.
_CAREFUL = 2.0


class Method(Protocol):
    """A way to put an interval around the mean of a series."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def fewest(self) -> int:
        """The shortest series it works on."""
        ...

    def half_widths(self, series: np.ndarray, level: float, equal: float) -> np.ndarray:
        """Return half the width of each row's interval.

        Parameters
        ----------
        series : ndarray of shape (n_series, n_blocks)
            What each block adds to a figure, in the order of time.
        level : float
            Nominal coverage, in (0, 1).
        equal : float
            Blocks of equal size that these are worth, at most `n_blocks`: what limits the degrees of freedom.

        Returns
        -------
        ndarray of shape (n_series,), float64
            In the unit of the series.
        """
        ...


@dataclass(frozen=True, slots=True)
class Cosines:
    """The slowest cosines of what an autoregression leaves over: equal-weighted cosine variance, prewhitened.

    The residuals ``x_t - rho * x_(t-1)``, with a careful estimate of rho, hold little dependence, but what they hold at
    low frequencies is no first-order autoregression. The mean square of their ``count`` slowest cosine transforms,
    over ``(1 - rho)^2``, estimates the variance of the mean whatever the shape of the dependence, and is as good as
    ``count`` independent squares: Student's t has that many degrees of freedom.

    References
    ----------
    Lazarus, Lewis, Stock and Watson (2018), Journal of Business and Economic Statistics 36, 541-559, for the cosines;
    Andrews and Monahan (1992), Econometrica 60, 953-966, for the prewhitening.
    """

    count: int

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.count} prewhitened cosines"

    @property
    def fewest(self) -> int:
        """Twice the cosines and one block: faster ones tell nothing of the mean."""
        return 2 * self.count + 1

    def half_widths(self, series: np.ndarray, level: float, equal: float) -> np.ndarray:
        """Return half the width of each row's interval."""
        n_blocks = series.shape[1]
        rho = autocorrelations(series, _CAREFUL)[:, np.newaxis]
        centred = series - series.mean(axis=1, keepdims=True)
        slow = (centred[:, 1:] - rho * centred[:, :-1]) @ _cosines(n_blocks - 1, self.count)
        errors = np.sqrt(np.mean(slow**2, axis=1) / n_blocks) / (1.0 - rho[:, 0])
        widths: np.ndarray = stdtrit(min(self.count, max(equal - 1.0, 1.0)), (1.0 + level) / 2.0) * errors
        return widths


@dataclass(frozen=True, slots=True)
class Autoregression:
    """Student's t over the blocks that these are worth under a first-order autoregression.

    ``t * sqrt(v / (1 - 1 / g) / g)``: v the variance of the series, g what the blocks are worth at the estimated
    autocorrelation, or a given one, and t of ``g * equal / n - 1`` degrees of freedom, 1 at the least.

    References
    ----------
    Bayley and Hammersley (1946), Supplement to the Journal of the Royal Statistical Society 8, 184-197; Bell and
    McCaffrey (2002), Survey Methodology 28, 169-181, for blocks of different sizes.
    """

    given: float | None = None

    @property
    def name(self) -> str:
        """What reports call it."""
        return "autoregression" if self.given is None else f"given autocorrelation {self.given:g}"

    @property
    def fewest(self) -> int:
        """Two blocks, which have a spread."""
        return 2

    def half_widths(self, series: np.ndarray, level: float, equal: float) -> np.ndarray:
        """Return half the width of each row's interval."""
        n_blocks = series.shape[1]
        rho = autocorrelations(series, _CAREFUL) if self.given is None else np.array([self.given])
        worth = np.maximum(n_blocks * (1.0 - rho) / (1.0 + rho), min(n_blocks, 2.0))
        errors = np.sqrt(np.mean(series**2, axis=1) / (1.0 - 1.0 / worth) / worth)
        freedom = np.maximum(worth * equal / n_blocks - 1.0, 1.0)
        widths: np.ndarray = stdtrit(freedom, (1.0 + level) / 2.0) * errors
        return widths


def autocorrelations(series: np.ndarray, correction: float) -> np.ndarray:
    """Return the corrected first-order autocorrelation of each row.

    Parameters
    ----------
    series : ndarray of shape (n_series, n_blocks)
        Finite; at least 2 blocks.
    correction : float
        How many times Kendall's correction is added; 1 removes the bias.

    Returns
    -------
    ndarray of shape (n_series,), float64
        Between 0 and 0.95; 0 for a constant row.

    Examples
    --------
    >>> autocorrelations(np.array([[0.0, 1.0, 2.0, 3.0], [5.0, 5.0, 5.0, 5.0]]), 0.0)
    array([0.25, 0.  ])
    """
    centred = series - series.mean(axis=1, keepdims=True)
    spread = np.einsum("ij,ij->i", centred, centred)
    lagged = np.einsum("ij,ij->i", centred[:, 1:], centred[:, :-1])
    varies = spread > 0.0
    found = np.divide(lagged, spread, out=np.zeros_like(spread), where=varies)
    corrected = found + correction * (1.0 + 3.0 * found) / series.shape[1]
    limited: np.ndarray = np.where(varies, np.clip(corrected, 0.0, STRONGEST), 0.0)
    return limited


@lru_cache(maxsize=256)
def _cosines(length: int, count: int) -> np.ndarray:
    """Return the slowest cosines of unit length, shape (length, count); each sums to zero."""
    times, speeds = np.arange(length) + 0.5, np.arange(1, count + 1)
    return np.asarray(np.sqrt(2.0 / length) * np.cos(np.pi * np.outer(times, speeds) / length))
