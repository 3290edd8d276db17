import numpy as np
import pytest

from model_families import fitted, training_rows
from model_lifecycle.errors import ModelError
from model_lifecycle.models import Objective, load_family
from model_lifecycle.models.contributions import contributions


def test_every_row_gets_the_share_of_ones() -> None:
    features, target = training_rows()
    assert fitted("constant").predict(features).tolist() == [target.mean()] * len(target)


def test_a_quantity_gets_the_quantile_and_classes_their_shares() -> None:
    features, late = training_rows()
    size = features["size"]
    plan = load_family("constant").fit(features, size, {}, 0, 1, Objective("quantile", quantile=0.8))
    assert plan.predict(features).tolist() == [np.quantile(size, 0.8)] * len(late)
    classes = late + (size > 1)
    shares = load_family("constant").fit(features, classes, {}, 0, 1, Objective("multiclass", classes=3))
    assert shares.predict(features)[0].tolist() == [(classes == number).mean() for number in range(3)]


@pytest.mark.parametrize("rate", ["NaN", "7", "0", "1.0", "-0.2", "Infinity"])
def test_a_rate_that_is_no_share_is_refused(rate: str) -> None:
    with pytest.raises(ModelError, match=r"constant.json holds binary .*, expected shares or a number"):
        load_family("constant").restore({"constant.json": f'{{"kind": "binary", "prediction": [{rate}]}}'.encode()})


@pytest.mark.parametrize(
    "content", ['{"kind": "binary"}', '{"kind": "binary", "prediction": ["half"]}', '{"prediction": [0.5]}', "[0.5]"]
)
def test_a_file_without_a_prediction_is_refused(content: str) -> None:
    with pytest.raises(ModelError, match=r"constant: constant.json holds no prediction: "):
        load_family("constant").restore({"constant.json": content.encode()})


def test_no_feature_explains_anything() -> None:
    features, _ = training_rows()
    found = contributions(fitted("constant"), "binary", {"size": features["size"]}, 3)
    assert found.values.shape == (700, 1)
    assert not found.values.any()
    assert np.unique(found.base).size == 1
