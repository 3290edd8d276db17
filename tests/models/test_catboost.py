from pathlib import Path

import pytest

from model_families import FAMILIES, fitted, training_rows
from model_lifecycle.errors import ModelError
from model_lifecycle.models import load_family


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
