"""A column, a pair or a small sum of columns that reproduces the target."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.leakage import Finding
from model_lifecycle.pipelines.feature_engineering.leakage.evidence import Trial, in_bins

_SHOWN = 10  # pairs and sums; more of them say the same
_RIDGE = 1e-9


def telling_columns(trial: Trial) -> list[Finding]:
    """Return the columns that alone predict later outcomes better than plausible."""
    found = []
    for name, earlier in trial.earlier.items():
        later = trial.later[name]
        if earlier.dtype != object:
            groups = in_bins(earlier.astype(np.float64), later.astype(np.float64))
            figure = trial.too_good(trial.learned(*groups))
            if figure is None and not trial.binary:
                figure = _linear(trial, [name])
        else:
            figure = trial.too_good(trial.learned(earlier.astype(str), later.astype(str)))
        if figure is not None:
            found.append(_finding("column reproduces the target", [name], trial, figure, "alone"))
    return found


def telling_pairs(trial: Trial, skip: set[str]) -> tuple[list[Finding], int]:
    """Return the pairs that reproduce the target by sum, difference, product, ratio or equality; how many were tried.

    Parameters
    ----------
    trial : Trial
        The rows.
    skip : set of str
        Columns that are leaks by themselves.
    """
    names = [name for name, values in trial.earlier.items() if name not in skip]
    numeric = [name for name in names if trial.earlier[name].dtype != object and np.ptp(_filled(trial.earlier[name]))]
    found, tried = [], 0
    for how, transform in (("a sum or difference", _filled), ("a product or ratio", _logarithm)):
        earlier = np.column_stack([transform(trial.earlier[name]) for name in numeric]) if numeric else np.empty((0, 0))
        later = np.column_stack([transform(trial.later[name]) for name in numeric]) if numeric else np.empty((0, 0))
        for first, second in combinations(range(len(numeric)), 2):
            tried += 1
            columns = [first, second]
            if transform is _logarithm and not trial.binary:
                fitted = _exponential(_fitted(earlier[:, columns], _logarithm(trial.earlier_target), later[:, columns]))
            else:
                fitted = _fitted(earlier[:, columns], trial.earlier_target, later[:, columns])
            figure = trial.too_good(fitted)
            if figure is not None:
                pair = [numeric[first], numeric[second]]
                found.append(_finding("pair reproduces the target", pair, trial, figure, f"as {how}"))
    for one, other in _comparable(trial, names):
        tried += 1
        same_earlier, same_later = ((side[one] == side[other]).astype(int) for side in (trial.earlier, trial.later))
        figure = trial.too_good(trial.learned(same_earlier, same_later))
        if figure is not None:
            found.append(_finding("pair reproduces the target", [one, other], trial, figure, "by being equal"))
    return found[:_SHOWN], tried


def telling_sums(trial: Trial, skip: set[str]) -> tuple[list[Finding], int]:
    """Return a sum of a few columns that reproduces the target, left over by backward elimination from all of them.

    Going backward finds columns that say nothing alone and everything together.

    References
    ----------
    Draper and Smith (1998), Applied Regression Analysis, ch. 15.
    """
    names = [
        name
        for name, values in trial.earlier.items()
        if name not in skip and values.dtype != object and np.ptp(_filled(values))
    ]
    kept = _backward(_matrix(trial.earlier, names), trial.earlier_target, trial.limits.largest_sum) if names else []
    for size in range(2, len(kept) + 1):
        chosen = [names[place] for place in kept[:size]]
        figure = _linear(trial, chosen)
        if figure is not None:
            return [_finding("sum reproduces the target", chosen, trial, figure, "added up with weights")], len(names)
    return [], len(names)


def _backward(matrix: np.ndarray, target: np.ndarray, size: int) -> list[int]:
    """Drop the column with the smallest t statistic until so many are left; the strongest of these first."""
    scale = matrix.std(axis=0)
    known = (matrix - matrix.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    gram, moment = known.T @ known + _RIDGE * len(known) * np.eye(known.shape[1]), known.T @ (target - target.mean())
    kept, dropped = list(range(known.shape[1])), []
    while kept:
        inverse = np.linalg.inv(gram[np.ix_(kept, kept)])
        strength = np.abs(inverse @ moment[kept]) / np.sqrt(np.diag(inverse))
        dropped.append(kept.pop(int(np.argmin(strength))))
    return dropped[::-1][:size]


def _linear(trial: Trial, names: list[str]) -> float | None:
    fitted = _fitted(_matrix(trial.earlier, names), trial.earlier_target, _matrix(trial.later, names))
    return trial.too_good(fitted)


def _matrix(columns: Columns, names: list[str]) -> np.ndarray:
    return np.column_stack([_filled(columns[name]) for name in names])


def _fitted(earlier: np.ndarray, target: np.ndarray, later: np.ndarray) -> np.ndarray:
    """Predict by least squares; for a target of 0 and 1 that is Fisher's linear discriminant."""
    centre, scale = earlier.mean(axis=0), earlier.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    known = (earlier - centre) / scale
    gram = known.T @ known + _RIDGE * len(known) * np.eye(known.shape[1])
    weights = np.linalg.solve(gram, known.T @ (target - target.mean()))
    return np.asarray((later - centre) / scale @ weights + target.mean())


def _filled(values: np.ndarray) -> np.ndarray:
    numbers = values.astype(np.float64)
    known = np.isfinite(numbers)
    return np.asarray(np.where(known, numbers, np.median(numbers[known]) if known.any() else 0.0))


def _logarithm(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(np.maximum(np.abs(_filled(values)), 1e-12)))


def _exponential(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(np.clip(values, -50.0, 50.0)))


def _comparable(trial: Trial, names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of text columns, or of numeric ones, that share values."""
    for first, second in combinations(names, 2):
        one, other = trial.earlier[first], trial.earlier[second]
        if (one.dtype == object) == (other.dtype == object) and (one == other).any():
            yield first, second


def _finding(check: str, columns: list[str], trial: Trial, figure: float, how: str) -> Finding:
    words = f"AUC {figure:.4f}" if trial.binary else f"{figure:.2%} of the variance, or of that of ranks, explained"
    limit = trial.limits.ceiling_auc if trial.binary else trial.limits.ceiling_r2
    message = (
        f"{' and '.join(columns)} {how}: {words} on {len(trial.later_target):,} later rows, plausible to {limit:g}"
    )
    return Finding(check=check, columns=list(columns), message=message)
