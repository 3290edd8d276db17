import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.calibration import (
    calibration_in_the_large,
    calibration_slope_intercept,
    reliability,
)

predictions = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=1, max_size=80)


def distorted(slope: float, intercept: float, rows: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Predictions whose true calibration line is the one given."""
    rng = np.random.default_rng(3)
    told = expit(rng.normal(-1.0, 1.0, rows))
    return rng.random(rows) < expit(intercept + slope * logit(told)), told


@given(predictions, st.integers(1, 12))
def test_the_bins_hold_every_row_once(rows: list[tuple[bool, int]], bins: int) -> None:
    target, probability = np.array([y for y, _ in rows]), np.array([p / 8 for _, p in rows])
    diagram = reliability(target, probability, bins)
    assert diagram.n.sum() == target.size
    assert diagram.n.size <= bins
    assert diagram.n.min() >= 1
    assert np.all(np.diff(diagram.mean_prediction) > 0)
    assert diagram.n @ diagram.mean_prediction == pytest.approx(probability.sum())
    assert diagram.n @ diagram.observed_rate == pytest.approx(target.sum())


def test_distinct_predictions_fill_the_bins_equally() -> None:
    probability = np.random.default_rng(0).permutation(np.linspace(0.0, 1.0, 1000))
    diagram = reliability(probability > 0.5, probability, bins=10)
    assert diagram.n.tolist() == [100] * 10


def test_equal_predictions_are_never_parted() -> None:
    probability = np.repeat([0.1, 0.2, 0.9], [70, 10, 20])
    diagram = reliability(np.zeros(100), probability, bins=10)
    assert diagram.n.tolist() == [70, 10, 20]


def test_the_calibration_error_weighs_gaps_by_rows() -> None:
    target = np.array([0] * 30 + [1] * 10)
    probability = np.repeat([0.1, 0.5], [30, 10])
    assert reliability(target, probability).expected_error() == pytest.approx(0.75 * 0.1 + 0.25 * 0.5)


def test_a_calibrated_prediction_has_a_small_error_and_line_one_zero() -> None:
    target, probability = distorted(slope=1.0, intercept=0.0)
    line = calibration_slope_intercept(target, probability)
    assert reliability(target, probability).expected_error() < 0.02
    assert line.slope == pytest.approx(1.0, abs=0.05)
    assert line.intercept == pytest.approx(0.0, abs=0.06)


def test_predictions_too_high_are_above_0_in_the_large() -> None:
    target, probability = distorted(slope=1.0, intercept=-0.5)
    assert calibration_in_the_large(target, probability) == pytest.approx(probability.mean() - target.mean())
    assert calibration_in_the_large(target, probability) > 0.05


@pytest.mark.parametrize(("slope", "intercept"), [(0.6, 0.4), (2.5, -1.0), (-1.0, 0.0), (0.05, 2.0)])
def test_the_line_equals_an_unpenalised_logistic_regression(slope: float, intercept: float) -> None:
    target, probability = distorted(slope, intercept)
    line = calibration_slope_intercept(target, probability)
    reference = LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky")
    reference.fit(logit(probability)[:, None], target)
    assert line.slope == pytest.approx(reference.coef_[0, 0], abs=1e-6)
    assert line.intercept == pytest.approx(reference.intercept_[0], abs=1e-6)


def test_certain_predictions_keep_the_line_finite() -> None:
    line = calibration_slope_intercept(np.array([0, 1, 0, 1, 1, 0]), np.array([0.0, 1.0, 1.0, 0.0, 0.7, 0.3]))
    assert np.isfinite([line.slope, line.intercept]).all()


def test_certain_and_wrong_predictions_do_not_keep_the_line_from_being_found() -> None:
    target, probability = np.array([0, 0, 1, 1, 0]), np.array([1.0, 1.0, 0.0, 0.375, 0.125])
    assert calibration_slope_intercept(target, probability).slope < 0.0


def test_one_certain_prediction_far_from_the_others_does_not_throw_the_line_off() -> None:
    cautious = np.linspace(0.48, 0.52, 300)
    target = np.append(np.arange(300) % 50 == 7, True)
    assert calibration_slope_intercept(target, np.append(cautious, 1.0)).slope > 0.0


@given(predictions)
def test_a_line_is_found_whenever_the_classes_overlap(rows: list[tuple[bool, int]]) -> None:
    target, probability = np.array([y for y, _ in rows]), np.array([p / 8 for _, p in rows])
    hits, misses = probability[target], probability[~target]
    if hits.size and misses.size and misses.max() > hits.min() and hits.max() > misses.min():
        line = calibration_slope_intercept(target, probability)
        edge = np.finfo(float).eps
        fitted = expit(line.intercept + line.slope * logit(np.clip(probability, edge, 1 - edge)))
        assert fitted.mean() == pytest.approx(target.mean(), abs=1e-6)
    else:
        with pytest.raises(StatisticError, match="expected ranges that overlap"):
            calibration_slope_intercept(target, probability)


def test_predictions_that_part_the_classes_have_no_line() -> None:
    with pytest.raises(StatisticError, match=r"positives in \[0\.6, 0\.9\] and negatives in \[0\.1, 0\.6\]; expected"):
        calibration_slope_intercept(np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.6, 0.9]))


def test_one_class_has_no_line() -> None:
    with pytest.raises(StatisticError, match=r"found no positives and negatives in \[0\.1, 0\.2\]"):
        calibration_slope_intercept(np.zeros(2), np.array([0.1, 0.2]))


def test_no_bin_at_all_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"reliability, bins: found 0; expected at least 1"):
        reliability(np.array([0, 1]), np.array([0.1, 0.2]), bins=0)


@pytest.mark.parametrize("statistic", [reliability, calibration_in_the_large, calibration_slope_intercept])
def test_missing_probabilities_and_lengths_that_differ_are_refused(statistic: object) -> None:
    assert callable(statistic)
    with pytest.raises(StatisticError, match=r"probability: 1 of 2 values not finite \(rows 0\)"):
        statistic(np.array([0, 1]), np.array([np.nan, 0.2]))
    with pytest.raises(StatisticError, match=r"found lengths target 1, probability 2; expected equal lengths"):
        statistic(np.array([1]), np.array([0.1, 0.2]))
