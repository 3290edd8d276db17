"""CatBoost: gradient boosting on trees, in its own file format."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.errors import ModelError
from model_lifecycle.models.base import BINARY, Objective, Parameters
from model_lifecycle.models.catboost_few import CATEGORIES, FewRow, FewRows, told_categories
from model_lifecycle.models.checks import check_training_rows, required_file

if TYPE_CHECKING:
    from catboost import CatBoost, FeaturesData, Pool

_FILE = "catboost.cbm"
_VOLATILE = ("model_guid", "train_finish_time")  # blank, so that the same fit gives the same bytes
_FEW_ROWS = 10_000  # below this, more threads cost more than they gain
_FEWER_ROWS = 6  # below this, plain lists are faster than arrays
_FEW = 24  # up to here a model's trees in arrays are faster than CatBoost itself
_EXPLAINED_BY_ONE = 1_000  # rows up to which one thread explains, so that a service's other work goes on


@dataclass(frozen=True)
class CatBoostModel:
    """A fitted CatBoost model."""

    native: "CatBoost"

    @cached_property
    def loss(self) -> str:
        """The name of the loss that it was fitted on."""
        return str(json.loads(self.native.get_metadata()["params"])["loss_function"]["type"])

    @cached_property
    def _classes(self) -> int:
        return len(json.loads(self.native.get_metadata()["class_params"])["class_names"])

    def predict(self, features: Columns) -> np.ndarray:
        """Return probabilities, or the quantile."""
        rows = row_count(features)
        if rows == 0:
            return np.empty((0, self._classes) if self.loss == "MultiClass" else 0)
        return self._predicted(_lists(features) if rows < _FEWER_ROWS else _arrays(features, rows), rows)

    def predict_rows(self, rows: Sequence[FewRow]) -> np.ndarray:
        """Return the same for at least one row, each with its features in their order."""
        if self.few is not None and len(rows) <= _FEW:
            margins = self.few.margins(rows)
            return np.asarray(expit(margins)) if self.loss == "Logloss" else margins
        return self._predicted(rows if len(rows) < _FEWER_ROWS else _arrays_of(rows), len(rows))

    @cached_property
    def few(self) -> FewRows | None:
        """The quick way for a few rows, None where there is none."""
        return FewRows.of(self.native) if self.loss in ("Logloss", "Quantile") else None

    def _predicted(self, data: object, rows: int) -> np.ndarray:
        threads = 1 if rows < _FEW_ROWS else -1
        kind = "RawFormulaVal" if self.loss == "Quantile" else "Probability"
        found = np.asarray(self.native.predict(data, prediction_type=kind, thread_count=threads), dtype=np.float64)
        return found[:, 1] if self.loss == "Logloss" else found

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Return exact tree SHAP values and the base value."""
        threads = 1 if row_count(features) <= _EXPLAINED_BY_ONE else -1
        found = self.native.get_feature_importance(_pool(features), type="ShapValues", thread_count=threads)
        found = np.asarray(found, dtype=np.float64)
        if self.loss == "MultiClass":
            found = found.transpose(0, 2, 1)
            found = found - found.mean(axis=2, keepdims=True)  # the margin is centred over the classes
        return found[:, :-1], found[:, -1]

    def to_files(self) -> dict[str, bytes]:
        """Return the model in CatBoost's binary format."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / _FILE
            self.native.save_model(str(path), format="cbm")
            return {_FILE: path.read_bytes()}


class CatBoostFamily:
    """Fits and restores `CatBoostModel`."""

    trees = "iterations"

    def fit(
        self,
        features: Columns,
        target: np.ndarray,
        parameters: Parameters,
        seed: int,
        threads: int,
        objective: Objective = BINARY,
        weight: np.ndarray | None = None,
    ) -> CatBoostModel:
        """Fit on log loss, or on the loss of the quantile."""
        native = _fitted(features, target, parameters, seed, threads, objective, weight)
        metadata = native.get_metadata()
        for name in _VOLATILE:
            metadata[name] = ""
        metadata[CATEGORIES] = told_categories({one: texts for one, texts in features.items() if texts.dtype == object})
        # CatBoost orders its metadata anew when it reads a model; from then on the bytes stay the same.
        return self.restore(CatBoostModel(native).to_files())

    def losses_by_trees(
        self,
        features: Columns,
        target: np.ndarray,
        later: tuple[Columns, np.ndarray],
        patience: int,
        parameters: Parameters,
        seed: int,
        threads: int,
        objective: Objective = BINARY,
        weight: np.ndarray | None = None,
    ) -> np.ndarray:
        """Fit with the overfitting detector on the later rows."""
        watch = {"eval_set": _labelled(*later, objective), "early_stopping_rounds": patience, "use_best_model": False}
        (found,) = (
            _fitted(features, target, parameters, seed, threads, objective, weight, **watch)
            .evals_result_["validation"]
            .values()
        )
        return np.array(found, dtype=np.float64)

    def restore(self, files: Mapping[str, bytes]) -> CatBoostModel:
        """Load a model from its binary format."""
        from catboost import CatBoost, CatBoostError

        native = CatBoost()
        try:
            native.load_model(blob=required_file("catboost", files, _FILE))
        except CatBoostError as error:
            raise ModelError(f"catboost: {_FILE} is not a CatBoost model: {error}") from error
        return CatBoostModel(native)


def _fitted(
    features: Columns,
    target: np.ndarray,
    parameters: Parameters,
    seed: int,
    threads: int,
    objective: Objective,
    weight: np.ndarray | None = None,
    **watch: object,
) -> "CatBoost":
    from catboost import CatBoostClassifier, CatBoostError, CatBoostRegressor  # takes a second to import

    check_training_rows("catboost", features, target, objective)
    estimator, loss = CatBoostClassifier, {"loss_function": "Logloss"}
    if objective.kind == "quantile":
        estimator, loss = CatBoostRegressor, {"loss_function": f"Quantile:alpha={objective.quantile!r}"}
    elif objective.kind == "multiclass":
        loss = {"loss_function": "MultiClass"}
    try:
        native = estimator(
            **dict(parameters),
            **loss,
            random_seed=seed,
            thread_count=threads,
            allow_writing_files=False,
            logging_level="Silent",
        )
        native.fit(_labelled(features, target, objective, weight), **watch)
    except (CatBoostError, TypeError) as error:
        raise ModelError(f"catboost: parameters {dict(parameters)}: {error}") from error
    return native


def _labelled(features: Columns, target: np.ndarray, objective: Objective, weight: np.ndarray | None = None) -> "Pool":
    return _pool(features, target if objective.kind == "quantile" else target.astype(np.int64), weight)


def _pool(features: Columns, target: np.ndarray | None = None, weight: np.ndarray | None = None) -> "Pool":
    import pandas as pd
    from catboost import Pool

    categorical = [name for name, values in features.items() if values.dtype == object]
    return Pool(pd.DataFrame(dict(features)), label=target, weight=weight, cat_features=categorical)


def _lists(features: Columns) -> list[list[object]]:
    return [list(row) for row in zip(*(values.tolist() for values in features.values()), strict=True)]


def _arrays(features: Columns, rows: int) -> "FeaturesData | Pool":
    """Return CatBoost's own layout, in which nothing is looked at twice; it wants all numbers before all texts."""
    from catboost import FeaturesData

    kinds = [values.dtype == object for values in features.values()]
    if kinds != sorted(kinds):
        return _pool(features)
    numbers, texts = kinds.count(False), kinds.count(True)
    numeric = np.empty((rows, numbers), dtype=np.float32)  # CatBoost computes in 32 bits whatever it is given
    category = np.empty((rows, texts), dtype=object)
    with np.errstate(over="ignore"):
        for place, values in enumerate(features.values()):
            if place < numbers:
                numeric[:, place] = values
            else:
                category[:, place - numbers] = [text.encode() for text in values.tolist()]
    return FeaturesData(numeric if numbers else None, category if texts else None)


def _arrays_of(rows: Sequence[Sequence[float | str]]) -> "FeaturesData | Sequence[Sequence[float | str]]":
    """Return the same layout from rows; where a number stands behind a text, the rows as they are."""
    from catboost import FeaturesData

    kinds = [isinstance(value, str) for value in rows[0]]
    if kinds != sorted(kinds):
        return rows
    numbers, texts = kinds.count(False), kinds.count(True)
    with np.errstate(over="ignore"):
        numeric = np.array([row[:numbers] for row in rows], dtype=np.float32)
    category = np.empty((len(rows), texts), dtype=object)
    category[:] = [[str(text).encode() for text in row[numbers:]] for row in rows]
    return FeaturesData(numeric if numbers else None, category if texts else None)


FAMILY = CatBoostFamily()
