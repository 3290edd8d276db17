"""Few rows by the trees in arrays: the same bits as CatBoost's, or not at all."""

import json
from typing import Any

import numpy as np
import pytest

from model_lifecycle.models import load_family
from model_lifecycle.models.base import BINARY, Objective
from model_lifecycle.models.catboost import CatBoostModel
from model_lifecycle.models.catboost_few import CATEGORIES, FewRows

ROWS = 1_500
TEXTS = ("x", 'a "quoted" one', "back\\slash", "two\nlines", "é", "")
ONE_BY_ONE = {"iterations": 40, "depth": 4, "one_hot_max_size": 255, "max_ctr_complexity": 1}


def columns(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "load": random.normal(size=ROWS),
        "gap": np.where(random.random(ROWS) < 0.2, np.nan, random.normal(size=ROWS)),
        "kind": random.choice(np.array(TEXTS, dtype=object), ROWS),
        "height": random.normal(size=ROWS).round(1),
    }


def fitted(objective: Objective = BINARY, without: tuple[str, ...] = (), **parameters: Any) -> CatBoostModel:
    features = {name: values for name, values in columns().items() if name not in without}
    odd = (columns()["kind"] == TEXTS[1]) * 1.5
    target = columns()["load"] + odd + np.random.default_rng(1).normal(size=ROWS)
    if objective.kind != "quantile":
        target = np.digitize(target, [0.0] if objective.kind == "binary" else [-1.0, 1.0]).astype(np.float64)
    model = load_family("catboost").fit(features, target, {**ONE_BY_ONE, **parameters}, 0, 1, objective)
    assert isinstance(model, CatBoostModel)
    return model


def strange_rows() -> list[list[float | str]]:
    found = columns(seed=7)
    found["kind"][::5] = "never seen"
    found["load"][::7], found["gap"][::11], found["height"][::13] = np.inf, -1e300, np.nan
    return [list(row) for row in zip(*(values.tolist() for values in found.values()), strict=True)]


@pytest.mark.parametrize("objective", [BINARY, Objective("quantile", 0.3)], ids=lambda one: one.kind)
def test_few_rows_get_the_bits_of_many(objective: Objective) -> None:
    model, rows = fitted(objective), strange_rows()
    assert model.few is not None
    many = model.predict_rows(rows)
    for size in (1, 5, 24):
        parts = [model.predict_rows(rows[start : start + size]) for start in range(0, 480, size)]
        assert np.array_equal(np.concatenate(parts), many[: size * len(parts)])


def test_without_categories_and_without_numbers() -> None:
    rows = strange_rows()[:20]
    numbers = fitted(without=("kind",))
    assert numbers.few is not None
    shorter = [[row[0], row[1], row[3]] for row in rows]
    assert np.array_equal(numbers.few.margins(shorter), native_margins(numbers, shorter))
    texts = fitted(without=("load", "gap", "height"))
    assert texts.few is not None
    assert np.array_equal(texts.few.margins([[row[2]] for row in rows]), native_margins(texts, [[r[2]] for r in rows]))


def native_margins(model: CatBoostModel, rows: list[list[float | str]]) -> np.ndarray:
    return np.asarray(model.native.predict(rows, prediction_type="RawFormulaVal"))


def test_what_is_not_that_simple_is_left_to_catboost() -> None:
    statistics = fitted(one_hot_max_size=2)
    leafwise = fitted(grow_policy="Lossguide")
    classes = fitted(Objective("multiclass", classes=3))
    assert [model.few for model in (statistics, leafwise, classes)] == [None, None, None]
    assert len(statistics.predict_rows(strange_rows()[:3])) == 3
    assert classes.predict_rows(strange_rows()[:3]).shape == (3, 3)


def test_a_model_that_does_not_tell_its_categories_is_left_to_catboost() -> None:
    model = fitted()
    model.native.get_metadata()[CATEGORIES] = json.dumps({"kind": ["x"]})
    assert FewRows.of(model.native) is None


def test_trees_that_are_read_wrongly_are_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = fitted()
    right = FewRows.margins
    monkeypatch.setattr(FewRows, "margins", lambda self, rows: np.nextafter(right(self, rows), np.inf))
    assert FewRows.of(model.native) is None
    assert "not read to the last bit" in caplog.text
