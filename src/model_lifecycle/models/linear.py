"""Regularised linear model on standardised numbers and one-hot categories: logistic for classes, ridge otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.errors import ModelError
from model_lifecycle.models import skops_file
from model_lifecycle.models.base import BINARY, Objective, Parameters
from model_lifecycle.models.checks import check_training_rows, required_file
from model_lifecycle.statistics.weighted_quantile import weighted_quantile

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

_FILE = "linear.skops"
_STEPS = ("prepare", "linear")
_PARAMETERS = {"C": 1.0, "min_frequency": 50, "max_iter": 200}
_SPARSE_BELOW = 0.3  # of all values that are not zero
# The only types beyond scikit-learn's own defaults that such a pipeline holds; none of them runs code from the file.
_TRUSTED = ("numpy.dtype",)


@dataclass(frozen=True)
class LinearModel:
    """A fitted scikit-learn pipeline: impute, standardise, one-hot, linear model."""

    pipeline: "Pipeline"

    def predict(self, features: Columns) -> np.ndarray:
        """Return probabilities, or the quantile."""
        return skops_file.predict(self.pipeline, features)

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Return linear SHAP values against the training mean, one-hot columns added up by feature."""
        prepare, linear = self.pipeline.named_steps["prepare"], self.pipeline.named_steps["linear"]
        prepared = prepare.transform(pd.DataFrame(dict(features)))
        weights, base = (
            np.atleast_2d(linear.coef_),
            np.broadcast_to(linear.intercept_, len(np.atleast_2d(linear.coef_))),
        )
        if len(weights) > 1:  # the margin is centred over the classes
            weights, base = weights - weights.mean(axis=0), base - base.mean()
        owners = np.array(_owners(prepare))
        values = np.stack([prepared[:, owners == name] @ weights[:, owners == name].T for name in features], axis=1)
        bases = np.tile(base, (len(values), 1))
        return (values, bases) if len(weights) > 1 else (values[:, :, 0], bases[:, 0])

    def to_files(self) -> dict[str, bytes]:
        """Return the pipeline as a skops file."""
        return {_FILE: skops_file.dump(self.pipeline)}


def _owners(prepare: "ColumnTransformer") -> list[str]:
    """Return the feature that each prepared column was made from: numbers, their indicators of missing, categories."""
    (_, scaled, numeric), (_, encoder, categorical) = prepare.transformers_[:2]
    owners = list(numeric)
    if numeric:
        owners += [numeric[position] for position in scaled.named_steps["impute"].indicator_.features_]
    if categorical:
        for name, seen, rare in zip(categorical, encoder.categories_, encoder.infrequent_categories_, strict=True):
            owners += [name] * (len(seen) if rare is None else len(seen) - len(rare) + 1)
    return owners


class LinearFamily:
    """Fits and restores `LinearModel`."""

    def fit(
        self,
        features: Columns,
        target: np.ndarray,
        parameters: Parameters,
        seed: int,
        threads: int,  # noqa: ARG002 - the solvers run in one
        objective: Objective = BINARY,
        weight: np.ndarray | None = None,
    ) -> LinearModel:
        """Fit a logistic regression by L-BFGS, or a ridge regression moved to the quantile of its residuals.

        ``C`` is the inverse of the L2 penalty, categories rarer than ``min_frequency`` are pooled.
        """
        check_training_rows("linear", features, target, objective)
        unknown = sorted(set(parameters) - set(_PARAMETERS))
        if unknown:
            raise ModelError(f"linear: parameters {unknown}, expected some of {sorted(_PARAMETERS)}")
        try:
            pipeline = _pipeline(features, {**_PARAMETERS, **parameters}, seed, objective)
            table = pd.DataFrame(dict(features))
            pipeline.fit(table, target, linear__sample_weight=weight)
            if objective.kind == "quantile":
                linear = pipeline.named_steps["linear"]
                linear.intercept_ += weighted_quantile(target - pipeline.predict(table), objective.quantile, weight)
        except (ValueError, TypeError) as error:
            raise ModelError(f"linear: parameters {dict(parameters)}: {error}") from error
        return LinearModel(pipeline)

    def restore(self, files: Mapping[str, bytes]) -> LinearModel:
        """Load a pipeline; a file that holds any type that is not expected is refused."""
        content = required_file("linear", files, _FILE)
        return LinearModel(skops_file.load_pipeline("linear", content, _FILE, _STEPS, _TRUSTED))


def _pipeline(features: Columns, chosen: Parameters, seed: int, objective: Objective) -> "Pipeline":
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    categorical = [name for name, values in features.items() if values.dtype == object]
    numeric = [name for name in features if name not in categorical]
    impute = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    encode = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=chosen["min_frequency"])
    prepare = ColumnTransformer(
        [
            ("numeric", Pipeline([("impute", impute), ("scale", StandardScaler())]), numeric),
            ("categorical", encode, categorical),
        ],
        verbose_feature_names_out=False,
        # Mostly zeros, a matrix is fitted three times as fast without them; ridge solves exactly what is dense alone.
        sparse_threshold=0.0 if objective.kind == "quantile" else _SPARSE_BELOW,
    )
    if objective.kind == "quantile":
        linear = Ridge(alpha=1.0 / float(chosen["C"]), random_state=seed)
    else:
        linear = LogisticRegression(C=chosen["C"], max_iter=int(chosen["max_iter"]), random_state=seed)
    return Pipeline(list(zip(_STEPS, (prepare, linear), strict=True)))


FAMILY = LinearFamily()
