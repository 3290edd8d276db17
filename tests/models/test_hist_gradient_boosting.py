import numpy as np
import pytest

from model_families import training_rows
from model_lifecycle.errors import ModelError
from model_lifecycle.models import load_family

FAMILY = load_family("hist_gradient_boosting")


@pytest.mark.parametrize("parameters", [{"learning_rate": -1.0}, {"max_iter": "long"}, {"max_bins": 1}])
def test_parameters_that_scikit_learn_refuses_are_refused(parameters: dict[str, float | str]) -> None:
    features, target = training_rows()
    with pytest.raises(ModelError, match=rf"hist_gradient_boosting: parameters \{{'{next(iter(parameters))}': .*\}}: "):
        FAMILY.fit(features, target, parameters, 3, 1)


def test_it_finds_what_a_line_cannot() -> None:
    """The outcome is an exclusive or of two signs."""
    draw = np.random.default_rng(1)
    features = {"a": draw.normal(size=2000), "b": draw.normal(size=2000)}
    target = ((features["a"] > 0) ^ (features["b"] > 0)).astype(np.float64)
    predicted = FAMILY.fit(features, target, {"max_iter": 40}, 3, 1).predict(features)
    assert ((predicted > 0.5) == (target == 1.0)).mean() > 0.95
    line = load_family("linear").fit(features, target, {}, 3, 1).predict(features)
    assert ((line > 0.5) == (target == 1.0)).mean() < 0.6


def test_a_column_that_was_never_there_in_training_moves_nothing_later() -> None:
    features, target = training_rows()
    model = FAMILY.fit(features, target, {"max_iter": 5}, 3, 1)
    later = {**features, "empty": np.arange(len(target), dtype=np.float64)}
    assert model.predict(later).tobytes() == model.predict(features).tobytes()
