"""The trivial baseline: the one prediction that does best in training, for every row."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.errors import ModelError
from model_lifecycle.models.base import BINARY, Objective, Parameters
from model_lifecycle.models.checks import check_training_rows, required_file
from model_lifecycle.models.margin import margin
from model_lifecycle.statistics.weighted_quantile import weighted_quantile

_FILE = "constant.json"


@dataclass(frozen=True)
class Constant:
    """One prediction for all: a share, a quantile, or the shares of the classes."""

    kind: str
    prediction: tuple[float, ...]

    def predict(self, features: Columns) -> np.ndarray:
        """Return the same for every row."""
        rows = np.tile(np.array(self.prediction, dtype=np.float64), (row_count(features), 1))
        return rows if self.kind == "multiclass" else rows[:, 0]

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Return zeros: no feature moves the prediction."""
        base = margin(self.kind, self.predict(features))
        return np.zeros((len(base), len(features), *base.shape[1:])), base

    def to_files(self) -> dict[str, bytes]:
        """Return one JSON file."""
        return {_FILE: json.dumps({"kind": self.kind, "prediction": self.prediction}).encode()}


class ConstantFamily:
    """Fits and restores `Constant`."""

    def fit(  # a constant needs neither seed nor threads
        self,
        features: Columns,
        target: np.ndarray,
        parameters: Parameters,
        seed: int,  # noqa: ARG002
        threads: int,  # noqa: ARG002
        objective: Objective = BINARY,
        weight: np.ndarray | None = None,
    ) -> Constant:
        """Take the share of the ones, the quantile, or the share of each class."""
        check_training_rows("constant", features, target, objective)
        if parameters:
            raise ModelError(f"constant: parameters {sorted(parameters)}, expected none")
        return Constant(objective.kind, tuple(best_constant(target, objective, weight).tolist()))

    def restore(self, files: Mapping[str, bytes]) -> Constant:
        """Read the prediction back."""
        try:
            content = json.loads(required_file("constant", files, _FILE))
            model = Constant(str(content["kind"]), tuple(float(value) for value in content["prediction"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"constant: {_FILE} holds no prediction: {error}") from error
        values = np.array(model.prediction)
        shares = model.kind == "quantile" or bool((values > 0).all() and (values < 1).all())
        if not values.size or not np.isfinite(values).all() or not shares:
            raise ModelError(f"constant: {_FILE} holds {model.kind} {model.prediction}, expected shares or a number")
        return model


def best_constant(target: np.ndarray, objective: Objective, weight: np.ndarray | None = None) -> np.ndarray:
    """Return the constant prediction with the lowest loss on these rows, float64, shape (1,) or (n_classes,)."""
    if objective.kind == "multiclass":
        counts = np.bincount(target.astype(np.int64), weight, minlength=objective.classes)
        return np.asarray(counts / counts.sum())
    if objective.kind == "quantile":
        value = weighted_quantile(target, objective.quantile, weight)
    else:
        value = float(target.mean() if weight is None else np.average(target, weights=weight))
    return np.array([value], dtype=np.float64)


FAMILY = ConstantFamily()
