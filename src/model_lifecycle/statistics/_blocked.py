"""What the intervals over blocks of time share."""

from collections.abc import Callable

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import require


def block_sizes(block: np.ndarray, statistic: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the position of each row's block among the blocks that occur, and the rows in each of them.

    Parameters
    ----------
    block : ndarray of shape (n_rows,)
        Block of each row: whole numbers, dates or text.
    statistic : str
        Who asks; named in the error.

    Returns
    -------
    position : ndarray of shape (n_rows,), int64
        From 0 to one less than the number of blocks.
    sizes : ndarray of shape (n_blocks,), int64
        Rows of each block, at least 1.

    Raises
    ------
    StatisticError
        If there is no row, or a block is NaN or NaT.

    Examples
    --------
    >>> block_sizes(np.array([7, 3, 7]), "mean")
    (array([1, 0, 1]), array([1, 2]))
    """
    array = np.asarray(block)
    if array.ndim != 1 or array.size == 0:
        raise StatisticError(
            f"{statistic}, block: found shape {array.shape}; expected one dimension and at least one row"
        )
    if array.dtype.kind in "fmM":
        missing: np.ndarray = np.isnan(array)
        require(missing, f"{statistic}, block", "missing", "a block in every row")
    _, position, sizes = np.unique(array, return_inverse=True, return_counts=True)
    return position, sizes


def require_blocks(sizes: np.ndarray, statistic: str) -> None:
    """Refuse fewer than two blocks, which have no spread between them.

    Raises
    ------
    StatisticError
        If there is one block only.
    """
    if sizes.size < 2:
        raise StatisticError(f"{statistic}, block: found 1 block of {sizes.sum():,} rows; expected at least 2 blocks")


def equal_blocks(sizes: np.ndarray) -> float:
    """Return Kish's effective number of blocks, ``sum(n) ** 2 / sum(n ** 2)``."""
    rows = sizes.astype(np.float64)
    return float(rows.sum() ** 2 / np.sum(rows**2))


def evaluated(statistic: Callable[..., float | np.ndarray], arrays: tuple[np.ndarray, ...], where: str) -> np.ndarray:
    """Return the statistic of the arrays, one number or several, or say on which rows it is not defined.

    Raises
    ------
    StatisticError
        If the statistic raises `StatisticError` or is not finite.
    """
    try:
        value = np.asarray(statistic(*arrays), dtype=np.float64)
    except StatisticError as error:
        raise StatisticError(f"{where}: {error}") from error
    if not np.isfinite(value).all():
        raise StatisticError(f"{where}: found {value}; expected a finite statistic")
    return value
