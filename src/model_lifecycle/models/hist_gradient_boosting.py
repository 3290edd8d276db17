"""Histogram gradient boosting of scikit-learn; categories as ordinal numbers, missing numbers as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.errors import ModelError
from model_lifecycle.models import skops_file
from model_lifecycle.models.base import BINARY, Objective, Parameters
from model_lifecycle.models.checks import check_training_rows, required_file
from model_lifecycle.models.tree_shap import TreeShap

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_FILE = "hist_gradient_boosting.skops"
_STEPS = ("prepare", "boost")
_PARAMETERS = {
    "learning_rate": 0.1,
    "max_iter": 200,
    "max_leaf_nodes": 31,
    "min_samples_leaf": 20,
    "l2_regularization": 0.0,
    "max_bins": 255,
    "min_frequency": 50,
}
# What such a pipeline holds beyond skops' own list: the arrays of a tree. No code comes from a file.
_TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)


@dataclass(frozen=True)
class HistGradientBoostingModel:
    """A fitted scikit-learn pipeline: ordinal categories, histogram gradient boosting."""

    pipeline: "Pipeline"

    def predict(self, features: Columns) -> np.ndarray:
        """Return probabilities, or the quantile."""
        return skops_file.predict(self.pipeline, features)

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Return path-dependent tree SHAP values and the base value."""
        prepare = self.pipeline.named_steps["prepare"]
        table = np.asarray(prepare.transform(pd.DataFrame(dict(features))), dtype=np.float64)
        owners = [name for _, _, names in prepare.transformers_[:2] for name in names]
        placed = np.zeros((len(table), len(features), len(self._explainers)))
        places = [list(features).index(name) for name in owners]
        for number, explainer in enumerate(self._explainers):
            placed[:, places, number] = explainer.values(table)
        base = np.tile([explainer.base for explainer in self._explainers], (len(table), 1))
        if len(self._explainers) == 1:
            return placed[:, :, 0], base[:, 0]
        # The margin is centred over the classes.
        return placed - placed.mean(axis=2, keepdims=True), base - base.mean(axis=1, keepdims=True)

    @cached_property
    def _explainers(self) -> list[TreeShap]:
        """One a sum of trees: one, or one a class."""
        boost = self.pipeline.named_steps["boost"]
        sums = zip(*boost._predictors, strict=True)  # published nowhere else
        baselines = np.ravel(boost._baseline_prediction).tolist()
        return [
            TreeShap([tree.nodes for tree in trees], baseline) for trees, baseline in zip(sums, baselines, strict=True)
        ]

    def to_files(self) -> dict[str, bytes]:
        """Return the pipeline as a skops file."""
        return {_FILE: skops_file.dump(self.pipeline)}


class HistGradientBoostingFamily:
    """Fits and restores `HistGradientBoostingModel`."""

    trees = "max_iter"

    def fit(
        self,
        features: Columns,
        target: np.ndarray,
        parameters: Parameters,
        seed: int,
        threads: int,
        objective: Objective = BINARY,
        weight: np.ndarray | None = None,
    ) -> HistGradientBoostingModel:
        """Fit on log loss, or on the quantile's, for ``max_iter`` rounds; rare categories are pooled."""
        pipeline = _fitted(features, target, parameters, seed, threads, objective, weight=weight)
        # Read again, equal values are objects of their own; from then on the bytes stay the same.
        return self.restore(HistGradientBoostingModel(pipeline).to_files())

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
        """Fit with early stopping on the later rows."""
        pipeline = _fitted(features, target, parameters, seed, threads, objective, later, patience, weight)
        return -np.asarray(pipeline.named_steps["boost"].validation_score_[1:], dtype=np.float64)

    def restore(self, files: Mapping[str, bytes]) -> HistGradientBoostingModel:
        """Load a pipeline; a file that holds any type that is not expected is refused."""
        content = required_file("hist_gradient_boosting", files, _FILE)
        return HistGradientBoostingModel(
            skops_file.load_pipeline("hist_gradient_boosting", content, _FILE, _STEPS, _TRUSTED)
        )


def _fitted(
    features: Columns,
    target: np.ndarray,
    parameters: Parameters,
    seed: int,
    threads: int,
    objective: Objective,
    later: tuple[Columns, np.ndarray] | None = None,
    patience: int = 1,
    weight: np.ndarray | None = None,
) -> "Pipeline":
    from threadpoolctl import threadpool_limits

    check_training_rows("hist_gradient_boosting", features, target, objective)
    unknown = sorted(set(parameters) - set(_PARAMETERS))
    if unknown:
        raise ModelError(f"hist_gradient_boosting: parameters {unknown}, expected some of {sorted(_PARAMETERS)}")
    try:
        pipeline = _pipeline(features, {**_PARAMETERS, **parameters}, seed, objective)
        prepare, boost = (pipeline.named_steps[name] for name in _STEPS)
        watch = {}
        with threadpool_limits(threads):
            prepared = prepare.fit_transform(pd.DataFrame(dict(features)))
            if later is not None:
                boost.set_params(early_stopping=True, n_iter_no_change=patience, scoring="loss")
                watch = {"X_val": prepare.transform(pd.DataFrame(dict(later[0]))), "y_val": later[1]}
            boost.fit(prepared, target, sample_weight=weight, **watch)
    except (ValueError, TypeError) as error:
        raise ModelError(f"hist_gradient_boosting: parameters {dict(parameters)}: {error}") from error
    return pipeline


def _pipeline(features: Columns, chosen: Parameters, seed: int, objective: Objective) -> "Pipeline":
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    categorical = [name for name, values in features.items() if values.dtype == object]
    # A number that nobody has seen in training has no bins; the column is left out.
    numeric = [name for name in features if name not in categorical and np.isfinite(features[name]).any()]
    settings = dict(chosen)
    encode = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=settings.pop("min_frequency")
    )
    prepare = ColumnTransformer(
        [("numeric", "passthrough", numeric), ("categorical", encode, categorical)], verbose_feature_names_out=False
    )
    settings |= {"early_stopping": False, "random_state": seed}
    if objective.kind == "quantile":
        boost = HistGradientBoostingRegressor(**settings, loss="quantile", quantile=objective.quantile)
    else:
        boost = HistGradientBoostingClassifier(**settings)
    return Pipeline(list(zip(_STEPS, (prepare, boost), strict=True)))


FAMILY = HistGradientBoostingFamily()
