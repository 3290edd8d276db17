"""What every family refuses."""

from collections.abc import Mapping

import numpy as np

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.errors import ModelError
from model_lifecycle.models.base import BINARY, Objective


def check_training_rows(family: str, features: Columns, target: np.ndarray, objective: Objective = BINARY) -> None:
    """Refuse a target that does not fit the objective, or is of another length than the features.

    Raises
    ------
    ModelError
        With the counts that were found.
    """
    rows = row_count(features)
    if rows != len(target):
        raise ModelError(f"{family}: {rows} rows of features and {len(target)} of target, expected as many")
    if objective.kind == "quantile":
        others = int((~np.isfinite(target)).sum())
        if others or not len(target) or np.ptp(target) == 0:
            raise ModelError(
                f"{family}: target with {others} values that are no numbers and {len(np.unique(target))} distinct "
                f"values on {len(target)} rows, expected numbers, at least two different ones"
            )
        return
    counts = [int((target == label).sum()) for label in range(objective.classes)]
    others = len(target) - sum(counts)
    if others or not all(counts):
        if objective.kind == "multiclass":
            raise ModelError(
                f"{family}: target with {counts} rows of the {objective.classes} classes and {others} of none, "
                "expected each class at least once and nothing else"
            )
        raise ModelError(
            f"{family}: target with {counts[0]} zeros, {counts[1]} ones and {others} others, "
            "expected zeros and ones, at least one of each"
        )


def required_file(family: str, files: Mapping[str, bytes], name: str) -> bytes:
    """Return a file of a stored model.

    Raises
    ------
    ModelError
        If it is absent.
    """
    if name not in files:
        raise ModelError(f"{family}: file {name!r} is absent, found {sorted(files)}")
    return files[name]
