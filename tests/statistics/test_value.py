import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.value import best_threshold, cumulative_value_curve

scored_gains = st.lists(st.tuples(st.integers(0, 6), st.integers(-9, 9)), min_size=1, max_size=40).map(
    lambda rows: (np.array([s / 6 for s, _ in rows]), np.array([float(g) for _, g in rows]))
)


@given(scored_gains)
def test_no_threshold_at_all_is_worth_more_than_the_best(rows: tuple[np.ndarray, np.ndarray]) -> None:
    score, gain = rows
    best = best_threshold(score, gain)
    tried = [gain[score >= threshold].sum() for threshold in (*np.unique(score), np.inf)]
    assert best.value == max(tried)


@given(scored_gains)
def test_acting_from_the_threshold_up_earns_the_stated_value(rows: tuple[np.ndarray, np.ndarray]) -> None:
    score, gain = rows
    best = best_threshold(score, gain)
    acted = score >= best.threshold
    assert gain[acted].sum() == best.value
    assert acted.sum() == best.acted


@given(scored_gains)
def test_the_curve_states_what_each_threshold_earns(rows: tuple[np.ndarray, np.ndarray]) -> None:
    score, gain = rows
    curve = cumulative_value_curve(score, gain)
    for threshold, acted, value in zip(curve.threshold, curve.acted, curve.value, strict=True):
        assert acted == (score >= threshold).sum()
        assert value == gain[score >= threshold].sum()


def test_equal_scores_are_never_parted() -> None:
    best = best_threshold(np.array([0.5, 0.5, 0.2]), np.array([10.0, -12.0, 5.0]))
    assert (best.acted, best.value) == (3, 3.0)


def test_never_acting_is_best_when_nothing_pays() -> None:
    best = best_threshold(np.array([0.9, 0.1]), np.array([-1.0, 0.5]))
    assert (best.threshold, best.value, best.acted) == (np.inf, 0.0, 0)


def test_a_value_of_rounding_errors_is_no_reason_to_act() -> None:
    gain = np.array([0.1, 0.2, -0.3])
    assert np.cumsum(gain)[-1] > 0.0
    assert best_threshold(np.full(3, 0.5), gain).threshold == np.inf


def test_of_equally_good_thresholds_the_highest_is_taken() -> None:
    best = best_threshold(np.array([0.9, 0.6, 0.3]), np.array([1.0, -1.0, 1.0]))
    assert best.acted == 1


def test_the_threshold_lies_midway_so_that_the_last_bit_of_a_score_does_not_decide() -> None:
    assert best_threshold(np.array([0.8, 0.6]), np.array([1.0, -1.0])).threshold == pytest.approx(0.7)


@pytest.mark.parametrize("low", [0.6, float(np.nextafter(0.6, 1.0))])  # the middle rounds up or down
def test_scores_a_bit_apart_are_told_apart(low: float) -> None:
    high = float(np.nextafter(low, 1.0))
    best = best_threshold(np.array([high, low]), np.array([1.0, -1.0]))
    assert best.threshold == high


def test_acting_on_all_has_the_lowest_score_as_threshold() -> None:
    assert best_threshold(np.array([0.8, 0.6]), np.array([1.0, 1.0])).threshold == 0.6


def test_missing_scores_and_gains_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"curve, score: 1 of 2 values not finite \(rows 0\)"):
        best_threshold(np.array([np.nan, 0.1]), np.ones(2))
    with pytest.raises(StatisticError, match=r"curve, gain: 1 of 2 values not finite \(rows 1\)"):
        best_threshold(np.ones(2), np.array([1.0, np.nan]))


def test_different_lengths_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"found lengths score 2, gain 1; expected equal lengths"):
        cumulative_value_curve(np.ones(2), np.ones(1))


def test_no_rows_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"curve, score: found shape \(0,\)"):
        best_threshold(np.array([]), np.array([]))
