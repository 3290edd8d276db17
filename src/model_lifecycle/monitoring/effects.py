"""The effects that alarms rest on, counted in the reference's own bins, for one window or for many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from model_lifecycle.statistics.chi_squared import chi_squared
from model_lifecycle.statistics.jensen_shannon import jensen_shannon_distances
from model_lifecycle.statistics.ks import binned_kolmogorov_smirnov, kolmogorov_smirnov_distances
from model_lifecycle.statistics.share_change import share_change

Statistic = Literal["kolmogorov_smirnov", "jensen_shannon", "missing_share"]


@dataclass(frozen=True, slots=True)
class Binning:
    """How a column is counted: fine bins in the order of the values, then missing; text has categories instead.

    ``coarse`` holds the first fine bin of each of the about ten bins that shares are compared over; text, whose
    categories have no order, has none.
    """

    coarse: tuple[int, ...] = ()

    def grouped(self, counts: np.ndarray) -> np.ndarray:
        """Return counts of shape (n, n_bins) over the coarse bins, the missing last."""
        if not self.coarse:
            return counts
        return np.asarray(np.add.reduceat(counts, [*self.coarse, counts.shape[1] - 1], axis=1))

    def effects(self, expected: np.ndarray, actual: np.ndarray) -> dict[Statistic, np.ndarray]:
        """Return each statistic of every pair of rows of counts, shape (n,) each, in [0, 1]."""
        found: dict[Statistic, np.ndarray] = {}
        if self.coarse:
            found["kolmogorov_smirnov"] = kolmogorov_smirnov_distances(expected[:, :-1], actual[:, :-1])
        found["jensen_shannon"] = jensen_shannon_distances(self.grouped(expected), self.grouped(actual))
        shares = [counts[:, -1] / counts.sum(axis=1) for counts in (expected, actual)]
        found["missing_share"] = np.abs(shares[0] - shares[1])
        return found

    def p_values(self, expected: np.ndarray, actual: np.ndarray) -> dict[Statistic, float]:
        """Return the p-value that goes with each effect of one window, as if rows were independent."""
        found: dict[Statistic, float] = {}
        if self.coarse and expected[:-1].any() and actual[:-1].any():
            found["kolmogorov_smirnov"] = binned_kolmogorov_smirnov(expected[:-1], actual[:-1]).p_value
        before, after = (self.grouped(counts[np.newaxis])[0] for counts in (expected, actual))
        found["jensen_shannon"] = chi_squared(before, after).p_value
        rows = [(int(counts[-1]), int(counts.sum())) for counts in (expected, actual)]
        found["missing_share"] = share_change(rows[0], rows[1]).p_value
        return found


def coarse_bins(fine: np.ndarray, coarse: Sequence[float]) -> tuple[int, ...]:
    """Return the first fine bin of each coarse one; the coarse edges are among the fine ones."""
    return (0, *(int(place) + 1 for place in np.searchsorted(fine, np.asarray(coarse))))
