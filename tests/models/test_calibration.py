import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from model_lifecycle.errors import ModelError
from model_lifecycle.models.calibration import Calibration, fit_conformal, fit_sigmoid, fit_temperature
from model_lifecycle.models.margin import logit

DRAW = np.random.default_rng(2)
TRUE = DRAW.uniform(0.02, 0.98, 4000)
TARGET = (DRAW.random(4000) < TRUE).astype(np.float64)


def sharpened(probability: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-(slope * logit(probability) + intercept))))


def test_without_a_method_probabilities_stay_to_the_last_bit() -> None:
    assert Calibration().apply(TRUE).tobytes() == TRUE.tobytes()


def test_overconfidence_is_taken_back() -> None:
    calibration = fit_sigmoid(sharpened(TRUE, 2.0, 1.0), TARGET)
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
        fit_sigmoid(1 - TRUE, TARGET)
    with pytest.raises(ValidationError, match="slope\n  Input should be greater than 0"):
        Calibration(method="sigmoid", slope=-1.0)


def test_a_temperature_takes_back_overconfidence_and_wrong_shares() -> None:
    shares = DRAW.dirichlet([2.0, 1.0, 0.5], 6000)
    target = (shares.cumsum(axis=1) < DRAW.random(6000)[:, None]).sum(axis=1).astype(np.float64)
    sharp = shares**2 * [1.0, 2.0, 0.5]
    sharp /= sharp.sum(axis=1, keepdims=True)
    calibration = fit_temperature(sharp, target)
    found = calibration.apply(sharp)
    assert calibration.slope == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(found.mean(axis=0), np.bincount(target.astype(int)) / len(target), atol=1e-6)
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration
    assert calibration.apply(sharp[:1]).tobytes() == found[:1].tobytes()


def test_a_temperature_without_a_class_is_refused() -> None:
    with pytest.raises(ModelError, match=r"\[2, 1, 0\] rows of the classes, expected some of each"):
        fit_temperature(np.full((3, 3), 1 / 3), np.array([0.0, 0.0, 1.0]))


@pytest.mark.parametrize(("quantile", "interval"), [(0.5, 0.8), (0.8, 0.9), (0.2, 0.8)])
def test_conformal_intervals_hold_their_share_in_every_part_of_the_range(quantile: float, interval: float) -> None:
    raw = DRAW.uniform(0, 10, 20_000)
    target = raw + (1 + raw) * DRAW.normal(size=raw.size)  # the spread grows with the level
    fitted, fresh = slice(0, 10_000), slice(10_000, None)
    found = fit_conformal(raw[fitted], target[fitted], quantile, interval).apply(raw[fresh])
    low, high = raw[fresh] < 5, raw[fresh] >= 5
    for part in (low, high):
        held = (target[fresh] >= found[:, 0]) & (target[fresh] <= found[:, 2])
        assert held[part].mean() == pytest.approx(interval, abs=0.02)
        assert (target[fresh] <= found[:, 1])[part].mean() == pytest.approx(quantile, abs=0.02)
    assert (found[:, 0] <= found[:, 1]).all()
    assert (found[:, 1] <= found[:, 2]).all()


def test_conformal_takes_a_constant_a_single_row_and_refuses_none() -> None:
    calibration = fit_conformal(np.full(3000, 7.0), np.arange(3000.0), 0.5, 0.8)
    assert calibration.edges == ()
    assert calibration.apply(np.array([7.0]))[0] == pytest.approx([299.0, 1499.5, 2700.0], abs=2)
    assert fit_conformal(np.array([1.0]), np.array([3.0]), 0.5, 0.8).apply(np.array([1.0])).tolist() == [
        [3.0, 3.0, 3.0]
    ]
    with pytest.raises(ModelError, match="no out-of-fold row"):
        fit_conformal(np.empty(0), np.empty(0), 0.5, 0.8)
