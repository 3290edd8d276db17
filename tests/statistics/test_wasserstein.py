import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.wasserstein import normalised_wasserstein

samples = st.lists(st.integers(-50, 50), min_size=1, max_size=30).map(lambda values: np.array(values, dtype=float))
spread = samples.filter(lambda values: np.ptp(values) > 0)


@given(spread, samples)
def test_it_equals_scipy_over_the_spread_of_the_reference(reference: np.ndarray, current: np.ndarray) -> None:
    expected = wasserstein_distance(reference, current) / np.std(reference)
    assert normalised_wasserstein(reference, current) == pytest.approx(expected, abs=1e-9)


@given(spread, samples, st.floats(0.5, 100), st.floats(-100, 100))
def test_the_unit_and_the_origin_do_not_matter(
    reference: np.ndarray, current: np.ndarray, unit: float, origin: float
) -> None:
    elsewhere = normalised_wasserstein(reference * unit + origin, current * unit + origin)
    assert elsewhere == pytest.approx(normalised_wasserstein(reference, current), abs=1e-6)


def test_a_constant_reference_has_distance_0_or_infinity() -> None:
    constant = np.full(3, 0.1)
    assert np.std(constant) > 0.0  # a rounding error
    assert normalised_wasserstein(constant, np.full(3, 0.1)) == 0.0
    assert normalised_wasserstein(constant, np.array([0.1, 0.2])) == np.inf


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(StatisticError, match=r"normalised_wasserstein, current: found shape \(0,\)"):
        normalised_wasserstein(np.array([1.0]), np.array([]))


def test_missing_values_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"normalised_wasserstein, reference: 1 of 2 values not finite"):
        normalised_wasserstein(np.array([1.0, np.nan]), np.array([1.0]))
