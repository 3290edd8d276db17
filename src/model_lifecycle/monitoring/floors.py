"""How much windows of one and the same reference differ: the effect below which a drift is everyday life."""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
from scipy.special import expit, logit, stdtrit

from model_lifecycle.statistics.jensen_shannon import jensen_shannon_distance

# Without at least so many windows nothing is known of how they differ.
_FEWEST_WINDOWS = 4
# A Jensen-Shannon distance of 0.2 is a stability index of about 0.25, the usual sign of a significant shift.
CONVENTIONAL_FLOOR = 0.2
# Windows start a seventh of a window apart: a week is moved by a day.
_STEPS = 7
_MOST_CELLS = 1400
_MOST_BLOCKS = 200
# A window with less than this share of the usual rows says little about the others.
_SMALLEST_SHARE = 0.2
_SMALLEST_EFFECT = 1e-6  # keeps the log-odds finite


class Blocks:
    """Contiguous windows of the reference, cut from cells of time; rows must be in time order.

    Parameters
    ----------
    times : ndarray of datetime64[us], shape (n,)
        Ascending, at least one.
    window : timedelta
        Length of a block.
    """

    def __init__(self, times: np.ndarray, window: timedelta) -> None:
        moments = times.astype("datetime64[us]").astype(np.int64)
        width = window // timedelta(microseconds=1)
        span = int(moments[-1] - moments[0]) + 1
        self.steps = _STEPS if span * _STEPS // width <= _MOST_CELLS else 1
        cell = max(1, width // self.steps)
        bounds = moments[0] + cell * np.arange(-(-span // cell) + 1)
        self.cells = np.searchsorted(moments, bounds)  # cell i holds rows cells[i] to cells[i + 1]
        self.whole = span // width
        starts = np.arange(max(0, span // cell - self.steps + 1))
        sizes = self.cells[starts + self.steps] - self.cells[starts]
        if starts.size:
            starts = starts[sizes >= max(1.0, _SMALLEST_SHARE * np.median(sizes))]
        kept = np.unique(np.linspace(0, starts.size - 1, min(starts.size, _MOST_BLOCKS)).astype(np.int64))
        self.starts = starts[kept] if starts.size else starts

    @property
    def calibrated(self) -> bool:
        """Whether there are enough windows to know how they differ."""
        return bool(self.whole >= _FEWEST_WINDOWS and self.starts.size >= _FEWEST_WINDOWS)

    def slices(self) -> list[slice]:
        """Return the rows of the windows side by side, those without a row left out."""
        firsts = range(0, self.whole * self.steps, self.steps)
        found = [slice(int(self.cells[first]), int(self.cells[first + self.steps])) for first in firsts]
        return [rows for rows in found if rows.stop > rows.start]

    def effects(self, cell_counts: np.ndarray) -> np.ndarray:
        """Return the distance of each block to the rest of the reference.

        Parameters
        ----------
        cell_counts : ndarray of shape (n_cells, n_bins), int64

        Returns
        -------
        ndarray of shape (n_blocks,), float64
            Jensen-Shannon distances; 0 where the rest is empty.
        """
        running = np.vstack([np.zeros((1, cell_counts.shape[1]), dtype=np.int64), np.cumsum(cell_counts, axis=0)])
        inside = running[self.starts + self.steps] - running[self.starts]
        rest = running[-1] - inside
        return np.array(
            [
                jensen_shannon_distance(others, block) if others.any() and block.any() else 0.0
                for block, others in zip(inside, rest, strict=True)
            ]
        )


def calibrated_floors(effects: Mapping[str, np.ndarray], quantile: float, windows: int) -> dict[str, float]:
    """Return the floor of each feature, so that the features *together* stay silent on a window like the reference.

    Effects lie between 0 and 1, so they are judged by their log-odds, in units of each feature's own mean and
    spread. The largest of many features lies far out more often than a single one does, so each block is summed up by
    its largest standardised effect; the floor is the limit below which the next such figure lies with the asked
    probability: the upper prediction limit of a normal distribution, by Student's t, since a year has but few windows.

    Parameters
    ----------
    effects : mapping of ndarray of shape (n_blocks,)
        Of each feature, block by block.
    quantile : float
        Such as 0.99.
    windows : int
        How many of the blocks are independent: whole windows side by side, at least 2.

    Returns
    -------
    dict of float
        In [0, 1); 0 for a feature that never differs.

    References
    ----------
    Hahn and Meeker (1991), Statistical Intervals, ch. 4 (prediction intervals).
    """
    odds = {name: logit(np.clip(found, _SMALLEST_EFFECT, 1.0 - _SMALLEST_EFFECT)) for name, found in effects.items()}
    centre = {name: float(np.mean(values)) for name, values in odds.items()}
    spread = {name: float(np.std(values, ddof=1)) for name, values in odds.items()}
    moving = [name for name in effects if spread[name] > 0.0]
    if not moving:
        return {name: float(np.max(values)) for name, values in effects.items()}
    largest = np.max([(odds[name] - centre[name]) / spread[name] for name in moving], axis=0)
    deviation = float(np.std(largest, ddof=1)) * np.sqrt(1.0 + 1.0 / windows)
    limit = float(np.mean(largest)) + float(stdtrit(windows - 1, quantile)) * deviation
    return {
        name: float(expit(centre[name] + limit * spread[name])) if name in moving else float(np.max(effects[name]))
        for name in effects
    }
