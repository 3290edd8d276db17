from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model_families import FAMILIES, fitted, strange_rows, training_rows
from model_lifecycle.errors import ModelError
from model_lifecycle.models import load_family
from model_lifecycle.models.catboost import CatBoostModel


def test_another_seed_gives_another_model() -> None:
    features, target = training_rows()
    again = load_family("catboost").fit(features, target, FAMILIES["catboost"], 4, 1)
    assert again.to_files() != fitted("catboost").to_files()


@pytest.mark.parametrize(
    "parameters",
    [{"iterations": 0}, {"depth": "deep"}, {"depth": 99}, {"random_seed": 1}, {"loss_function": "RMSE"}],
)
def test_parameters_that_catboost_refuses_or_that_are_not_free_are_refused(parameters: dict[str, float | str]) -> None:
    features, target = training_rows()
    with pytest.raises(ModelError, match=rf"catboost: parameters \{{.*'{next(iter(parameters))}'.*: "):
        load_family("catboost").fit(features, target, {**FAMILIES["catboost"], **parameters}, 3, 1)


def test_fitting_leaves_no_files_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    features, target = training_rows()
    load_family("catboost").fit(features, target, {"iterations": 2}, 3, 1).to_files()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # matplotlib's, when shap is imported
def test_explanations_are_those_of_the_shap_library() -> None:
    import shap
    from catboost import Pool

    model, features = fitted("catboost"), strange_rows()
    assert isinstance(model, CatBoostModel)
    values, base = model.explain(features)

    explainer = shap.TreeExplainer(model.native)
    categorical = [name for name, column in features.items() if column.dtype == object]
    expected = explainer.shap_values(Pool(pd.DataFrame(features), cat_features=categorical))
    np.testing.assert_allclose(values, expected, atol=1e-12)
    np.testing.assert_allclose(base, explainer.expected_value, atol=1e-12)
