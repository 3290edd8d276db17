"""Which interval holds the truth as often as it says, at a given length and dependence: found by simulation."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import at_least, fraction
from model_lifecycle.statistics._methods import STRONGEST, Autoregression, Cosines, Method, Mixture

# From careful to narrow: dependence that lasts longer than neighbouring days show is paid for as far as that makes no
# interval too wide. Then what may cover short or very dependent series (docs/decisions/0008-intervals.md).
CANDIDATES: tuple[Method, ...] = (
    *(Mixture(independence) for independence in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)),
    *(Cosines(count) for count in (12, 8, 6, 4)),
    Mixture(0.2),
    Autoregression(),
)
WORLDS = 4_000  # a share of 95% has a standard error of a third of a point
_TOLERANCE = 0.4  # of what is left out: 93 to 97% for a nominal 95%
_TOO_WIDE = 0.3  # above 96.5%: half a point is kept for the noise of the estimated dependence
_GRID = 0.05  # the estimate of a month has a standard error three times as large
_ROUNDING = 1e-9
_LONGEST = 366  # a longer series is simulated as one of a year, which covers no better


@dataclass(frozen=True, slots=True)
class Choice:
    """A method and how often its intervals hold the truth.

    Attributes
    ----------
    method : Method
        The first candidate that covers 93 to 96.5% for a nominal 95%, else the one whose coverage is nearest.
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
        worlds are 4,000 stationary Gaussian autoregressions, drawn from a fixed seed; the answer is kept.

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
    ('mixture of dependences, 40% none', True)
    """
    at_least(n_blocks, 2, "choose, n_blocks")
    fraction(level, "choose, level")
    if not 0.0 <= dependence <= STRONGEST:
        raise StatisticError(f"choose, dependence: found {dependence}; expected 0 to {STRONGEST:g}")
    return _chosen(min(n_blocks, _LONGEST), round(round(dependence, 9) / _GRID), level)


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
    return coverage is not None and abs(coverage - level) <= _TOLERANCE * (1.0 - level) + _ROUNDING


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
    from scipy.signal import lfilter  # takes two seconds to import, and only a simulation asks for it

    shocks = rng.standard_normal((n_worlds, n_blocks))
    shocks[:, 1:] *= np.sqrt(1.0 - dependence**2)
    worlds: np.ndarray = lfilter([1.0], [1.0, -dependence], shocks, axis=1)
    return worlds


@lru_cache(maxsize=1024)
def _chosen(n_blocks: int, step: int, level: float) -> Choice:
    worlds = autoregressions(WORLDS, n_blocks, step * _GRID, np.random.default_rng(n_blocks))
    means = worlds.mean(axis=1)
    influence = worlds - means[:, np.newaxis]
    found: list[tuple[float, Choice]] = []
    for method in CANDIDATES:
        if n_blocks < method.fewest:
            continue
        held = method.holds(influence, np.abs(means), level, float(n_blocks))
        coverage = round(float(held.mean()), 3)
        if covers(coverage, level) and coverage <= level + _TOO_WIDE * (1.0 - level) + _ROUNDING:
            return Choice(method, coverage)
        found.append((abs(coverage - level), Choice(method, coverage)))
    return min(found, key=lambda one: one[0])[1]
