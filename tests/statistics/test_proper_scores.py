import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.proper_scores import log_losses, squared_errors

predictions = st.lists(st.tuples(st.booleans(), st.floats(0.0, 1.0)), min_size=1, max_size=50)


@given(predictions)
def test_the_means_of_both_equal_scikit_learn(rows: list[tuple[bool, float]]) -> None:
    target, probability = np.array([y for y, _ in rows]), np.array([p for _, p in rows])
    expected = sklearn_log_loss(target, probability, labels=[False, True])
    assert log_losses(target, probability).mean() == pytest.approx(expected, abs=1e-12)
    assert squared_errors(target, probability).mean() == pytest.approx(
        brier_score_loss(target, probability, labels=[False, True], pos_label=True), abs=1e-12
    )


def test_a_certain_mistake_costs_a_finite_loss() -> None:
    assert log_losses(np.array([1, 0]), np.array([0.0, 1.0])) == pytest.approx([36.0437, 36.0437], abs=1e-4)


def test_a_certain_and_right_prediction_costs_nothing() -> None:
    losses = log_losses(np.array([1, 0]), np.array([1.0, 0.0]))
    assert losses.tolist() == [0.0, 0.0]
    assert not np.signbit(losses).any()


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_the_honest_probability_has_the_least_expected_score(truth: float, told: float) -> None:
    def expected(losses_of_1: float, losses_of_0: float) -> float:
        return truth * losses_of_1 + (1.0 - truth) * losses_of_0

    both, honest, other = np.array([1, 0]), np.full(2, truth), np.full(2, told)
    for losses in (log_losses, squared_errors):
        assert expected(*losses(both, honest)) <= expected(*losses(both, other)) + 1e-12


def test_a_probability_outside_0_and_1_is_refused() -> None:
    with pytest.raises(
        StatisticError, match=r"probability: 2 of 3 values outside \[0, 1\] \(rows 0, 2\); expected prob"
    ):
        log_losses(np.array([0, 1, 0]), np.array([-0.1, 0.5, 1.1]))


def test_a_missing_probability_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"squared_errors, probability: 1 of 2 values not finite \(rows 1\)"):
        squared_errors(np.array([0, 1]), np.array([0.5, np.nan]))


def test_different_lengths_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"log_losses: found lengths target 2, probability 1; expected equal"):
        log_losses(np.array([0, 1]), np.array([0.5]))


def test_text_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"log_losses, target: found dtype <U1; expected numbers"):
        log_losses(np.array(["a"]), np.array([0.5]))
