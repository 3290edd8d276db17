"""Test rows cut into slices: by one input, or by two."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.weak_slices import WeakSliceSpec
from model_lifecycle.statistics.binning import quantile_edges, top_categories

_OTHER, _MISSING = "(other)", "(missing)"


@dataclass(frozen=True, slots=True)
class Cut:
    """Disjoint slices that hold all rows.

    Attributes
    ----------
    code : ndarray of int64, shape (n_rows,)
        The slice of each row.
    labels : sequence of mappings
        What holds in each slice, by input.
    kept : ndarray of int64, shape (n_kept,)
        The slices that are searched: neither they nor the rest are too small.
    """

    code: np.ndarray
    labels: Sequence[Mapping[str, str]]
    kept: np.ndarray


def cuts(columns: Columns, reference: Columns, order: Sequence[str], spec: WeakSliceSpec) -> Iterator[tuple[int, Cut]]:
    """Yield how the rows can be cut, each with how many inputs it takes.

    Parameters
    ----------
    columns, reference : Columns
        Inputs of the rows to cut, and of the training rows, from which bins and categories come.
    order : sequence of str
        Inputs, the first ones of which are crossed with one another.
    """
    single = {name: _cut_by(name, values, reference[name], spec) for name, values in columns.items()}
    for cut in single.values():
        yield 1, _kept(cut, spec)
    crossed = [single[name] for name in order if name in single][: spec.pair_inputs]
    for one, other in combinations(crossed, 2):
        yield 2, _kept(_crossed(one, other), spec)


def _cut_by(name: str, values: np.ndarray, reference: np.ndarray, spec: WeakSliceSpec) -> Cut:
    code, labels = (
        _by_category(values, reference, spec.categories)
        if values.dtype.kind == "O"
        else _by_quantile(values.astype(np.float64), reference.astype(np.float64), spec.bins)
    )
    return Cut(code, [{name: label} for label in labels], np.arange(len(labels)))


def _by_category(values: np.ndarray, reference: np.ndarray, count: int) -> tuple[np.ndarray, list[str]]:
    known = top_categories(reference, count)
    place = {category: number for number, category in enumerate(known)}
    place[None] = len(known)  # type: ignore[index]
    code = np.array([place.get(value, len(known) + 1) for value in values.tolist()], dtype=np.int64)
    return code, [*known, _MISSING, _OTHER]


def _by_quantile(values: np.ndarray, reference: np.ndarray, bins: int) -> tuple[np.ndarray, list[str]]:
    edges = quantile_edges(reference, bins)
    code = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
    if not len(edges):
        return code, ["known", _MISSING]
    inner = [_between(low, high) for low, high in pairwise(edges.tolist())]
    return code, [f"below {edges[0]:.4g}", *inner, f"from {edges[-1]:.4g}", _MISSING]


def _between(low: float, high: float) -> str:
    """Name a bin; that of one frequent value alone ends just above it (`quantile_edges`)."""
    alone = high - low <= max(np.spacing(abs(low)), np.finfo(np.float64).tiny)
    return f"{low:.4g}" if alone else f"{low:.4g} to {high:.4g}"


def _crossed(one: Cut, other: Cut) -> Cut:
    labels = [{**a, **b} for a in one.labels for b in other.labels]
    return Cut(one.code * len(other.labels) + other.code, labels, np.arange(len(labels)))


def _kept(cut: Cut, spec: WeakSliceSpec) -> Cut:
    rows = np.bincount(cut.code, minlength=len(cut.labels))
    enough = (rows >= spec.minimum_rows) & (rows <= len(cut.code) - spec.minimum_rows)
    return Cut(cut.code, cut.labels, np.flatnonzero(enough))
