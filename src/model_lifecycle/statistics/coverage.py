"""Which interval holds the truth as often as it says, at a given length and dependence: found by simulation."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.signal import lfilter

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import at_least, fraction
from model_lifecycle.statistics._methods import STRONGEST, Autoregression, Cosines, Method

# In the order of preference: from narrow to wide where each of them covers. More cosines than 12 would be 10% narrower
# at the very most, and trust the autoregression more where dependence lasts longer (docs/decisions/0008-intervals.md).
CANDIDATES: tuple[Method, ...] = (Cosines(12), Cosines(8), Cosines(6), Cosines(4), Autoregression())
WORLDS = 10_000  # a share of 95% has a standard error of 0.2 points
_TOLERANCE = 0.4  # of what is left out: 93 to 97% for a nominal 95%
_GRID = 0.05  # the estimate of a month has a standard error three times as large
_LONGEST = 366  # a longer series is simulated as one of a year, whose coverage is the lower


@dataclass(frozen=True, slots=True)
class Choice:
    """A method and how often its intervals hold the truth.

    Attributes
    ----------
    method : Method
        The first candidate that covers as often as it says; the one that covers most where none does.
    coverage : float, optional
        Share of the simulated worlds whose interval holds the truth, rounded to a tenth of a percent; none where
        nothing was simulated.
    """

    method: Method
    coverage: float | None


def choose(n_blocks: int, dependence: float, level: float) -> Choice:
    """Choose the interval of a mean by its coverage in simulated worlds of this length and dependence.

    Parameters
    ----------
    n_blocks : int
        Blocks of time in a row, at least 2.
    dependence : float
        First-order autocorrelation, 0 to 0.95 (`serial_dependence`); taken to the nearest 0.05.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    Choice
        Every candidate estimates the dependence of each world anew, so its coverage counts the noise of that. The
        worlds are 10,000 stationary Gaussian autoregressions, drawn from a fixed seed; the answer is kept.

    Raises
    ------
    StatisticError
        If there are fewer than 2 blocks, `dependence` is not between 0 and 0.95, or `level` is not in (0, 1).

    References
    ----------
    Mueller (2014), Journal of Business and Economic Statistics 32, 311-322, on intervals judged by their coverage under
    strong dependence.

    Examples
    --------
    >>> found = choose(30, 0.5, 0.95)
    >>> found.method.name, 0.93 <= found.coverage <= 0.97
    ('12 prewhitened cosines', True)
    """
    at_least(n_blocks, 2, "choose, n_blocks")
    fraction(level, "choose, level")
    if not 0.0 <= dependence <= STRONGEST:
        raise StatisticError(f"choose, dependence: found {dependence}; expected 0 to {STRONGEST:g}")
    return _chosen(min(n_blocks, _LONGEST), round(dependence / _GRID), level)


def covers(coverage: float | None, level: float) -> bool:
    """Tell whether an interval of that simulated coverage can be taken at its word: 93 to 97% for a nominal 95%.

    Parameters
    ----------
    coverage : float, optional
        Share of the simulated worlds whose interval holds the truth; none, where nothing was simulated, does not do.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    bool
        Whether the two differ by no more than 0.4 times what the level leaves out.

    Raises
    ------
    StatisticError
        If `level` is not in (0, 1).

    References
    ----------
    docs/decisions/0008-intervals.md

    Examples
    --------
    >>> covers(0.93, 0.95), covers(0.929, 0.95), covers(0.98, 0.95)
    (True, False, False)
    """
    fraction(level, "covers, level")
    return coverage is not None and abs(coverage - level) <= _TOLERANCE * (1.0 - level) + 1e-9


def autoregressions(n_worlds: int, n_blocks: int, dependence: float, rng: np.random.Generator) -> np.ndarray:
    """Draw stationary Gaussian autoregressions of first order with mean 0 and variance 1.

    Parameters
    ----------
    n_worlds, n_blocks : int
        How many, and how long.
    dependence : float
        First-order autocorrelation, in (-1, 1).
    rng : Generator
        The source of chance.

    Returns
    -------
    ndarray of shape (n_worlds, n_blocks), float64

    Raises
    ------
    StatisticError
        If there is no world or block, or `dependence` is not in (-1, 1).

    References
    ----------
    Box and Jenkins (1970), Time Series Analysis, ch. 3.2.

    Examples
    --------
    >>> autoregressions(3, 30, 0.5, np.random.default_rng(0)).shape
    (3, 30)
    """
    at_least(n_worlds, 1, "autoregressions, n_worlds")
    at_least(n_blocks, 1, "autoregressions, n_blocks")
    if not -1.0 < dependence < 1.0:
        raise StatisticError(f"autoregressions, dependence: found {dependence}; expected between -1 and 1")
    shocks = rng.standard_normal((n_worlds, n_blocks))
    shocks[:, 1:] *= np.sqrt(1.0 - dependence**2)
    worlds: np.ndarray = lfilter([1.0], [1.0, -dependence], shocks, axis=1)
    return worlds


@lru_cache(maxsize=1024)
def _chosen(n_blocks: int, step: int, level: float) -> Choice:
    worlds = autoregressions(WORLDS, n_blocks, step * _GRID, np.random.default_rng(n_blocks))
    means = worlds.mean(axis=1)
    influence = worlds - means[:, np.newaxis]
    found: list[tuple[float, Method]] = []
    for method in CANDIDATES:
        if n_blocks < method.fewest:
            continue
        held = np.abs(means) <= method.half_widths(influence, level, float(n_blocks))
        found.append((round(float(held.mean()), 3), method))
        if covers(found[-1][0], level):
            break
    return _best(found, level)


def _best(found: list[tuple[float, Method]], level: float) -> Choice:
    """Return the one that covers, or the one that covers most."""
    coverage, method = max(found, key=lambda one: (covers(one[0], level), one[0]))
    return Choice(method, coverage)
