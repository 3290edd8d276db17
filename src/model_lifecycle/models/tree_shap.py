"""Exact SHAP values of boosted trees of scikit-learn, on numpy alone: a service need not load shap and numba."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

_CACHED = 65_536  # numbers that are worked on at a time, so that they stay in a core's cache


@dataclass(frozen=True)
class _Leaves:
    """Leaves whose paths ask for the same number of features, each asked for once; arrays of shape (n_asked, n_leaves).

    A row reaches a leaf where every feature lies in ``low < value <= high``, or is missing where that is let through.
    ``share`` is the part of the training rows that the feature's splits let through.
    """

    feature: np.ndarray
    low: np.ndarray
    high: np.ndarray
    missing: np.ndarray
    share: np.ndarray
    value: np.ndarray


class TreeShap:
    """Path-dependent SHAP values of one sum of trees, as the shap library's `TreeExplainer` gives them.

    Parameters
    ----------
    trees : sequence of ndarray
        Their ``nodes``, as `HistGradientBoostingClassifier` keeps them; splits on numbers only.
    baseline : float
        What is added to their sum.

    Attributes
    ----------
    base : float
        The expected sum.

    Notes
    -----
    The Shapley value of feature i is the integral over t in (0, 1) of the derivative of the game's multilinear
    extension on the diagonal. For a leaf of value v that is
    ``v (o_i - z_i) * integral of prod_{j != i} (z_j (1 - t) + o_j t) dt``, with o_j = 1 where the row passes the splits
    on feature j, else 0, and z_j the share of training rows that does. The product is a polynomial, so Gauss-Legendre
    quadrature is exact.

    References
    ----------
    Owen (1972), Management Science 18, P64-P79; Lundberg et al. (2020), Nature Machine Intelligence 2, 56-67.
    """

    def __init__(self, trees: Sequence[np.ndarray], baseline: float) -> None:
        by_length: dict[int, list[tuple[dict[int, list[float]], float]]] = defaultdict(list)
        self.base = baseline
        for nodes in trees:
            for path, value in _paths(nodes):
                self.base += value * float(np.prod([share for *_, share in path.values()]))
                by_length[len(path)].append((path, value))
        by_length.pop(0, None)
        self._groups = [_leaves(found) for found in by_length.values()]

    def values(self, table: np.ndarray) -> np.ndarray:
        """Return SHAP values, float64, shape (n, n_features), of rows of that shape; NaN = missing."""
        found = np.zeros(table.shape)
        for leaves in self._groups:
            step = max(1, _CACHED // leaves.feature.size)
            for start in range(0, len(table), step):
                rows = slice(start, start + step)
                found[rows] += _of_leaves(leaves, table[rows])
        return found


def _of_leaves(leaves: _Leaves, table: np.ndarray) -> np.ndarray:
    """Return what the leaves contribute to the SHAP values of rows, of the rows' shape."""
    x = table[:, leaves.feature]
    passes = np.where(np.isnan(x), leaves.missing, (leaves.low < x) & (x <= leaves.high)).astype(np.float64)
    gain = _diagonal(passes, leaves.share) * (passes - leaves.share) * leaves.value
    place = leaves.feature + table.shape[1] * np.arange(len(table))[:, None, None]
    return np.bincount(place.ravel(), gain.ravel(), minlength=table.size).reshape(table.shape)


def _diagonal(passes: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the integral over t of the product over the other features, for each row, feature and leaf."""
    points, weights = np.polynomial.legendre.leggauss(len(share) // 2 + 1)
    total = np.zeros(passes.shape)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        factors = (1 - point) * share + point * passes  # above 0, since a split lets some training rows through
        total += weight * np.prod(factors, axis=1, keepdims=True) / factors
    return total


def _paths(nodes: np.ndarray) -> Iterator[tuple[dict[int, list[float]], float]]:
    """Yield each leaf's value with what its path asks of each feature: low, high, missing let through, share."""
    waiting: list[tuple[int, dict[int, list[float]]]] = [(0, {})]
    while waiting:
        place, path = waiting.pop()
        node = nodes[place]
        if node["is_leaf"]:
            yield path, float(node["value"])
            continue
        feature, threshold = int(node["feature_idx"]), float(node["num_threshold"])
        low, high, missing, share = path.get(feature, [-np.inf, np.inf, 1.0, 1.0])
        for side in ("left", "right"):
            child, left = int(node[side]), side == "left"
            waiting.append(
                (
                    child,
                    {
                        **path,
                        feature: [
                            low if left else max(low, threshold),
                            min(high, threshold) if left else high,
                            missing * (bool(node["missing_go_to_left"]) == left),
                            share * float(nodes[child]["count"]) / float(node["count"]),
                        ],
                    },
                )
            )


def _leaves(found: Sequence[tuple[dict[int, list[float]], float]]) -> _Leaves:
    asked = np.array([list(path.values()) for path, _ in found]).T.copy()
    return _Leaves(
        np.array([list(path) for path, _ in found], dtype=np.int64).T.copy(),
        asked[0],
        asked[1],
        asked[2] == 1.0,
        asked[3],
        np.array([value for _, value in found]),
    )
