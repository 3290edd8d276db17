"""What every statistic asks of its input, and the words in which it refuses."""

import numpy as np

from model_lifecycle.errors import StatisticError

_ROWS_SHOWN = 3  # enough to find the fault, and the message stays one line


def require(bad: np.ndarray, where: str, found: str, expected: str) -> None:
    """Refuse when any row is bad, naming how many and the first of them.

    Raises
    ------
    StatisticError
        If any element of `bad` is true.
    """
    if not bad.any():
        return
    rows = np.flatnonzero(bad)
    shown = ", ".join(str(row) for row in rows[:_ROWS_SHOWN])
    more = ", ..." if rows.size > _ROWS_SHOWN else ""
    raise StatisticError(
        f"{where}: {rows.size:,} of {bad.size:,} values {found} (rows {shown}{more}); expected {expected}"
    )


def vector(values: np.ndarray, where: str) -> np.ndarray:
    """Return the values as a non-empty float64 vector without NaN or infinity.

    Raises
    ------
    StatisticError
        If they are not numbers, not one-dimensional, none at all, or one of them is not finite.
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise StatisticError(f"{where}: found shape {array.shape}; expected one dimension and at least one value")
    if array.dtype.kind not in "biuf":
        raise StatisticError(f"{where}: found dtype {array.dtype}; expected numbers")
    numbers = array.astype(np.float64, copy=False)
    require(~np.isfinite(numbers), where, "not finite", "finite numbers")
    return numbers


def same_length(statistic: str, **arrays: np.ndarray) -> None:
    """Refuse arrays of different lengths.

    Raises
    ------
    StatisticError
        If two lengths differ.
    """
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise StatisticError(f"{statistic}: found lengths {found}; expected equal lengths")


def binary(values: np.ndarray, where: str) -> np.ndarray:
    """Return the values as a non-empty boolean vector.

    Raises
    ------
    StatisticError
        If a value is neither 0 nor 1.
    """
    numbers = vector(values, where)
    require((numbers != 0.0) & (numbers != 1.0), where, "neither 0 nor 1", "0 or 1")
    positive: np.ndarray = numbers == 1.0
    return positive


def both_classes(target: np.ndarray, where: str) -> None:
    """Refuse a target of one class only.

    Raises
    ------
    StatisticError
        If all values are equal.
    """
    positives = int(np.count_nonzero(target))
    if positives in (0, target.size):
        raise StatisticError(f"{where}: found {positives:,} positives in {target.size:,} rows; expected both classes")


def probabilities(values: np.ndarray, where: str) -> np.ndarray:
    """Return the values as a non-empty float64 vector within [0, 1].

    Raises
    ------
    StatisticError
        If a value lies outside.
    """
    numbers = vector(values, where)
    require((numbers < 0.0) | (numbers > 1.0), where, "outside [0, 1]", "probabilities")
    return numbers


def outcomes_and_probabilities(
    target: np.ndarray, probability: np.ndarray, statistic: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return a target of 0 and 1 as a boolean vector, and as many probabilities of 1.

    Raises
    ------
    StatisticError
        If the lengths differ, there is no row, a target is not 0 or 1, or a probability is NaN or outside [0, 1].
    """
    positive = binary(target, f"{statistic}, target")
    predicted = probabilities(probability, f"{statistic}, probability")
    same_length(statistic, target=positive, probability=predicted)
    return positive, predicted


def paired_counts(expected: np.ndarray, actual: np.ndarray, statistic: str) -> tuple[np.ndarray, np.ndarray]:
    """Return two vectors of counts over the same bins, each with something in it.

    Raises
    ------
    StatisticError
        If the lengths differ, a count is negative, or a side is empty.
    """
    sides = {}
    for name, values in (("expected", expected), ("actual", actual)):
        where = f"{statistic}, {name}"
        counts = vector(values, where)
        require(counts < 0.0, where, "below 0", "counts")
        if not counts.any():
            raise StatisticError(f"{where}: found 0 rows in {counts.size} bins; expected at least one row")
        sides[name] = counts
    same_length(statistic, **sides)
    return sides["expected"], sides["actual"]


def fraction(value: float, where: str) -> float:
    """Return the value when it lies strictly between 0 and 1.

    Raises
    ------
    StatisticError
        If it does not.
    """
    if not 0.0 < value < 1.0:
        raise StatisticError(f"{where}: found {value}; expected a number strictly between 0 and 1")
    return float(value)


def at_least(value: int, minimum: int, where: str) -> int:
    """Return the value when it reaches the minimum.

    Raises
    ------
    StatisticError
        If it does not.
    """
    if value < minimum:
        raise StatisticError(f"{where}: found {value}; expected at least {minimum}")
    return int(value)
