"""Rows on which every model family is tried, and the models that each family makes of them."""

from functools import cache

import numpy as np

from model_lifecycle.models import Model, families, load_family
from model_lifecycle.models.base import Parameters

PARAMETERS: dict[str, Parameters] = {
    "linear": {"min_frequency": 20},
    "hist_gradient_boosting": {"max_iter": 25, "max_leaf_nodes": 8, "min_frequency": 20},
    "catboost": {"iterations": 25, "depth": 4, "max_ctr_complexity": 1},
    "seasonal": {"by": "size, depot", "bins": 6},
}
FAMILIES = {name: PARAMETERS.get(name, {}) for name in families()}  # a new file is tried without a line here
REFUSED: dict[str, tuple[str, ...]] = {}  # of 'quantile' and 'multiclass', what a family says that it does not fit
MEANS = {"seasonal"}  # families whose quantile is a mean, moved by calibration
ROWS = 700
THREADS = 1


def training_rows(rows: int = ROWS) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return numbers with and without gaps, categories with rare values and unicode, and a target they explain."""
    draw = np.random.default_rng(5)
    size, price = draw.normal(size=rows), draw.lognormal(3, 1, rows)
    depot = np.array(
        draw.choice(["north", "süd", "東", "(missing)"], rows, p=[0.5, 0.3, 0.19, 0.01]).tolist(), dtype=object
    )
    street = np.array(draw.choice(["b", "c_b", "d"], rows).tolist(), dtype=object)
    late = (size + (depot == "north") + draw.normal(size=rows) > 0.5).astype(np.float64)
    features = {
        "size": size,
        "depot": depot,
        "price": np.where(draw.random(rows) < 0.2, np.nan, price),
        "depot_c": np.where(draw.random(rows) < 0.1, np.nan, draw.normal(size=rows)),
        "empty": np.full(rows, np.nan),
        "street": street,
    }
    return features, late


def strange_rows() -> dict[str, np.ndarray]:
    """Return rows as nobody trained on: unseen and odd categories, gaps everywhere, extreme numbers."""
    numbers = [np.nan, 1e15, -1e15, 0.0, 1e-300, 3e38]
    words = ["", "unseen", "n\u0000rth", "🛫" * 200, "nan", "北"]
    text = np.array(words, dtype=object)
    return {
        "size": np.array(numbers),
        "depot": text,
        "price": np.array(numbers[::-1]),
        "depot_c": np.full(len(numbers), np.nan),
        "empty": np.array(numbers),
        "street": text[::-1].copy(),
    }


@cache
def fitted(family: str) -> Model:
    """Return the family's model of the training rows, fitted once."""
    features, target = training_rows()
    return load_family(family).fit(features, target, FAMILIES[family], 3, THREADS)
