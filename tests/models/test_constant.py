import numpy as np
import pytest

from model_families import fitted, training_rows
from model_lifecycle.errors import ModelError
from model_lifecycle.models import load_family


def test_every_row_gets_the_share_of_ones() -> None:
    features, target = training_rows()
    assert fitted("constant").predict(features).tolist() == [target.mean()] * len(target)


@pytest.mark.parametrize("rate", ["NaN", "7", "0", "1.0", "-0.2", "Infinity"])
def test_a_rate_that_is_no_share_is_refused(rate: str) -> None:
    with pytest.raises(ModelError, match=r"constant.json holds the rate .*, expected one between 0 and 1"):
        load_family("constant").restore({"constant.json": f'{{"rate": {rate}}}'.encode()})


@pytest.mark.parametrize("content", ['{"rat": 0.5}', '{"rate": "half"}', '{"rate": null}', "[0.5]"])
def test_a_file_without_a_rate_is_refused(content: str) -> None:
    with pytest.raises(ModelError, match=r"constant: constant.json holds no rate: "):
        load_family("constant").restore({"constant.json": content.encode()})


def test_no_feature_explains_anything() -> None:
    features, _ = training_rows()
    values, base = fitted("constant").explain({"size": features["size"]})
    assert values.shape == (700, 1)
    assert not values.any()
    assert np.unique(base).size == 1
