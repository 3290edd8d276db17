from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.discrimination import (
    auc_contributions,
    average_precision,
    class_auc_contributions,
    roc_auc,
)
from model_lifecycle.statistics.intervals import clustered_mean_interval

STATISTICS = [roc_auc, average_precision]
Statistic = Callable[[np.ndarray, np.ndarray], float]

# Scores in few steps, so that most of them are tied.
scored_rows = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=60).filter(
    lambda rows: len({target for target, _ in rows}) == 2
)


def columns(rows: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([target for target, _ in rows]), np.array([float(score) for _, score in rows])


@given(scored_rows)
def test_both_equal_scikit_learn_with_ties(rows: list[tuple[bool, int]]) -> None:
    target, score = columns(rows)
    assert roc_auc(target, score) == pytest.approx(roc_auc_score(target, score), abs=1e-12)
    assert average_precision(target, score) == pytest.approx(average_precision_score(target, score), abs=1e-12)


def test_both_equal_scikit_learn_on_many_rows() -> None:
    rng = np.random.default_rng(1)
    score = rng.normal(size=30_000).round(3)
    target = rng.random(30_000) < 1.0 / (1.0 + np.exp(1.0 - score))
    assert roc_auc(target, score) == pytest.approx(roc_auc_score(target, score), abs=1e-12)
    assert average_precision(target, score) == pytest.approx(average_precision_score(target, score), abs=1e-12)


@given(scored_rows)
def test_the_auc_of_the_opposite_score_is_one_minus_it(rows: list[tuple[bool, int]]) -> None:
    target, score = columns(rows)
    assert roc_auc(target, score) + roc_auc(target, -score) == pytest.approx(1.0, abs=1e-15)


@given(scored_rows, st.integers(0, 1000))
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[bool, int]], seed: int) -> None:
    target, score = columns(rows)
    order = np.random.default_rng(seed).permutation(target.size)
    assert roc_auc(target[order], score[order]) == roc_auc(target, score)
    assert average_precision(target[order], score[order]) == average_precision(target, score)


def test_a_constant_score_has_chance_auc_and_the_constant_as_precision() -> None:
    target = np.array([1, 0, 0, 0])
    assert roc_auc(target, np.zeros(4)) == 0.5
    assert average_precision(target, np.zeros(4)) == 0.25


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_target_of_one_class_is_refused(statistic: Statistic) -> None:
    with pytest.raises(StatisticError, match=r"target: found 0 positives in 3 rows; expected both classes"):
        statistic(np.zeros(3), np.ones(3))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_scores_that_are_not_finite_are_named_by_row(statistic: Statistic) -> None:
    score = np.array([0.1, np.nan, 0.2, np.inf, np.nan, np.nan])
    with pytest.raises(StatisticError, match=r"score: 4 of 6 values not finite \(rows 1, 3, 4, \.\.\.\); expected"):
        statistic(np.array([0, 1, 0, 1, 0, 1]), score)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_target_other_than_0_and_1_is_refused(statistic: Statistic) -> None:
    with pytest.raises(StatisticError, match=r"target: 1 of 3 values neither 0 nor 1 \(rows 2\); expected 0 or 1"):
        statistic(np.array([0, 1, 2]), np.ones(3))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_different_lengths_are_refused(statistic: Statistic) -> None:
    with pytest.raises(StatisticError, match=r"found lengths target 2, score 3; expected equal lengths"):
        statistic(np.array([0, 1]), np.ones(3))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_no_rows_are_refused(statistic: Statistic) -> None:
    with pytest.raises(StatisticError, match=r"target: found shape \(0,\); expected one dimension and at least one"):
        statistic(np.array([]), np.array([]))


def test_the_contributions_of_rows_average_to_the_area_and_spread_as_delong_says() -> None:
    rng = np.random.default_rng(6)
    target, score = rng.random(400) < 0.3, np.round(rng.normal(size=400), 1)
    score = score + 0.6 * target
    found = auc_contributions(target, score)
    positive, negative = score[target], score[~target]
    won = (positive[:, np.newaxis] > negative) + (positive[:, np.newaxis] == negative) / 2
    variance = won.mean(axis=1).var() / positive.size + won.mean(axis=0).var() / negative.size
    assert found.mean() == pytest.approx(roc_auc(target, score), abs=1e-12)
    assert found.var() / 400 == pytest.approx(variance, rel=1e-9)


def test_contributions_need_both_classes() -> None:
    with pytest.raises(StatisticError, match=r"auc_contributions, target: found 0 positives in 3 rows; expected both"):
        auc_contributions(np.zeros(3), np.arange(3.0))


def test_the_figure_of_classes_is_the_same_whether_or_not_a_class_of_no_weight_occurs() -> None:
    """Scikit-learn's weighted average of one class against the rest, and of two classes the AUC of either."""
    rng = np.random.default_rng(5)
    target = rng.choice(3, size=400, p=[0.6, 0.38, 0.02])
    odds = np.exp(rng.normal(size=(400, 3)) + np.eye(3)[target])
    probability = odds / odds.sum(axis=1, keepdims=True)
    expected = roc_auc_score(target, probability, average="weighted", multi_class="ovr")
    assert np.mean(class_auc_contributions(target, probability)) == pytest.approx(expected)
    two = (target == 1).astype(np.float64)
    pair = np.column_stack([1 - probability[:, 1], probability[:, 1]])
    contributions = auc_contributions(two, probability[:, 1])
    np.testing.assert_allclose(class_auc_contributions(two, pair), contributions)


def test_intervals_of_the_figure_of_classes_hold_the_truth_where_one_is_rare() -> None:
    """Three rows of the rarest class on average; a plain mean over the classes covers in some 70% of these worlds."""
    rng, prior = np.random.default_rng(6), np.array([0.6, 0.39, 0.01])

    def world(rows: int) -> tuple[np.ndarray, np.ndarray]:
        target = rng.choice(3, size=rows, p=prior)
        odds = np.exp(rng.normal(size=(rows, 3)) + np.eye(3)[target]) * prior
        return target, odds / odds.sum(axis=1, keepdims=True)

    truth = np.mean(class_auc_contributions(*world(60_000)))
    day = np.arange(300) * 28 // 300
    found = [clustered_mean_interval(class_auc_contributions(*world(300)), day) for _ in range(200)]
    assert np.mean([one.lower <= truth <= one.upper for one in found]) > 0.9
