"""The small interface behind which every model family stands."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from model_lifecycle.contracts.columns import Columns

Parameters = Mapping[str, float | int | str | bool]


class Model(Protocol):
    """A fitted model."""

    def predict(self, features: Columns) -> np.ndarray:
        """Return the probability of a positive outcome, float64 in [0, 1], shape (n,)."""
        ...

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Return SHAP values in log-odds, shape (n, n_features), and the base value each row adds up from, shape (n,).

        The columns follow ``features``. Base plus the row's sum is the raw margin before calibration.
        """
        ...

    def to_files(self) -> dict[str, bytes]:
        """Return the model as named files, none of them a pickle."""
        ...


class Family(Protocol):
    """A model family: how to fit one and how to restore one."""

    def fit(self, features: Columns, target: np.ndarray, parameters: Parameters, seed: int, threads: int) -> Model:
        """Fit on n rows.

        Parameters
        ----------
        features : columns
            float64 (NaN = missing) and object (str) columns, n rows.
        target : ndarray of float64, shape (n,)
            0.0 or 1.0.
        parameters : mapping
            The family's own; an unknown one is refused.
        seed, threads : int
            The same seed and thread count give the same model.

        Raises
        ------
        ModelError
            If the target has one class only, or the parameters are refused.
        """
        ...

    def restore(self, files: Mapping[str, bytes]) -> Model:
        """Restore a model from `Model.to_files`.

        A library may read a file with a wrong byte without noticing, or crash on it: whoever stores the files keeps
        their checksums and compares them first.

        Raises
        ------
        ModelError
            If a file is absent or does not hold such a model.
        """
        ...
