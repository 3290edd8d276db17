"""Families of trees tell the loss on later rows tree by tree; a new one is tried by all of this."""

import numpy as np
import pytest

from model_families import FAMILIES, THREADS, training_rows
from model_lifecycle.contracts.columns import take
from model_lifecycle.models import Objective, TreeFamily, load_family
from model_lifecycle.statistics.proper_scores import log_losses

FEATURES, LATE = training_rows()
PAST, LATER = np.arange(500), np.arange(500, len(LATE))
OBJECTIVES = {
    "binary": (Objective(), LATE),
    "quantile": (Objective("quantile", quantile=0.7), 10.0 + 3.0 * FEATURES["size"]),
    "multiclass": (Objective("multiclass", classes=3), LATE + (FEATURES["size"] > 1.0)),
}
TREES = [name for name in FAMILIES if isinstance(load_family(name), TreeFamily)]
every = pytest.mark.parametrize(("family", "kind"), [(family, kind) for family in TREES for kind in OBJECTIVES])


def _losses(family: str, kind: str, most: int, patience: int, weight: np.ndarray | None = None) -> np.ndarray:
    found, (objective, target) = load_family(family), OBJECTIVES[kind]
    assert isinstance(found, TreeFamily)
    return found.losses_by_trees(
        take(FEATURES, PAST),
        target[PAST],
        (take(FEATURES, LATER), target[LATER]),
        patience,
        {**FAMILIES[family], found.trees: most, "learning_rate": 0.3},
        3,
        THREADS,
        objective,
        weight,
    )


def test_boosted_trees_are_such_families() -> None:
    assert TREES == ["catboost", "hist_gradient_boosting"]


@every
def test_every_tree_has_its_loss_and_a_second_fit_the_same_ones(family: str, kind: str) -> None:
    found = _losses(family, kind, 12, 12)
    assert found.shape == (12,)
    assert found.dtype == np.float64
    assert found[-1] < found[0]
    np.testing.assert_array_equal(found, _losses(family, kind, 12, 12))


@pytest.mark.parametrize("family", TREES)
def test_a_fit_stops_when_trees_make_nothing_better_and_the_trees_before_are_the_same(family: str) -> None:
    whole, stopped = _losses(family, "binary", 150, 150), _losses(family, "binary", 150, 5)
    best = int(np.argmin(stopped))
    assert best + 5 <= len(stopped) <= best + 7 < len(whole) == 150
    np.testing.assert_array_equal(stopped, whole[: len(stopped)])


@pytest.mark.parametrize("family", TREES)
def test_a_model_of_so_many_trees_has_the_loss_that_was_told(family: str) -> None:
    found = load_family(family)
    assert isinstance(found, TreeFamily)
    parameters = {**FAMILIES[family], found.trees: 7, "learning_rate": 0.3}
    model = found.fit(take(FEATURES, PAST), LATE[PAST], parameters, 3, THREADS)
    mine = log_losses(LATE[LATER], model.predict(take(FEATURES, LATER))).mean()
    assert _losses(family, "binary", 20, 20)[6] == pytest.approx(mine, abs=1e-6)


@pytest.mark.parametrize("family", TREES)
def test_weights_count_as_they_do_in_the_fit(family: str) -> None:
    found, weight = load_family(family), np.linspace(0.1, 2.0, len(PAST))
    assert isinstance(found, TreeFamily)
    parameters = {**FAMILIES[family], found.trees: 7, "learning_rate": 0.3}
    model = found.fit(take(FEATURES, PAST), LATE[PAST], parameters, 3, THREADS, weight=weight)
    mine = log_losses(LATE[LATER], model.predict(take(FEATURES, LATER))).mean()
    assert _losses(family, "binary", 20, 20, weight)[6] == pytest.approx(mine, abs=1e-6)
    assert _losses(family, "binary", 20, 20)[6] != pytest.approx(mine, abs=1e-4)
