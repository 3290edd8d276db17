"""Regularised logistic regression on standardised numbers and one-hot categories."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from model_lifecycle.contracts.columns import Columns
from model_lifecycle.errors import ModelError
from model_lifecycle.models.base import Parameters
from model_lifecycle.models.checks import check_training_rows, required_file

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_FILE = "logistic_regression.skops"
_PARAMETERS = {"C": 1.0, "min_frequency": 50, "max_iter": 200}
# The only types beyond scikit-learn's own defaults that such a pipeline holds; none of them runs code from the file.
_TRUSTED = ("numpy.dtype",)


@dataclass(frozen=True)
class LogisticRegressionModel:
    """A fitted scikit-learn pipeline: impute, standardise, one-hot, logistic regression."""

    pipeline: "Pipeline"

    def predict(self, features: Columns) -> np.ndarray:
        """Return the probability of a positive outcome."""
        table = pd.DataFrame(dict(features))
        return np.asarray(self.pipeline.predict_proba(table))[:, 1] if len(table) else np.empty(0)

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Return linear SHAP values against the training mean, one-hot columns added up by feature."""
        prepare, linear = self.pipeline.named_steps["prepare"], self.pipeline.named_steps["linear"]
        matrix = prepare.transform(pd.DataFrame(dict(features)))
        coefficients = linear.coef_[0]
        contributions = matrix * coefficients
        names = list(features)
        owners = [names.index(_owner(column, names)) for column in prepare.get_feature_names_out()]
        values = np.zeros((len(matrix), len(names)))
        np.add.at(values, (slice(None), owners), contributions)
        return values, np.full(len(matrix), float(linear.intercept_[0]))

    def to_files(self) -> dict[str, bytes]:
        """Return the pipeline as a skops file."""
        from skops import io  # noqa: PLC0415

        return {_FILE: io.dumps(self.pipeline)}


def _owner(column: str, names: list[str]) -> str:
    """Return the feature that a prepared column was made from: itself, or the longest name before ``_<category>``."""
    plain = column.removeprefix("missingindicator_")
    return max((name for name in names if plain == name or plain.startswith(f"{name}_")), key=len)


class LogisticRegressionFamily:
    """Fits and restores `LogisticRegressionModel`."""

    def fit(
        self, features: Columns, target: np.ndarray, parameters: Parameters, seed: int, threads: int
    ) -> LogisticRegressionModel:
        """Fit by L-BFGS; ``C`` is the inverse strength of the L2 penalty, rarer categories than ``min_frequency`` pool."""
        check_training_rows("logistic_regression", features, target)
        unknown = sorted(set(parameters) - set(_PARAMETERS))
        if unknown:
            raise ModelError(f"logistic_regression: parameters {unknown}, expected some of {sorted(_PARAMETERS)}")
        chosen = {**_PARAMETERS, **parameters}
        pipeline = _pipeline(features, chosen, seed)
        pipeline.fit(pd.DataFrame(dict(features)), target)
        return LogisticRegressionModel(pipeline)

    def restore(self, files: Mapping[str, bytes]) -> LogisticRegressionModel:
        """Load a pipeline; a file that holds any type that is not expected is refused."""
        from skops import io  # noqa: PLC0415

        try:
            pipeline = io.loads(required_file("logistic_regression", files, _FILE), trusted=list(_TRUSTED))
        except Exception as error:  # skops raises whatever the file makes it raise
            raise ModelError(f"logistic_regression: {_FILE} is not a trusted pipeline: {error}") from error
        return LogisticRegressionModel(pipeline)


def _pipeline(features: Columns, chosen: Mapping[str, float | int | str | bool], seed: int) -> "Pipeline":
    from sklearn.compose import ColumnTransformer  # noqa: PLC0415
    from sklearn.impute import SimpleImputer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import Pipeline  # noqa: PLC0415
    from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: PLC0415

    categorical = [name for name, values in features.items() if values.dtype == object]
    numeric = [name for name in features if name not in categorical]
    impute = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    encode = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=chosen["min_frequency"], sparse_output=False)
    prepare = ColumnTransformer(
        [
            ("numeric", Pipeline([("impute", impute), ("scale", StandardScaler())]), numeric),
            ("categorical", encode, categorical),
        ],
        verbose_feature_names_out=False,
    )
    linear = LogisticRegression(C=chosen["C"], max_iter=int(chosen["max_iter"]), random_state=seed)
    return Pipeline([("prepare", prepare), ("linear", linear)])


FAMILY = LogisticRegressionFamily()
