"""Which segment of the rows lies above the others, on rows that depend on one another in time."""

from dataclasses import dataclass

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._blocked import block_sizes, require_blocks
from model_lifecycle.statistics._checks import same_length, vector


@dataclass(frozen=True, slots=True)
class Segments:
    """Each segment against the rest of the rows; arrays of shape (n_segments,).

    Attributes
    ----------
    rows : ndarray of int64
        Of each segment.
    mean, difference : ndarray of float64
        The segment's mean, and how far it lies above the mean of the rest.
    error, row_error : ndarray of float64
        Standard error of the difference by blocks, and as if rows were independent.
    freedom : int
        Degrees of freedom of ``error``.
    """

    rows: np.ndarray
    mean: np.ndarray
    difference: np.ndarray
    error: np.ndarray
    row_error: np.ndarray
    freedom: int


def compare_segments(values: np.ndarray, segment: np.ndarray, block: np.ndarray, n_segments: int) -> Segments:
    """Compare every segment with the rest of the rows.

    Segments live through the same blocks of time: what moves all of them cancels, and so blocks count as independent.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Finite, such as losses.
    segment : ndarray of shape (n_rows,), int64
        The segment of each row, from 0 up.
    block : ndarray of shape (n_rows,)
        Block of each row (`block_ids`); at least 2 blocks.
    n_segments : int
        How many segments there are.

    Returns
    -------
    Segments
        The difference of two ratio estimates, linearised, with the spread of what each block, or each row, adds to it.
        An empty segment, and one of all rows, has a difference and errors of 0.

    Raises
    ------
    StatisticError
        If the lengths differ, a value is not finite, a segment is out of range, or there is one block only.

    References
    ----------
    Woodruff (1971), Journal of the American Statistical Association 66, 411-414.

    Examples
    --------
    >>> loss = np.array([1.0, 3.0, 2.0, 3.5, 1.5, 3.0, 1.0, 4.0])
    >>> found = compare_segments(loss, np.tile([0, 1], 4), np.repeat([0, 1, 2, 3], 2), 2)
    >>> found.difference.tolist(), found.error.round(3).tolist(), found.freedom
    ([-2.0, 2.0], [0.354, 0.354], 3)
    """
    numbers = vector(values, "compare_segments, values")
    same_length("compare_segments", values=numbers, segment=segment, block=block)
    if segment.min() < 0 or segment.max() >= n_segments:
        raise StatisticError(
            f"compare_segments, segment: found {segment.min()} to {segment.max()}; expected 0 to {n_segments - 1}"
        )
    position, sizes = block_sizes(block, "compare_segments")
    require_blocks(sizes, "compare_segments")
    cell, shape = position * n_segments + segment, (sizes.size, n_segments)
    counts = np.bincount(cell, minlength=sizes.size * n_segments).reshape(shape)
    sums = np.bincount(cell, numbers, minlength=sizes.size * n_segments).reshape(shape)
    rows = counts.sum(axis=0)
    rest_counts, rest_sums = sizes[:, np.newaxis] - counts, sums.sum(axis=1, keepdims=True) - sums
    rest = rest_counts.sum(axis=0)
    both = (rows > 0) & (rest > 0)
    mean, other = sums.sum(axis=0) / np.maximum(rows, 1), rest_sums.sum(axis=0) / np.maximum(rest, 1)
    added = (sums - counts * mean) / np.maximum(rows, 1) - (rest_sums - rest_counts * other) / np.maximum(rest, 1)
    squares = np.bincount(segment, numbers**2, minlength=n_segments)
    spread = squares - rows * mean**2, (numbers @ numbers) - squares - rest * other**2
    freedom = sizes.size - 1
    by_rows = spread[0] / np.maximum(rows, 1) ** 2 + spread[1] / np.maximum(rest, 1) ** 2
    by_blocks = np.sum(added**2, axis=0) * sizes.size / freedom
    errors = [np.where(both, np.sqrt(np.maximum(found, 0.0)), 0.0) for found in (by_blocks, by_rows)]
    return Segments(rows, mean, np.where(both, mean - other, 0.0), errors[0], errors[1], freedom)
