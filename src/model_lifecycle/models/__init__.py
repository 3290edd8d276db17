"""Model families: one a file, behind one small interface. A new one is a file and a line in `_FAMILIES`."""

import importlib
from typing import cast

from model_lifecycle.errors import ModelError
from model_lifecycle.models.base import Family, Model, Parameters

__all__ = ["Family", "Model", "Parameters", "load_family"]

_FAMILIES = {
    "base_rate": "model_lifecycle.models.base_rate",
    "logistic_regression": "model_lifecycle.models.logistic_regression",
    "catboost": "model_lifecycle.models.catboost",
}


def load_family(name: str) -> Family:
    """Return the family of that name; its library is imported only now.

    Raises
    ------
    ModelError
        If there is none.
    """
    if name not in _FAMILIES:
        raise ModelError(f"model family {name!r}, expected one of {sorted(_FAMILIES)}")
    return cast(Family, importlib.import_module(_FAMILIES[name]).FAMILY)
