"""Bins for comparing distributions, with missing values in a bin of their own."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics._checks import at_least, require


def _numbers(values: np.ndarray, where: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "biuf":
        raise StatisticError(
            f"{where}: found {array.dtype} of shape {array.shape}; expected numbers, one dimension, at least one row"
        )
    return array.astype(np.float64, copy=False)


def quantile_edges(values: np.ndarray, bins: int = 10) -> np.ndarray:
    """Inner edges of bins of about equal mass.

    A value so frequent that it fills a bin by itself gets a bin of its own, so that a column of mostly one value,
    or of a few whole numbers, is told apart value by value.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Numbers; NaN (missing) and infinities are left out.
    bins : int
        Bins asked for, at least 2.

    Returns
    -------
    ndarray of shape (n_edges,), float64
        Strictly ascending and finite; at most ``2 * bins + 2`` of them, none when every value is missing.

    Raises
    ------
    StatisticError
        If there is no row, the values are not numbers, or `bins` is below 2.

    References
    ----------
    Hyndman and Fan (1996), The American Statistician 50, 361-365 (quantile of type 1, always a value that occurs).

    Examples
    --------
    >>> quantile_edges(np.arange(12.0), bins=4)
    array([2., 5., 8.])
    >>> quantile_edges(np.array([0.0, 1.0, 1.0, 0.0]), bins=4).round(3)
    array([0., 0., 1., 1.])
    """
    numbers = _numbers(values, "quantile_edges, values")
    at_least(bins, 2, "quantile_edges, bins")
    known = numbers[np.isfinite(numbers)]
    if known.size == 0:
        return np.empty(0)
    quantiles = np.quantile(known, np.arange(bins + 1) / bins, method="inverted_cdf")
    frequent = np.unique(quantiles[1:][quantiles[1:] == quantiles[:-1]])
    return np.unique(np.concatenate((quantiles[1:-1], frequent, _just_above(frequent))))


def _just_above(values: np.ndarray) -> np.ndarray:
    """Return the next larger number, if any; above 0 the smallest normal one, as some processors flush smaller ones."""
    tiny, values = np.finfo(np.float64).tiny, values[values < np.finfo(np.float64).max]
    above: np.ndarray = np.where(np.abs(values) < tiny, tiny, np.nextafter(values, np.inf))
    return above


def counts_in_bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Count rows in the bins between the edges, and the missing ones.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Numbers; NaN is missing.
    edges : ndarray of shape (n_edges,)
        Strictly ascending (`quantile_edges`).

    Returns
    -------
    ndarray of shape (n_edges + 2,), int64
        Rows below the first edge, in each ``[edge_k, edge_(k+1))``, from the last edge up, and last the missing.

    Raises
    ------
    StatisticError
        If there is no row, the values are not numbers, or the edges do not ascend.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6 (missing as a group of its own).

    Examples
    --------
    >>> counts_in_bins(np.array([1.0, 5.0, 7.0, np.nan]), np.array([5.0]))
    array([1, 2, 1])
    """
    return np.bincount(bins_of(values, edges), minlength=np.size(edges) + 2).astype(np.int64)


def bins_of(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the bin of each row, the last one for the missing; `counts_in_bins` counts them.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Numbers; NaN is missing.
    edges : ndarray of shape (n_edges,)
        Strictly ascending (`quantile_edges`).

    Returns
    -------
    ndarray of shape (n_rows,), int64
        From 0 to ``n_edges + 1``.

    Raises
    ------
    StatisticError
        If there is no row, the values are not numbers, or the edges do not ascend.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6 (missing as a group of its own).

    Examples
    --------
    >>> bins_of(np.array([1.0, 5.0, 7.0, np.nan]), np.array([5.0]))
    array([0, 1, 1, 2])
    """
    numbers = _numbers(values, "counts_in_bins, values")
    cuts = np.asarray(edges, dtype=np.float64)
    if cuts.ndim != 1 or not np.all(np.diff(cuts) > 0.0) or np.isnan(cuts).any():
        raise StatisticError(f"counts_in_bins, edges: found {cuts.tolist()}; expected strictly ascending numbers")
    return np.where(np.isnan(numbers), cuts.size + 1, np.searchsorted(cuts, numbers, side="right"))


def _tally(values: np.ndarray, where: str) -> Counter[str | None]:
    array = np.asarray(values, dtype=object)
    if array.ndim != 1 or array.size == 0:
        raise StatisticError(f"{where}: found shape {array.shape}; expected one dimension and at least one row")
    tally: Counter[str | None] = Counter(array.tolist())
    if any(name is not None and not isinstance(name, str) for name in tally):
        wrong = np.array([name is not None and not isinstance(name, str) for name in array])
        require(wrong, where, "neither text nor None", "text, or None where it is missing")
    return tally


def top_categories(values: np.ndarray, count: int = 20) -> tuple[str, ...]:
    """Most frequent categories, the most frequent first.

    Parameters
    ----------
    values : ndarray of shape (n_rows,), object
        Text, or None where it is missing.
    count : int
        At most so many, at least 1.

    Returns
    -------
    tuple of str
        Equally frequent ones in alphabetical order; None is left out.

    Raises
    ------
    StatisticError
        If there is no row, a value is neither text nor None, or `count` is below 1.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6 (grouping of rare attributes).

    Examples
    --------
    >>> top_categories(np.array(["b", "a", "b", None, "c"], dtype=object), count=2)
    ('b', 'a')
    """
    at_least(count, 1, "top_categories, count")
    tally = _tally(values, "top_categories, values")
    ranked = sorted((-n, name) for name, n in tally.items() if name is not None)
    return tuple(name for _, name in ranked[:count])


def counts_by_category(values: np.ndarray, categories: Sequence[str]) -> np.ndarray:
    """Count rows of each category, of all others together, and the missing ones.

    Parameters
    ----------
    values : ndarray of shape (n_rows,), object
        Text, or None where it is missing.
    categories : sequence of str
        Without repeats (`top_categories`).

    Returns
    -------
    ndarray of shape (n_categories + 2,), int64
        One count a category in their order, then the others, and last the missing.

    Raises
    ------
    StatisticError
        If there is no row, a value is neither text nor None, or a category comes twice.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6 (grouping of rare attributes).

    Examples
    --------
    >>> counts_by_category(np.array(["b", "a", "b", None, "c"], dtype=object), ("b", "a"))
    array([2, 1, 1, 1])
    """
    if len(set(categories)) != len(categories):
        twice = sorted(name for name, n in Counter(categories).items() if n > 1)
        raise StatisticError(f"counts_by_category, categories: found {twice} twice; expected each once")
    tally = _tally(values, "counts_by_category, values")
    known = [tally[name] for name in categories]
    missing = tally[None]
    return np.array([*known, tally.total() - sum(known) - missing, missing], dtype=np.int64)


def categories_of(values: np.ndarray, categories: Sequence[str]) -> np.ndarray:
    """Return the place of each row's category, of all others together, and of the missing; see `counts_by_category`.

    Parameters
    ----------
    values : ndarray of shape (n_rows,), object
        Text, or None where it is missing.
    categories : sequence of str
        Without repeats (`top_categories`).

    Returns
    -------
    ndarray of shape (n_rows,), int64
        From 0 to ``n_categories + 1``.

    Raises
    ------
    StatisticError
        If there is no row, or a value is neither text nor None.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6 (grouping of rare attributes).

    Examples
    --------
    >>> categories_of(np.array(["b", "a", "b", None, "c"], dtype=object), ("b", "a"))
    array([0, 1, 0, 3, 2])
    """
    _tally(values, "categories_of, values")
    places: dict[str | None, int] = {name: place for place, name in enumerate(categories)}
    places[None] = len(categories) + 1
    others = len(categories)
    return np.array([places.get(value, others) for value in values.tolist()], dtype=np.int64)
