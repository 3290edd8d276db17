"""Any model is explained, and an explanation that does not add up is refused."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax

from model_families import FAMILIES, fitted, training_rows
from model_lifecycle.contracts.columns import Columns, take
from model_lifecycle.errors import ModelError
from model_lifecycle.models.contributions import contributions

FEATURES, _ = training_rows(120)
_TURN = np.array([[1.0, 0.0, -1.0]])


@dataclass(frozen=True)
class Bare:
    """A model of a user's own, of known contributions, that explains nothing itself."""

    kind: str = "quantile"

    def predict(self, features: Columns) -> np.ndarray:
        raw = 3.0 * features["size"] + 2.0 * (features["depot"] == "north")
        if self.kind == "multiclass":
            return np.asarray(softmax(raw[:, None] * _TURN, axis=1))
        return np.asarray(expit(raw) if self.kind == "binary" else raw)

    def to_files(self) -> dict[str, bytes]:
        return {}


@dataclass(frozen=True)
class Explained(Bare):
    """One that does explain itself, rightly or wrongly."""

    shift: float = 0.0
    shape: tuple[int, ...] | None = None

    def explain(self, features: Columns) -> tuple[np.ndarray, np.ndarray]:
        values = np.zeros(self.shape or (len(features["size"]), len(features)))
        return values, 3.0 * features["size"] + 2.0 * (features["depot"] == "north") + self.shift


@pytest.mark.parametrize("kind", ["binary", "quantile", "multiclass"])
def test_a_model_that_explains_nothing_is_explained_by_permutations_exactly_where_it_is_additive(kind: str) -> None:
    found = contributions(Bare(kind), kind, FEATURES, 5)
    size, depot = (found.values[:, list(FEATURES).index(name)] for name in ("size", "depot"))
    turn = 1.0 if kind != "multiclass" else _TURN
    told = 3.0 * (FEATURES["size"] - FEATURES["size"].mean())
    expected = (told if kind != "multiclass" else told[:, None]) * turn
    moved = size - expected
    np.testing.assert_allclose(moved, np.broadcast_to(moved.mean(axis=0), moved.shape), atol=1e-9)  # up to the base
    assert (np.unique(np.round(depot, 9), axis=0).shape[0]) == 2
    assert not np.abs(found.values).sum(axis=tuple(range(2, found.values.ndim)))[:, 2:].any()
    assert found.method == "permutations"
    assert found.gap < 1e-9


def test_the_same_seed_gives_the_same_permutations() -> None:
    first, again = (contributions(Bare(), "quantile", FEATURES, 5) for _ in range(2))
    np.testing.assert_array_equal(first.values, again.values)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("constant", "seasonal")])
def test_permutations_agree_with_what_a_family_says_of_itself(family: str) -> None:
    @dataclass(frozen=True)
    class Silent:
        model: Any

        def predict(self, features: Columns) -> np.ndarray:
            return np.asarray(self.model.predict(features))

        def to_files(self) -> dict[str, bytes]:
            return {}

    own, other = (contributions(model, "binary", FEATURES, 5) for model in (fitted(family), Silent(fitted(family))))
    assert (own.method, other.method) == ("of the model", "permutations")
    for place in (0, 1):  # size and depot, which decide
        assert np.corrcoef(own.values[:, place], other.values[:, place])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Explained(shift=0.01), r"contributions miss the raw margin by 0\.000\d+, expected at most 1e-06"),
        (Explained(shift=np.nan), "contributions miss the raw margin by nan"),
        (Explained(shape=(120, 2)), r"contributions of shape \(120, 2\) .* expected \(120, 6\)"),
    ],
)
def test_contributions_that_do_not_add_up_are_refused(model: Explained, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        contributions(model, "quantile", FEATURES, 5)
    assert contributions(Explained(), "quantile", take(FEATURES, np.arange(9)), 5).gap == 0.0


def test_a_certain_prediction_is_no_gap() -> None:
    """A probability of 1 does not tell log-odds of 50 from those of 60."""

    class Certain(Explained):
        def predict(self, features: Columns) -> np.ndarray:
            return np.asarray(expit(super().predict(features)))

    features = {**FEATURES, "size": np.where(np.arange(120) % 2, 20.0, -20.0)}
    assert contributions(Certain(), "binary", features, 5).gap == 0.0
