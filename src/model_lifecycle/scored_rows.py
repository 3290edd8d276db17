"""What `scoring` answers for a few rows, a row at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_lifecycle.features.plain_records import Row
from model_lifecycle.models import Model


@dataclass(frozen=True)
class ScoredRows:
    """The answer for n rows, a row at a time.

    Attributes
    ----------
    ids : list
        The decisions.
    times : list of int
        Decision times, in microseconds since 1970.
    names : tuple of str
        The features.
    features : list of sequence
        What the model saw, in the order of the names; NaN where a number is missing.
    prediction, action : ndarray
        As in `Scores`.
    score : list of float
        As in `Scores`.
    flags : sequence of mapping
        The names of what is ``missing`` and what is ``unknown``.
    """

    ids: list[object]
    times: list[int]
    names: tuple[str, ...]
    features: Sequence[Sequence[float | str]]
    prediction: np.ndarray
    score: list[float]
    action: np.ndarray
    flags: Sequence[dict[str, list[str]]]


def predict_rows(model: Model, names: Sequence[str], rows: Sequence[Sequence[float | str]]) -> np.ndarray:
    """Return a model's raw predictions of at least one row, each with its features in their order."""
    quick = getattr(model, "predict_rows", None)
    if quick is not None:
        return np.asarray(quick(rows))
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return model.predict(
        {name: np.array(column, dtype=object if isinstance(column[0], str) else np.float64) for name, column in columns}
    )


def marks_of(
    row: Row, features: Sequence[float | str], inputs: Sequence[str], known: Sequence[tuple[int, str, frozenset[str]]]
) -> dict[str, list[str]]:
    """Return the names of the inputs of a row that are ``missing``, and of the categories that are ``unknown``.

    ``known`` has the place, the name and the categories of each categorical feature.
    """
    marks: dict[str, list[str]] = {}
    missing = [name for name in inputs if row[name] is None]
    if missing:
        marks["missing"] = missing
    for place, name, categories in known:
        if features[place] not in categories and row[name] is not None:
            marks.setdefault("unknown", []).append(name)
    return marks
