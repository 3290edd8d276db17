"""Every family fits a quantile and classes as well; a new file in `models` is tried by all of this."""

from functools import cache

import numpy as np
import pytest

from model_families import FAMILIES, MEANS, REFUSED, THREADS, strange_rows, training_rows
from model_lifecycle.contracts.columns import take
from model_lifecycle.errors import ModelError
from model_lifecycle.models import Model, Objective, load_family
from model_lifecycle.models.contributions import contributions
from model_lifecycle.models.margin import margin

FEATURES, LATE = training_rows()
AMOUNT = 10.0 + 3.0 * FEATURES["size"] + np.random.default_rng(8).gamma(2.0, 2.0, len(LATE))
KIND = np.where(LATE == 1.0, 2.0, (FEATURES["size"] > -0.5).astype(np.float64))
OBJECTIVES = {"quantile": Objective("quantile", quantile=0.7), "multiclass": Objective("multiclass", classes=3)}
TARGETS = {"quantile": AMOUNT, "multiclass": KIND}
NONE = take(FEATURES, np.empty(0, dtype=np.int64))
PAIRS = [(family, kind) for family in FAMILIES for kind in OBJECTIVES]
FITTED = [(family, kind) for family, kind in PAIRS if kind not in REFUSED.get(family, ())]
every = pytest.mark.parametrize(("family", "kind"), FITTED)


@cache
def model_of(family: str, kind: str) -> Model:
    return load_family(family).fit(FEATURES, TARGETS[kind], FAMILIES[family], 3, THREADS, OBJECTIVES[kind])


@every
def test_predictions_have_the_shape_and_range_of_their_kind(family: str, kind: str) -> None:
    found = model_of(family, kind).predict(FEATURES)
    assert found.dtype == np.float64
    if kind == "quantile":
        assert found.shape == LATE.shape
        assert model_of(family, kind).predict(NONE).shape == (0,)
        return
    assert found.shape == (len(LATE), 3)
    assert model_of(family, kind).predict(NONE).shape == (0, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(found.mean(axis=0), np.bincount(KIND.astype(int)) / len(KIND), atol=0.03)


@pytest.mark.parametrize("family", [name for name, kind in FITTED if kind == "quantile" and name not in MEANS])
def test_the_quantile_lies_above_its_share_of_the_outcomes(family: str) -> None:
    above = np.mean(np.asarray(model_of(family, "quantile").predict(FEATURES) >= AMOUNT))
    assert above == pytest.approx(0.7, abs=0.06)


@pytest.mark.parametrize(("family", "kind"), [pair for pair in PAIRS if pair not in FITTED])
def test_an_objective_that_a_family_does_not_fit_is_refused_by_its_name(family: str, kind: str) -> None:
    with pytest.raises(ModelError, match=f"{family}: .*{kind}"):
        model_of(family, kind)


@every
def test_strange_rows_get_finite_predictions_and_one_row_is_the_row_of_a_batch(family: str, kind: str) -> None:
    together = model_of(family, kind).predict(strange_rows())
    assert np.isfinite(together).all()
    for place in range(len(together)):
        alone = model_of(family, kind).predict(take(strange_rows(), np.array([place])))
        np.testing.assert_allclose(alone, together[[place]], rtol=1e-12, atol=1e-12)


@every
def test_a_model_from_files_predicts_the_same_and_a_second_fit_has_the_same_bytes(family: str, kind: str) -> None:
    model = model_of(family, kind)
    restored = load_family(family).restore(model.to_files())
    for rows in (FEATURES, strange_rows(), NONE):
        assert restored.predict(rows).tobytes() == model.predict(rows).tobytes()
    again = load_family(family).fit(FEATURES, TARGETS[kind], FAMILIES[family], 3, THREADS, OBJECTIVES[kind])
    assert again.to_files() == model.to_files() == restored.to_files()


@every
def test_shap_values_add_up_to_the_raw_margin(family: str, kind: str) -> None:
    model = model_of(family, kind)
    found, raw = contributions(model, kind, FEATURES, 3), margin(kind, model.predict(FEATURES))
    assert found.values.shape == (len(LATE), len(FEATURES), *raw.shape[1:])
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), raw, rtol=0, atol=1e-6)


@every
def test_what_cannot_be_learned_is_refused(family: str, kind: str) -> None:
    wrong = np.full(len(LATE), 1.0)
    expected = {"quantile": "1 distinct values", "multiclass": r"\[0, 700, 0\] rows of the 3 classes"}
    with pytest.raises(ModelError, match=f"{family}: .*{expected[kind]}"):
        load_family(family).fit(FEATURES, wrong, FAMILIES[family], 3, THREADS, OBJECTIVES[kind])
    wrong = np.where(np.arange(len(LATE)) == 5, np.nan, TARGETS[kind])
    with pytest.raises(ModelError, match=f"{family}: target with .*1 (values that are no numbers|of none)"):
        load_family(family).fit(FEATURES, wrong, FAMILIES[family], 3, THREADS, OBJECTIVES[kind])
