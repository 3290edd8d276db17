"""Has a column changed its unit? Distributions that fall into place once a known conversion is undone say so."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model_lifecycle.statistics.ks import kolmogorov_smirnov

Conversion = Callable[[np.ndarray], np.ndarray]

_FEWEST_ROWS = 50
_MOST_ROWS = 4000
# How much of the distance must vanish once the conversion is undone; half could be chance among fifteen tries.
_REMAINING = 0.4
# Against the whole reference a season alone can look like a conversion, so nearly all of the distance must vanish.
STRICT = 0.2
_PARTS = 4
# A change that is seen from one part of a window to the next: the level jumps once, twice as far as between any other
# two parts, stays there, and is no larger than theirs once a conversion is undone.
_SHORT_PARTS = 14
_JUMPS = 2.0
_APART = 0.8
_STAYS = 3
# A window whose values barely differ from before has not changed its unit, whatever a conversion would do.
_SMALLEST_DISTANCE = 0.2


@dataclass(frozen=True, slots=True)
class UnitChange:
    """A conversion that explains the window: the distance before and after it is undone."""

    conversion: str
    distance: float
    remaining: float


def _scaled(factor: float) -> Conversion:
    return lambda values: values / factor


# What may have happened to the values, and how it is undone.
_CONVERSIONS: dict[str, Conversion] = {
    "degrees Fahrenheit to Celsius": lambda values: values * 1.8 + 32.0,
    "degrees Celsius to Fahrenheit": lambda values: (values - 32.0) / 1.8,
    "degrees Celsius to kelvin": lambda values: values - 273.15,
    "kelvin to degrees Celsius": lambda values: values + 273.15,
    "miles to kilometres": _scaled(1.609344),
    "kilometres to miles": _scaled(1 / 1.609344),
    "feet to metres": _scaled(0.3048),
    "metres to feet": _scaled(1 / 0.3048),
    "inches to millimetres": _scaled(25.4),
    "hours to minutes, or minutes to seconds": _scaled(60.0),
    "minutes to hours, or seconds to minutes": _scaled(1 / 60.0),
    "a hundredfold: a share to percent, or an amount to cents": _scaled(100.0),
    "a hundredth: percent to a share, or cents to the amount": _scaled(0.01),
    "a thousandfold": _scaled(1000.0),
    "a thousandth": _scaled(0.001),
    "the sign turned": lambda values: -values,
}


def unit_change(before: np.ndarray, values: np.ndarray, jump: float, most: float = _REMAINING) -> UnitChange | None:
    """Return the conversion that best explains why the values differ from before, None without one.

    A feed may change in the middle of a window, and a mixture of two units fits no conversion: where the whole
    shows none, its quarters are looked at one by one. They differ more by nature, so they have to lie farther out.

    Parameters
    ----------
    before : ndarray of float64
        The column in a trusted window, or quantiles of the reference; missing values are left out.
    values : ndarray of float64
        The column in the window, in the order of time.
    jump : float
        Kolmogorov-Smirnov distance that neighbouring windows of the reference reach; the window must exceed it by
        far: twice, or halfway to 1.
    most : float
        Share of the distance that may remain once the conversion is undone.

    Notes
    -----
    A change between units so close that neighbouring windows differ as much (knots and miles an hour) is not seen
    here; the drift of the column is.
    """
    known, halfway = _thin(before), (1.0 + jump) / 2.0
    whole = _explained(known, _thin(values), max(_SMALLEST_DISTANCE, min(2.0 * jump, halfway)), most)
    if whole is not None:
        return whole
    parts = (_explained(known, _thin(part), halfway, STRICT) for part in np.array_split(values, _PARTS))
    return next((part for part in parts if part is not None), None)


def overnight_change(before: np.ndarray, values: np.ndarray) -> UnitChange | None:
    """Return the conversion that explains a jump from one part of two windows to the next, None without such a jump.

    Weather, say, is another after two weeks, and no conversion makes two such weeks alike; but it does not fall by
    forty degrees from one half day to the next.

    Parameters
    ----------
    before, values : ndarray of float64
        The column in a trusted window and in the window, both in the order of time; missing values are left out. Each
        is parted into 14.
    """
    ordered = np.concatenate([_finite(before), _finite(values)])
    first = _finite(before).size
    if min(first, ordered.size - first) < _FEWEST_ROWS * _SHORT_PARTS // 2:
        return None
    parts = [*np.array_split(ordered[:first], _SHORT_PARTS), *np.array_split(ordered[first:], _SHORT_PARTS)]
    levels = np.array([np.median(part) for part in parts])
    jumps = np.abs(np.diff(levels))
    at = int(np.argmax(jumps))
    others = float(np.delete(jumps, at).max())
    if not _SHORT_PARTS - 1 <= at < jumps.size - _STAYS + 1 or jumps[at] <= _JUMPS * others:
        return None
    past, rest = _thin(np.concatenate(parts[: at + 1])), _thin(np.concatenate(parts[at + 1 :]))
    distance = kolmogorov_smirnov(past, rest).effect
    # What got stuck stands somewhere, and there is a conversion to nearly anywhere.
    if distance < _APART or _most_frequent(rest) > (1.0 + _most_frequent(past)) / 2.0:
        return None
    off = {name: abs(float(undo(levels[at + 1 : at + 2])[0]) - levels[at]) for name, undo in _CONVERSIONS.items()}
    best = min(off, key=lambda name: off[name])
    # Not a share of the jump: a thousandth of whatever it rose to is near any small level.
    if off[best] > others + 1e-9 * jumps[at]:
        return None
    return UnitChange(best, distance, off[best] / float(jumps[at]) * distance)


def _explained(known: np.ndarray, found: np.ndarray, least: float, most: float) -> UnitChange | None:
    if min(known.size, found.size) < _FEWEST_ROWS:
        return None
    distance = kolmogorov_smirnov(known, found).effect
    if distance <= least:
        return None
    remaining = {name: kolmogorov_smirnov(known, undo(found)).effect for name, undo in _CONVERSIONS.items()}
    best = min(remaining, key=lambda name: remaining[name])
    if remaining[best] > most * distance:
        return None
    return UnitChange(best, distance, remaining[best])


def _most_frequent(values: np.ndarray) -> float:
    """Return the share of the most frequent value."""
    return float(np.unique(values, return_counts=True)[1].max() / values.size)


def _finite(values: np.ndarray) -> np.ndarray:
    finite: np.ndarray = values[np.isfinite(values)]
    return finite


def _thin(values: np.ndarray) -> np.ndarray:
    finite = _finite(values)
    return finite[:: max(1, -(-finite.size // _MOST_ROWS))]
