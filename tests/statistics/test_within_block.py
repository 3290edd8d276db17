"""What is left of probabilities once each day has a level of its own."""

import numpy as np
import pytest
from scipy.special import expit

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.within_block import recalibrate_within


def _world(slope: float, spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return events, what was promised for them, and days with a level of their own that nobody knew."""
    draw = np.random.default_rng(3)
    block = np.repeat(np.arange(40), 300)
    margin = draw.normal(size=block.size)
    truth = slope * margin - 1.0 + spread * draw.normal(size=40)[block]
    return (draw.uniform(size=block.size) < expit(truth)).astype(float), expit(margin), block


def test_the_slope_is_found_whatever_the_days_bring() -> None:
    event, probability, block = _world(0.5, 1.0)
    found = recalibrate_within(event, probability, block)
    margin = np.log(probability / (1 - probability))
    assert np.polyfit(margin, found.margin, 1)[0] == pytest.approx(0.5, abs=0.06)
    assert abs((found.residual * margin).sum()) < 2.0  # of 12,000 rows; the prior keeps a little


def test_residuals_of_a_day_add_up_to_nothing_and_weights_are_the_variance_of_the_event() -> None:
    event, probability, block = _world(1.0, 0.5)
    found = recalibrate_within(event, probability, block)
    assert np.abs(np.bincount(block, found.residual)).max() < 1e-9
    assert found.weight.mean() == pytest.approx((found.residual**2).mean(), rel=0.02)


@pytest.mark.parametrize("promised", ["parted", "turned", "all alike", "impossible"])
def test_scores_that_part_the_classes_or_say_nothing_give_finite_figures(promised: str) -> None:
    event, _, block = _world(1.0, 0.5)
    probability = {"parted": event, "turned": 1 - event, "all alike": event * 0 + 0.3, "impossible": event * 0}
    found = recalibrate_within(event, probability[promised], block)
    assert np.isfinite([found.residual, found.weight, found.margin]).all()


def test_a_day_of_one_class_alone_leaves_nothing() -> None:
    found = recalibrate_within(np.ones(6), np.full(6, 0.3), np.repeat([0, 1], 3))
    assert np.abs(found.residual).max() < 1e-9


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"recalibrate_within, event: 1 of 2 values neither 0 nor 1 \(rows 1\)"):
        recalibrate_within(np.array([0.0, 2.0]), np.array([0.5, 0.5]), np.array([0, 1]))
