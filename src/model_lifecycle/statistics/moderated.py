"""Variances of many comparisons, each from few blocks, that borrow strength from one another."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import vector

_MOST = 200.0  # degrees of freedom that all the others together may lend to one


@dataclass(frozen=True, slots=True)
class Moderated:
    """Variances drawn towards what is usual: ``variance`` of shape (n,), with ``freedom`` degrees of freedom each."""

    variance: np.ndarray
    freedom: float


def moderated_variances(variance: np.ndarray, freedom: float) -> Moderated:
    """Draw each of many variances towards the usual one, as far as they differ by no more than chance.

    Parameters
    ----------
    variance : ndarray of shape (n,)
        Finite and at least 0, of comparable size; those of 0 stay out of the estimate.
    freedom : float
        Degrees of freedom that each rests on, above 0.

    Returns
    -------
    Moderated
        ``(d0 * s0 + d * s) / (d0 + d)`` with ``d0 + d`` degrees of freedom. The prior, a scaled inverse chi-squared
        with d0 and s0, is fitted to the logarithms of the variances; d0 is 200 at the most.

    Raises
    ------
    StatisticError
        If a variance is negative or not finite, or `freedom` is not above 0.

    References
    ----------
    Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3(1), article 3.

    Examples
    --------
    >>> found = moderated_variances(np.array([1.0, 1.1, 0.9, 1.0, 1.05, 0.95]), 6.0)
    >>> round(found.freedom), [round(one, 1) for one in found.variance.tolist()]
    (206, [1.2, 1.2, 1.2, 1.2, 1.2, 1.2])
    """
    values = vector(variance, "moderated_variances, variance")
    if values.size and values.min() < 0.0:
        raise StatisticError(f"moderated_variances, variance: found {values.min():g}; expected at least 0")
    if not freedom > 0.0:
        raise StatisticError(f"moderated_variances, freedom: found {freedom}; expected above 0")
    known = values[values > 0.0]
    if known.size < 3:
        return Moderated(values, freedom)
    logs = np.log(known) - digamma(freedom / 2.0) + np.log(freedom / 2.0)
    lent = _lent(float(logs.var(ddof=1) - polygamma(1, freedom / 2.0)))
    usual = float(np.exp(logs.mean() + digamma(lent / 2.0) - np.log(lent / 2.0)))
    return Moderated((lent * usual + freedom * values) / (lent + freedom), lent + freedom)


def _lent(spread: float) -> float:
    """Return the d0 whose trigamma of d0 / 2 is the spread of the true logarithms, the most where there is none."""
    if spread <= polygamma(1, _MOST / 2.0):
        return _MOST
    lent: float = brentq(lambda freedom: polygamma(1, freedom / 2.0) - spread, 1e-3, _MOST)
    return lent
