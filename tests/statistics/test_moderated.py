import numpy as np
import pytest

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.moderated import moderated_variances


def test_variances_that_differ_by_chance_become_the_usual_one() -> None:
    found = moderated_variances(2.0 * np.random.default_rng(0).chisquare(6, 400) / 6, 6.0)
    assert found.freedom > 60.0
    assert found.variance.min() > 1.5
    assert found.variance.max() < 3.0


def test_the_prior_of_a_scaled_inverse_chi_squared_is_found_again() -> None:
    rng = np.random.default_rng(1)
    true = 3.0 * 8.0 / rng.chisquare(8, 4_000)
    found = moderated_variances(true * rng.chisquare(6, 4_000) / 6, 6.0)
    assert found.freedom == pytest.approx(6.0 + 8.0, rel=0.1)


def test_variances_that_truly_differ_are_left_nearly_as_they_are() -> None:
    variance = np.repeat([0.01, 1.0, 100.0], 50)
    assert moderated_variances(variance, 50.0).variance == pytest.approx(variance, rel=0.3)


def test_too_few_to_learn_from_stay_as_they_are() -> None:
    found = moderated_variances(np.array([1.0, 4.0]), 6.0)
    assert (found.variance.tolist(), found.freedom) == ([1.0, 4.0], 6.0)


def test_a_negative_variance_is_refused() -> None:
    with pytest.raises(StatisticError, match="found -1; expected at least 0"):
        moderated_variances(np.array([1.0, -1.0]), 6.0)
