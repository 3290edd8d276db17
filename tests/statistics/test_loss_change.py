import numpy as np
import pytest

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.loss_change import ReferenceLosses, reference_losses, split_loss_change

DAYS = 20


def _rows(seed: int, rows: int = 2_000, power: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, losses that rise with them, and days."""
    rng = np.random.default_rng(seed)
    score = rng.random(rows) ** power
    return score, score + 0.3 * rng.standard_normal(rows), np.repeat(np.arange(DAYS), rows // DAYS)


def _reference(seed: int = 0) -> ReferenceLosses:
    score, losses, day = _rows(seed)
    return reference_losses(score, losses, np.zeros(score.size), day)


def test_strata_hold_about_as_many_rows_each_and_all_of_them() -> None:
    found = _reference()
    assert found.rows.shape == (DAYS, 10)
    assert found.rows.sum() == 2_000
    assert set(found.rows.sum(axis=0).tolist()) == {200}


def test_both_parts_add_up_to_the_change_by_hand() -> None:
    score, losses, day = np.array([0.1, 0.9, 0.1, 0.9]), np.array([1.0, 3.0, 1.0, 5.0]), np.array([0, 0, 1, 1])
    before = reference_losses(score, losses, np.zeros(4), day, strata=2)
    now = split_loss_change(before, np.full(4, 0.9), np.array([5.0, 6.0, 5.0, 6.0]), np.zeros(4), day)
    assert now.total.estimate == pytest.approx(5.5 - 2.5)
    assert now.from_inputs.estimate == pytest.approx(4.0 - 2.5)
    assert now.from_outcomes.estimate == pytest.approx(5.5 - 4.0)
    assert now.unexplained.tolist() == pytest.approx([1.0, 2.0, 1.0, 2.0])


def test_other_inputs_with_equal_outcomes_are_put_down_to_inputs() -> None:
    score, losses, day = _rows(1, power=0.5)
    found = split_loss_change(_reference(), score, losses, np.zeros(score.size), day)
    assert found.from_inputs.lower > 0.1
    assert found.from_outcomes.lower < 0.0 < found.from_outcomes.upper


def test_other_outcomes_of_equal_inputs_are_put_down_to_outcomes() -> None:
    score, losses, day = _rows(1)
    found = split_loss_change(_reference(), score, losses + 0.2, np.zeros(score.size), day)
    assert found.from_outcomes.lower > 0.1
    assert found.from_inputs.lower < 0.0 < found.from_inputs.upper


def test_what_predictions_promise_explains_a_change_within_a_stratum() -> None:
    """A constant score has one stratum; the promise still tells hard rows from easy ones."""
    _, losses, day = _rows(0)
    promised = np.clip(losses, 0.0, None)
    before = reference_losses(np.zeros(losses.size), promised, promised, day)
    harder = split_loss_change(before, np.zeros(losses.size), promised + 0.5, promised + 0.5, day)
    assert before.edges.tolist() == [0.0]
    assert harder.from_inputs.estimate == pytest.approx(0.5)
    assert harder.from_outcomes.estimate == pytest.approx(0.0, abs=1e-12)


def test_a_stratum_that_the_reference_never_saw_takes_the_excess_of_all() -> None:
    found = ReferenceLosses(np.array([0.5]), np.array([[2, 0]]), np.array([[3.0, 0.0]]), np.zeros((1, 2)))
    assert found.excess(found.rows.sum(axis=0), found.losses.sum(axis=0)).tolist() == [1.5, 1.5]


def test_a_single_day_is_refused() -> None:
    score, losses, _ = _rows(1)
    with pytest.raises(StatisticError, match="found 1 block of 2,000 rows; expected at least 2"):
        split_loss_change(_reference(), score, losses, np.zeros(score.size), np.zeros(score.size))


def test_a_loss_that_is_not_finite_is_refused() -> None:
    score, losses, day = _rows(1)
    losses[3] = np.nan
    with pytest.raises(StatisticError, match="split_loss_change, losses: 1 of 2,000 values not finite"):
        split_loss_change(_reference(), score, losses, np.zeros(score.size), day)
