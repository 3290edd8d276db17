"""What every family refuses."""

from collections.abc import Mapping

import numpy as np

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.errors import ModelError


def check_training_rows(family: str, features: Columns, target: np.ndarray) -> None:
    """Refuse a target that is not 0/1 with both classes, or of another length than the features.

    Raises
    ------
    ModelError
        With the counts that were found.
    """
    rows = row_count(features)
    if rows != len(target):
        raise ModelError(f"{family}: {rows} rows of features and {len(target)} of target, expected as many")
    positive, negative = int((target == 1.0).sum()), int((target == 0.0).sum())
    if positive + negative != len(target) or not positive or not negative:
        raise ModelError(
            f"{family}: target with {negative} zeros, {positive} ones and {len(target) - positive - negative} others, "
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
