"""CatBoost: gradient boosting on trees, in its own file format."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.errors import ModelError
from model_lifecycle.models.base import Parameters
from model_lifecycle.models.checks import check_training_rows, required_file

if TYPE_CHECKING:
    from catboost import CatBoostClassifier, Pool

_FILE = "catboost.cbm"
_VOLATILE = ("model_guid", "train_finish_time")  # blank, so that the same fit gives the same bytes
_FEW_ROWS = 64  # below this, plain lists are faster than a table


@dataclass(frozen=True)
class CatBoostModel:
    """A fitted CatBoost classifier."""

    native: "CatBoostClassifier"

    def predict(self, features: Columns) -> np.ndarray:
        """Return the probability of a positive outcome."""
        rows = row_count(features)
        if rows == 0:
            return np.empty(0)
        data = _lists(features) if rows < _FEW_ROWS else _pool(features)
        threads = 1 if rows < _FEW_ROWS else -1
        return np.asarray(self.native.predict(data, prediction_type="Probability", thread_count=threads))[:, 1]

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Return exact tree SHAP values and the base value."""
        found = np.asarray(self.native.get_feature_importance(_pool(features), type="ShapValues"), dtype=np.float64)
        return found[:, :-1], found[:, -1]

    def to_files(self) -> dict[str, bytes]:
        """Return the model in CatBoost's binary format."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / _FILE
            self.native.save_model(str(path), format="cbm")
            return {_FILE: path.read_bytes()}


class CatBoostFamily:
    """Fits and restores `CatBoostModel`."""

    def fit(
        self, features: Columns, target: np.ndarray, parameters: Parameters, seed: int, threads: int
    ) -> CatBoostModel:
        """Fit a classifier on log loss."""
        from catboost import CatBoostClassifier, CatBoostError  # takes a second to import

        check_training_rows("catboost", features, target)
        try:
            native = CatBoostClassifier(
                **dict(parameters),
                loss_function="Logloss",
                random_seed=seed,
                thread_count=threads,
                allow_writing_files=False,
                logging_level="Silent",
            )
            native.fit(_pool(features, target.astype(np.int64)))
            metadata = native.get_metadata()
            for name in _VOLATILE:
                metadata[name] = ""
        except (CatBoostError, TypeError) as error:
            raise ModelError(f"catboost: parameters {dict(parameters)}: {error}") from error
        # CatBoost orders its metadata anew when it reads a model; from then on the bytes stay the same.
        return self.restore(CatBoostModel(native).to_files())

    def restore(self, files: Mapping[str, bytes]) -> CatBoostModel:
        """Load a classifier from its binary format."""
        from catboost import CatBoostClassifier, CatBoostError

        native = CatBoostClassifier()
        try:
            native.load_model(blob=required_file("catboost", files, _FILE))
        except CatBoostError as error:
            raise ModelError(f"catboost: {_FILE} is not a CatBoost model: {error}") from error
        return CatBoostModel(native)


def _pool(features: Columns, target: np.ndarray | None = None) -> "Pool":
    import pandas as pd
    from catboost import Pool

    categorical = [name for name, values in features.items() if values.dtype == object]
    return Pool(pd.DataFrame(dict(features)), label=target, cat_features=categorical)


def _lists(features: Columns) -> list[list[object]]:
    return [list(row) for row in zip(*(values.tolist() for values in features.values()), strict=True)]


FAMILY = CatBoostFamily()
