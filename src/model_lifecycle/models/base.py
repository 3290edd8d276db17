"""The small interface behind which every model family stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from model_lifecycle.contracts.columns import Columns

Parameters = Mapping[str, float | int | str | bool]


@dataclass(frozen=True, slots=True)
class Objective:
    """What a model is fitted for.

    Attributes
    ----------
    kind : {'binary', 'quantile', 'multiclass'}
        The probability of a yes; a quantile of a quantity; the probabilities of classes.
    quantile : float
        In (0, 1), for 'quantile'.
    classes : int
        Their number, for 'multiclass'.
    """

    kind: Literal["binary", "quantile", "multiclass"] = "binary"
    quantile: float = 0.5
    classes: int = 2


BINARY = Objective()


class Model(Protocol):
    """A fitted model."""

    def predict(self, features: Columns) -> np.ndarray:
        """Return the raw prediction of each row, float64.

        binary: probability of a positive outcome, in [0, 1], shape (n,). quantile: in the target's unit, shape (n,).
        multiclass: probabilities that sum to 1, shape (n, n_classes).
        """
        ...

    def to_files(self) -> dict[str, bytes]:
        """Return the model as named files, none of them a pickle."""
        ...


@runtime_checkable
class ExplainedModel(Model, Protocol):
    """A model that knows what each feature added; one that does not is explained by permutations (`contributions`)."""

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Return SHAP values, shape (n, n_features), and the base value that each row adds up from, shape (n,).

        The columns follow ``features``. Base plus the row's sum is the raw margin before calibration: log-odds
        (binary), the prediction itself (quantile), or log-probabilities up to a constant of the row (multiclass, with
        a last axis of classes on both arrays).
        """
        ...


class Family(Protocol):
    """A model family: how to fit one and how to restore one."""

    def fit(
        self,
        features: Columns,
        target: np.ndarray,
        parameters: Parameters,
        seed: int,
        threads: int,
        objective: Objective = BINARY,
        weight: np.ndarray | None = None,
    ) -> Model:
        """Fit on n rows.

        Parameters
        ----------
        features : columns
            float64 (NaN = missing) and object (str) columns, n rows.
        target : ndarray of float64, shape (n,)
            0.0 or 1.0 (binary), finite (quantile), or the number of the class from 0 on (multiclass).
        parameters : mapping
            The family's own; an unknown one is refused.
        seed, threads : int
            The same seed and thread count give the same model.
        objective : Objective
            A family may refuse a kind that it cannot fit.
        weight : ndarray of float64, shape (n,), optional
            How much each row counts, above 0; None: all alike.

        Raises
        ------
        ModelError
            If a class has no row, a quantity no spread, or the parameters or the objective are refused.
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


@runtime_checkable
class TreeFamily(Family, Protocol):
    """A family whose trees are fitted one after another, so that later rows can tell how many there should be."""

    @property
    def trees(self) -> str:
        """The parameter that counts them."""
        ...

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
        """Fit tree after tree until the loss on later rows has not been better for ``patience`` trees.

        Parameters
        ----------
        features, target, parameters, seed, threads, objective, weight
            As for ``fit``; the parameter that counts the trees is the most there will be.
        later : tuple
            Features and target of rows that came later; nothing is fitted on them.
        patience : int
            At least 1.

        Returns
        -------
        ndarray of shape (n_trees,), float64
            The mean loss on the later rows with 1, 2, ... trees, up to where the fit stopped; in the unit of the
            objective's loss, up to a factor.

        Raises
        ------
        ModelError
            As ``fit``.
        """
        ...
