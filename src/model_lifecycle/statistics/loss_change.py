"""The change of a loss taken apart: what other inputs explain, and what they do not."""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from model_lifecycle.statistics._blocked import block_sizes, equal_blocks, require_blocks
from model_lifecycle.statistics._checks import at_least, same_length, vector
from model_lifecycle.statistics.change_point import careful_dependence
from model_lifecycle.statistics.dependence import effective_blocks
from model_lifecycle.statistics.intervals import Interval


@dataclass(frozen=True, slots=True)
class ReferenceLosses:
    """The losses of a reference, summed by blocks of time and strata of the score.

    Attributes
    ----------
    edges : ndarray of shape (n_strata - 1,), float64
        Between the strata, ascending; a score at an edge belongs to the upper one.
    rows : ndarray of shape (n_blocks, n_strata), int64
        Of each block and stratum.
    losses, expected : ndarray of shape (n_blocks, n_strata), float64
        Sums of the losses, and of what the predictions themselves promised them to be.
    """

    edges: np.ndarray
    rows: np.ndarray
    losses: np.ndarray
    expected: np.ndarray

    def excess(self, rows: np.ndarray, sums: np.ndarray) -> np.ndarray:
        """Return each stratum's mean loss beyond the expected one; of one without a row, that of all."""
        known = rows > 0
        whole = sums.sum() / max(rows.sum(), 1)
        return np.where(known, sums / np.where(known, rows, 1), whole)

    def strata(self, score: np.ndarray) -> np.ndarray:
        """Return the stratum of each score, from 0 up."""
        return np.searchsorted(self.edges, score, side="right")


def reference_losses(
    score: np.ndarray, losses: np.ndarray, expected: np.ndarray, block: np.ndarray, strata: int = 10
) -> ReferenceLosses:
    """Sum the losses of a reference by blocks of time and strata of the score.

    Parameters
    ----------
    score, losses, expected : ndarray of shape (n_rows,), float64
        Finite: what orders the rows, their losses, and the losses that the predictions promise (0 where they promise
        none).
    block : ndarray of shape (n_rows,)
        Block of each row (`block_ids`); at least 2 blocks.
    strata : int
        At most so many, of about as many rows each.

    Returns
    -------
    ReferenceLosses

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, or there are fewer than 2 blocks.

    References
    ----------
    Kitagawa (1955), as for `split_loss_change`.

    Examples
    --------
    >>> found = reference_losses(np.array([0.1, 0.9] * 2), np.arange(4.0), np.zeros(4), np.array([0, 0, 1, 1]), 2)
    >>> found.edges.tolist(), found.losses.tolist()
    ([0.5], [[0.0, 1.0], [2.0, 3.0]])
    """
    named = {"score": score, "losses": losses, "expected": expected}
    values = {name: vector(array, f"reference_losses, {name}") for name, array in named.items()}
    same_length("reference_losses", block=block, **values)
    at_least(strata, 1, "reference_losses, strata")
    position, sizes = block_sizes(block, "reference_losses")
    require_blocks(sizes, "reference_losses")
    edges = np.unique(np.quantile(values["score"], np.arange(1, strata) / strata))
    cell = position * (edges.size + 1) + np.searchsorted(edges, values["score"], side="right")
    shape = (sizes.size, edges.size + 1)

    def summed(weights: np.ndarray | None) -> np.ndarray:
        return np.bincount(cell, weights, minlength=shape[0] * shape[1]).reshape(shape)

    return ReferenceLosses(edges, summed(None), summed(values["losses"]), summed(values["expected"]))


@dataclass(frozen=True, slots=True)
class LossChange:
    """How much a loss has changed since the reference: ``total`` is the sum of the two others.

    Attributes
    ----------
    total, from_inputs, from_outcomes : Interval
        The change; the part that the reference foretells for the inputs of now; and the rest: the same inputs turn out
        otherwise.
    unexplained : ndarray of shape (n_rows,), float64
        Of each row, the loss less what the reference foretells; its mean is ``from_outcomes``.
    """

    total: Interval
    from_inputs: Interval
    from_outcomes: Interval
    unexplained: np.ndarray


def split_loss_change(
    reference: ReferenceLosses,
    score: np.ndarray,
    losses: np.ndarray,
    expected: np.ndarray,
    block: np.ndarray,
    level: float = 0.95,
) -> LossChange:
    """Take the change of a mean loss apart into what other inputs explain and what they do not.

    The loss that the reference foretells for a row is the one that its own prediction promises, plus what losses of its
    stratum exceeded the promise by in the reference: ``g(x) = e(x) + c_s(x)``. Then, exactly,
    ``mean(l) - mean_ref(l) = [mean(g) - mean_ref(l)] + mean(l - g)``. The first part is 0 when inputs are as they were,
    the second when outcomes given the inputs are, as far as inputs matter through the score.

    Parameters
    ----------
    reference : ReferenceLosses
        Rows that the model was not fitted on.
    score, losses, expected : ndarray of shape (n_rows,), float64
        Of the rows of now, as in `reference_losses`.
    block : ndarray of shape (n_rows,)
        Block of each row, as long as those of the reference; at least 2 blocks.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    LossChange
        Each interval adds the uncertainty of the rows of now and that of the reference. Blocks of now are few: how much
        neighbours depend on one another is estimated from the reference's, and so is, together with them, how much
        blocks differ; where those of now differ more, that counts.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, or there are fewer than 2 blocks.

    References
    ----------
    Kitagawa (1955), Journal of the American Statistical Association 50, 1168-1194, for the decomposition; Cai, Namkoong
    and Yadlowsky (2023), Diagnosing model performance under distribution shift, for the same question of models; Kish
    and Frankel (1974), Journal of the Royal Statistical Society B 36, 1-37, for the variance by blocks.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> score, day = rng.random(4_000), np.repeat(np.arange(20), 200)
    >>> before = reference_losses(score, score + rng.normal(size=4_000), np.zeros(4_000), day)
    >>> now = score**0.5  # other inputs, and the same loss given the input
    >>> found = split_loss_change(before, now, now + rng.normal(size=4_000), np.zeros(4_000), day)
    >>> found.from_inputs.lower > 0.1, found.from_outcomes.lower < 0 < found.from_outcomes.upper
    (True, True)
    """
    named = {"score": score, "losses": losses, "expected": expected}
    values = {name: vector(array, f"split_loss_change, {name}") for name, array in named.items()}
    stratum = reference.strata(values["score"])
    share = np.bincount(stratum, minlength=reference.rows.shape[1]) / len(stratum)
    foretold = values["expected"] + _excess(reference)[stratum]
    unexplained = values["losses"] - foretold
    rows, sums = reference.rows, reference.losses - reference.expected
    kept = [(rows.sum(axis=0) - rows[left], sums.sum(axis=0) - sums[left]) for left in range(len(rows))]
    corrections = np.array([share @ reference.excess(*without) for without in kept])
    means = (reference.losses.sum() - reference.losses.sum(axis=1)) / (rows.sum() - rows.sum(axis=1))
    correction, mean = float(share @ _excess(reference)), float(reference.losses.sum() / rows.sum())

    def part(now: np.ndarray, before: float, without: np.ndarray) -> Interval:
        """Return the mean of now less a figure of the reference."""
        return _difference(now, block, before, (len(rows) - 1) * (before - without), level)

    return LossChange(
        total=part(values["losses"], mean, means),
        from_inputs=part(foretold - correction, mean - correction, means - corrections),
        from_outcomes=part(unexplained + correction, correction, corrections),
        unexplained=unexplained,
    )


def _excess(reference: ReferenceLosses) -> np.ndarray:
    return reference.excess(reference.rows.sum(axis=0), (reference.losses - reference.expected).sum(axis=0))


def _difference(now: np.ndarray, block: np.ndarray, before: float, past: np.ndarray, level: float) -> Interval:
    """Return the mean of now less a figure of the reference, by what each block adds to either."""
    position, sizes = block_sizes(block, "split_loss_change")
    require_blocks(sizes, "split_loss_change")
    mean = float(np.mean(now))
    recent = (sizes.size - 1) * np.bincount(position, now - mean) / (sizes.sum() - sizes)
    rho = careful_dependence(past)
    worths = [effective_blocks(found, rho) for found in (equal_blocks(sizes), past.size)]
    own, usual = (
        float(np.mean(influence**2)) / (1.0 - 1.0 / worth)
        for influence, worth in zip((recent, past), worths, strict=True)
    )
    freedoms = [worth - 1.0 for worth in worths]
    pooled = float(np.average([own, usual], weights=freedoms))
    error = np.sqrt(max(own, pooled) / worths[0] + usual / worths[1])
    half = float(stdtrit(sum(freedoms), (1.0 + level) / 2.0) * error)
    estimate = mean - before
    return Interval(
        estimate,
        estimate - half,
        estimate + half,
        level,
        int(sizes.size),
        worths[0],
        "pooled with the reference",
        dependence=rho,
    )
