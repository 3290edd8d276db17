import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from model_lifecycle.errors import ModelError
from model_lifecycle.models.calibration import Calibration, fit_calibration, logit

DRAW = np.random.default_rng(2)
TRUE = DRAW.uniform(0.02, 0.98, 4000)
TARGET = (DRAW.random(4000) < TRUE).astype(np.float64)


def sharpened(probability: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-(slope * logit(probability) + intercept))))


def test_without_a_method_probabilities_stay_to_the_last_bit() -> None:
    assert fit_calibration("none", TRUE, TARGET).apply(TRUE).tobytes() == TRUE.tobytes()


def test_overconfidence_is_taken_back() -> None:
    calibration = fit_calibration("sigmoid", sharpened(TRUE, 2.0, 1.0), TARGET)
    assert calibration.slope == pytest.approx(0.5, abs=0.05)
    assert calibration.intercept == pytest.approx(-0.5, abs=0.1)
    assert calibration.apply(sharpened(TRUE, 2.0, 1.0)).mean() == pytest.approx(TARGET.mean(), abs=1e-6)
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.floats(1e-3, 1e4), st.floats(-1e4, 1e4))
def test_calibrated_probabilities_are_probabilities_in_the_same_order(
    values: list[float], slope: float, intercept: float
) -> None:
    calibration = Calibration(method="sigmoid", slope=slope, intercept=intercept)
    probability = np.sort(np.array(values))
    found = calibration.apply(probability)
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert (np.diff(found) >= 0).all()
    assert calibration.apply(probability[:1]).tobytes() == found[:1].tobytes()


def test_a_model_that_ranks_the_wrong_way_round_is_refused() -> None:
    with pytest.raises(ModelError, match=r"calibration slope -0\.9\d+, expected above 0: the model ranks the wrong"):
        fit_calibration("sigmoid", 1 - TRUE, TARGET)
    with pytest.raises(ValidationError, match="slope\n  Input should be greater than 0"):
        Calibration(method="sigmoid", slope=-1.0)
