"""Ways to put an interval around the mean of a series of blocks of time whose neighbours depend on one another.

Each works on many series at once, so that the same code makes the interval of a case and is tried on simulated worlds.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from scipy.fft import dct
from scipy.special import stdtr, stdtrit

STRONGEST = 0.95  # an autocorrelation beyond it would leave a month worth less than one block
# Kendall's correction removes the bias of the estimate; as much again pays for its noise.
_CAREFUL = 2.0
_PERSISTENCE = (0.2, 0.4, 0.6, 0.8, 0.9)  # autocorrelations that a mixture thinks of
_NOISE = (0.0, 0.25, 0.5, 0.75)  # and the share of noise above them
_HALVINGS = 45  # down to the last bits of a float


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

    def holds(self, series: np.ndarray, distances: np.ndarray, level: float, equal: float) -> np.ndarray:
        """Tell of each row whether its interval reaches that far from its middle; bool, shape (n_series,)."""
        held: np.ndarray = distances <= self.half_widths(series, level, equal)
        return held


@dataclass(frozen=True, slots=True)
class Mixture(Method):
    """Student's t, mixed over every dependence that the blocks themselves leave likely.

    Blocks are independent, or follow an autoregression of first order beneath more or less noise. How likely each of
    these is, ``w_k``, follows from the blocks (restricted Whittle likelihood of their cosine transforms, times the
    prior), and so does the standard error ``s_k`` of the mean under it. Half the width is the h with
    ``sum(w_k * P(|t| <= h / s_k)) = level``: what the blocks do not tell about their dependence is paid for, rather
    than estimated away.

    Attributes
    ----------
    independence : float
        Prior probability that blocks are independent, in (0, 1); the rest is shared equally by 20 dependences, of
        autocorrelation 0.2 to 0.9 beneath 0 to 75% of noise. The lower, the wider.

    References
    ----------
    Harville (1974), Biometrika 61, 383-385, for the restricted likelihood; Whittle (1953), Arkiv foer Matematik 2,
    423-434; Hoeting, Madigan, Raftery and Volinsky (1999), Statistical Science 14, 382-417, for the mixture.
    """

    independence: float

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"mixture of dependences, {self.independence:.0%} none"

    @property
    def fewest(self) -> int:
        """Three blocks: two say nothing of their dependence."""
        return 3

    def half_widths(self, series: np.ndarray, level: float, equal: float) -> np.ndarray:
        """Return half the width of each row's interval, by bisection between the narrowest and the widest."""
        weights, errors, freedom = self._likely(series, equal)
        outermost = stdtrit(freedom, (1.0 + level) / 2.0)
        low, high = outermost * errors.min(axis=1), outermost * errors.max(axis=1)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            short = _reached(weights, errors, freedom, middle) < level
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        return np.asarray(high)

    def holds(self, series: np.ndarray, distances: np.ndarray, level: float, equal: float) -> np.ndarray:
        """Tell of each row whether its interval reaches that far, without the bisection."""
        weights, errors, freedom = self._likely(series, equal)
        return np.asarray(_reached(weights, errors, freedom, distances) <= level)

    def _likely(self, series: np.ndarray, equal: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the weight and the standard error of each dependence, a row a series, and the degrees of freedom."""
        n_blocks = series.shape[1]
        spectra, variances = _dependences(n_blocks)
        squares = _cosines(series) ** 2 @ (1.0 / spectra).T
        varies = squares[:, :1] > 0.0
        logs = np.log(squares, out=np.zeros_like(squares), where=varies)
        prior = np.full(len(spectra), np.log((1.0 - self.independence) / (len(spectra) - 1)))
        prior[0] = np.log(self.independence)
        likely = prior - np.log(spectra).sum(axis=1) / 2.0 - (n_blocks - 1) / 2.0 * logs
        weights = np.exp(likely - likely.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        errors = np.sqrt(squares / (n_blocks - 1) * variances)
        return weights, errors, min(n_blocks - 1.0, max(equal - 1.0, 1.0))


def _reached(weights: np.ndarray, errors: np.ndarray, freedom: float, distances: np.ndarray) -> np.ndarray:
    """Return the level of the interval that ends at each distance."""
    far = distances[:, np.newaxis] / np.maximum(errors, np.finfo(np.float64).tiny)  # blocks all alike: 0 of 0 is 0
    return np.asarray(np.einsum("ij,ij->i", weights, 2.0 * stdtr(freedom, far) - 1.0))


@lru_cache(maxsize=256)
def _dependences(n_blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the spectrum of each dependence at the cosines, and the variance of the mean, both of unit variance."""
    speeds, lags = np.pi * np.arange(1, n_blocks) / n_blocks, np.arange(1, n_blocks)
    spectra, variances = [np.ones(n_blocks - 1)], [1.0 / n_blocks]
    for rho in _PERSISTENCE:
        for noise in _NOISE:
            lasting = (1.0 - rho**2) / (1.0 - 2.0 * rho * np.cos(speeds) + rho**2)
            spectra.append((1.0 - noise) * lasting + noise)
            together = 2.0 * np.sum((1.0 - lags / n_blocks) * rho**lags)
            variances.append((1.0 + (1.0 - noise) * together) / n_blocks)
    return np.array(spectra), np.array(variances)


@dataclass(frozen=True, slots=True)
class Cosines(Method):
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
        slow = _cosines(centred[:, 1:] - rho * centred[:, :-1])[:, : self.count]
        errors = np.sqrt(np.mean(slow**2, axis=1) / n_blocks) / (1.0 - rho[:, 0])
        widths: np.ndarray = stdtrit(min(self.count, max(equal - 1.0, 1.0)), (1.0 + level) / 2.0) * errors
        return widths


@dataclass(frozen=True, slots=True)
class Autoregression(Method):
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


def _cosines(series: np.ndarray) -> np.ndarray:
    """Return the orthonormal cosine transforms of each row from the slowest on, without the constant one."""
    return np.asarray(dct(series, type=2, norm="ortho", axis=1)[:, 1:])
