"""Rows on which inputs are tried: what they say is learned on earlier rows and judged on later ones."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import rankdata

from model_lifecycle.contracts.columns import Columns, take
from model_lifecycle.contracts.leakage import LeakageLimits
from model_lifecycle.statistics.discrimination import roc_auc

_FEWEST = 8  # outcomes of each kind on the later rows, below which even a perfect order may be chance
_PERFECT = 0.999
_ERRORS = 3.5  # standard errors that an AUC must lie above the ceiling: one in 4,000 for each thing that is tried
_BINS = 64
_FEWEST_ORDERED = 12  # different outcomes of a quantity: one in 12! orders of them is right by chance
_FIRST_ROWS, _NEARLY = 500, 0.99


@dataclass(frozen=True)
class Trial:
    """Earlier and later rows with a known outcome."""

    earlier: Columns
    earlier_target: np.ndarray
    later: Columns
    later_target: np.ndarray
    limits: LeakageLimits

    @property
    def binary(self) -> bool:
        """Tell whether the target is 0 or 1 on every row."""
        return bool(np.isin(self.earlier_target, (0.0, 1.0)).all() and np.isin(self.later_target, (0.0, 1.0)).all())

    def too_good(self, prediction: np.ndarray) -> float | None:
        """Return how well a prediction of the later rows does when it is better than plausible, else None.

        For a target of 0 and 1 that is its AUC (or that of its reverse) with its uncertainty, for any other the share
        of the variance that it explains, or that of the variance of ranks: a logarithm knows a quantity, too.
        """
        target = self.later_target
        if not self.binary:
            return self._explained(prediction)
        positives = int(target.sum())
        fewest = min(positives, target.size - positives)
        if fewest < _FEWEST or not np.ptp(prediction):
            return None
        auc = roc_auc(target, prediction)
        auc = max(auc, 1.0 - auc)
        surely = auc - _ERRORS * _auc_error(auc, positives, target.size - positives) > self.limits.ceiling_auc
        return auc if auc >= _PERFECT or surely else None

    def _explained(self, prediction: np.ndarray) -> float | None:
        target = self.later_target
        spread = float(np.sum((target - target.mean()) ** 2))
        if target.size < _FEWEST or not spread:
            return None
        share = 1.0 - float(np.sum((target - prediction) ** 2)) / spread
        if share < self.limits.ceiling_r2:
            share = self._explained_order(prediction)
        return share if share >= self.limits.ceiling_r2 else None

    def _explained_order(self, prediction: np.ndarray) -> float:
        """Return the squared rank correlation of a quantity and its prediction, in [0, 1].

        A few rows go first: nearly all predictions are seen by them to be none.
        """
        share, rows = 0.0, self._ordered_rows
        for some in (rows[:: max(len(rows) // _FIRST_ROWS, 1)], rows) if len(rows) else ():
            if not np.ptp(prediction[some]) or not np.ptp(self.later_target[some]):
                return 0.0
            share = np.corrcoef(rankdata(self.later_target[some]), rankdata(prediction[some]))[0, 1] ** 2
            if share < _NEARLY:
                break
        return float(share)

    @cached_property
    def _ordered_rows(self) -> np.ndarray:
        """The later rows of a quantity whose order tells: where most are zero, to know which says nothing of the rest.

        With few different outcomes their order may be chance.
        """
        outcomes, counts = np.unique(self.later_target, return_counts=True)
        rows = np.flatnonzero(self.later_target != outcomes[np.argmax(counts)])
        return rows if len(outcomes) > _FEWEST_ORDERED else rows[:0]

    def learned(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        """Predict the later rows by the mean earlier outcome of each group; an unknown group gets the overall mean."""
        groups, position = np.unique(earlier, return_inverse=True)
        means = np.bincount(position, self.earlier_target) / np.bincount(position)
        place = np.minimum(np.searchsorted(groups, later), len(groups) - 1)
        return np.where(groups[place] == later, means[place], self.earlier_target.mean())


def _auc_error(auc: float, positives: int, negatives: int) -> float:
    """Return the standard error of an AUC (Hanley and McNeil 1982, Radiology 143, 29-36)."""
    both = auc / (2.0 - auc) - auc**2
    same = 2.0 * auc**2 / (1.0 + auc) - auc**2
    variance = auc * (1.0 - auc) + (positives - 1) * both + (negatives - 1) * same
    return float(np.sqrt(max(variance, 0.0) / (positives * negatives)))


def in_bins(earlier: np.ndarray, later: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers as bins of equal counts on the earlier rows; what is missing is a bin of its own."""
    known = earlier[np.isfinite(earlier)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if known.size else np.empty(0)

    def number(values: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), -1)

    return number(earlier), number(later)


def sampled(columns: Columns, target: np.ndarray, limit: int) -> tuple[Columns, np.ndarray]:
    """Return at most so many rows, evenly spread over the table."""
    if len(target) <= limit:
        return columns, target
    rows = np.linspace(0, len(target) - 1, limit).astype(np.int64)
    return take(columns, rows), target[rows]
