import numpy as np
import pytest
from scipy import stats

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.wasserstein import wasserstein_distance


@pytest.mark.parametrize("seed", range(5))
def test_it_is_that_of_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    before, after = random.normal(size=40), np.round(random.normal(0.5, 2.0, size=70), 1)
    assert wasserstein_distance(before, after) == pytest.approx(stats.wasserstein_distance(before, after), rel=1e-12)


def test_a_shift_is_a_distance_of_just_that() -> None:
    values = np.random.default_rng(0).normal(size=100)
    assert wasserstein_distance(values, values + 3.0) == pytest.approx(3.0)


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(StatisticError, match="wasserstein_distance, current: 1 of 2 values not finite"):
        wasserstein_distance(np.zeros(2), np.array([1.0, np.nan]))
