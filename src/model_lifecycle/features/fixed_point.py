"""Exact sums: values as whole millionths, split into limbs so that sums in 64 bits cannot overflow.

A limb holds 25 bits, so some 10^11 of them add up within 64 bits, more than a table has rows. Sums of limbs are exact
and the same in any order; they become a float only at the very end.
"""

import math
from collections.abc import Sequence

import numpy as np

SCALE = 1_000_000
LARGEST = 1e9  # of a value, so that its square has 100 bits
_BITS = 25
_TOGETHER = 1 << 12  # numbers at a time, so that they stay in the processor's cache
_MASK = (1 << _BITS) - 1
LIMB = float(1 << _BITS)
SUM_LIMBS = 2
SQUARE_LIMBS = 4


def fixed_point(values: np.ndarray) -> np.ndarray:
    """Return values within ±`LARGEST` as whole millionths, int64; what is not finite counts as 0."""
    fixed: np.ndarray = np.rint(np.where(np.isfinite(values), values, 0.0) * SCALE).astype(np.int64)
    return fixed


def limbs(fixed: np.ndarray) -> tuple[np.ndarray, ...]:
    """Split whole millionths, shape (n,), into limbs, the lowest first."""
    return fixed & _MASK, fixed >> _BITS


def square_limbs(fixed: np.ndarray) -> tuple[np.ndarray, ...]:
    """Split the squares of whole millionths, shape (n,), into limbs, the lowest first."""
    low, high = limbs(np.abs(fixed))
    first = low * low
    second = 2 * low * high + (first >> _BITS)
    third = high * high + (second >> _BITS)
    return first & _MASK, second & _MASK, third & _MASK, third >> _BITS


def amount(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return sums of the two `limbs` in the values' own unit, float64."""
    return np.asarray((high * LIMB + low) / SCALE)


def standard_deviation(count: np.ndarray, summed: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return the sample standard deviation, ``ddof=1``, from exact sums.

    Parameters
    ----------
    count : ndarray of int64, shape (n,)
        Values that were summed.
    summed : ndarray of int64, shape (2, n)
        Sums of `limbs`.
    squares : ndarray of int64, shape (4, n)
        Sums of `square_limbs`.

    Returns
    -------
    ndarray of float64, shape (n,)
        ``sqrt((n * sum(x^2) - sum(x)^2) / (n * (n - 1)))``, computed in whole numbers and rounded once before the
        root; NaN below two values.
    """
    found = np.full(len(count), np.nan)
    enough = np.flatnonzero(count > 1)
    scale = SCALE**2
    for start in range(0, len(enough), _TOGETHER):
        some = enough[start : start + _TOGETHER]
        found[some] = [
            math.sqrt((n * q - s * s) / (n * (n - 1) * scale))
            for n, s, q in zip(count[some].tolist(), _whole(summed[:, some]), _whole(squares[:, some]), strict=True)
        ]
    return found


def whole(limbs_of_one: Sequence[int]) -> int:
    """Put the limbs of one sum together."""
    return sum(limb << (_BITS * place) for place, limb in enumerate(limbs_of_one))


def _whole(sums: np.ndarray) -> list[int]:
    """Put the limbs together, in whole numbers of any size."""
    total, *higher = sums.tolist()
    for place, line in enumerate(higher, start=1):
        shift = _BITS * place
        total = [low + (high << shift) for low, high in zip(total, line, strict=True)]
    return list(total)
