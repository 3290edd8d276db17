import numpy as np
import pytest

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.power import minimum_detectable_mean


def test_the_detectable_mean_is_found_as_often_as_the_power_says() -> None:
    draw = np.random.default_rng(3)
    past = draw.normal(0.0, 2.0, 4000)
    smallest = minimum_detectable_mean(past, np.arange(4000), n_blocks=8)

    future = draw.normal(smallest, 2.0, (4000, 8))
    error = future.std(axis=1, ddof=1) / np.sqrt(8)
    found = future.mean(axis=1) / error > 2.3646  # Student's 97.5% quantile with 7 degrees of freedom

    assert found.mean() == pytest.approx(0.8, abs=0.05)


def test_more_blocks_show_smaller_gains() -> None:
    values, block = np.random.default_rng(1).normal(size=200), np.repeat(np.arange(20), 10)

    assert minimum_detectable_mean(values, block, 16) < 0.6 * minimum_detectable_mean(values, block, 4)


def test_a_single_block_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"found 1 block; expected at least 2"):
        minimum_detectable_mean(np.array([1.0, 2.0]), np.array([0, 0]), 4)


def test_a_single_future_block_is_refused() -> None:
    with pytest.raises(StatisticError, match="n_blocks"):
        minimum_detectable_mean(np.array([1.0, 2.0]), np.array([0, 1]), 1)
