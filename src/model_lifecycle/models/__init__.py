"""Model families: every file beside this one that is no helper is a family, by the file's name (docs/models.md)."""

import importlib
import pkgutil
from typing import cast

from model_lifecycle.errors import ModelError
from model_lifecycle.models.base import BINARY, Family, Model, Objective, Parameters, TreeFamily

__all__ = ["BINARY", "Family", "Model", "Objective", "Parameters", "TreeFamily", "families", "load_family"]

_HELPERS = {"base", "calibration", "catboost_few", "checks", "contributions", "margin", "skops_file", "tree_shap"}


def families() -> list[str]:
    """Return the names of all families, sorted; none is imported."""
    return sorted({module.name for module in pkgutil.iter_modules(__path__)} - _HELPERS)


def load_family(name: str) -> Family:
    """Return the family of that name; its library is imported only now.

    Raises
    ------
    ModelError
        If there is none, or its file has no ``FAMILY``.
    """
    if name not in families():
        raise ModelError(f"model family {name!r}, expected one of {families()}")
    module = importlib.import_module(f"{__name__}.{name}")
    if not hasattr(module, "FAMILY"):
        raise ModelError(f"model family {name!r}: its file has no FAMILY, expected an object with fit and restore")
    return cast(Family, module.FAMILY)
