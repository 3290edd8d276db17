"""The trivial baseline: the share of positive outcomes in training, for every row."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model_lifecycle.contracts.columns import Columns, row_count
from model_lifecycle.errors import ModelError
from model_lifecycle.models.base import Parameters
from model_lifecycle.models.checks import check_training_rows, required_file

_FILE = "base_rate.json"


@dataclass(frozen=True)
class BaseRate:
    """One probability for all."""

    rate: float

    def predict(self, features: Columns) -> np.ndarray:
        """Return the training rate for every row."""
        return np.full(row_count(features), self.rate)

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Return zeros: no feature moves the prediction."""
        rows = row_count(features)
        return np.zeros((rows, len(features))), np.full(rows, np.log(self.rate / (1 - self.rate)))

    def to_files(self) -> dict[str, bytes]:
        """Return one JSON file."""
        return {_FILE: json.dumps({"rate": self.rate}).encode()}


class BaseRateFamily:
    """Fits and restores `BaseRate`."""

    def fit(  # a mean needs neither seed nor threads
        self,
        features: Columns,
        target: np.ndarray,
        parameters: Parameters,
        seed: int,  # noqa: ARG002
        threads: int,  # noqa: ARG002
    ) -> BaseRate:
        """Take the mean of the target."""
        check_training_rows("base_rate", features, target)
        if parameters:
            raise ModelError(f"base_rate: parameters {sorted(parameters)}, expected none")
        return BaseRate(float(target.mean()))

    def restore(self, files: Mapping[str, bytes]) -> BaseRate:
        """Read the rate back."""
        try:
            rate = float(json.loads(required_file("base_rate", files, _FILE))["rate"])
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"base_rate: {_FILE} holds no rate: {error}") from error
        if not 0 < rate < 1:
            raise ModelError(f"base_rate: {_FILE} holds the rate {rate}, expected one between 0 and 1")
        return BaseRate(rate)


FAMILY = BaseRateFamily()
