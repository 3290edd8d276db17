from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.features.fixed_point import LARGEST, SCALE, amount, fixed_point, limbs, square_limbs

values = st.lists(st.floats(-LARGEST, LARGEST), min_size=1, max_size=20)


def whole(parts: tuple[np.ndarray, ...]) -> list[int]:
    return [sum(int(part) << (25 * place) for place, part in enumerate(column)) for column in zip(*parts, strict=True)]


@given(values)
def test_the_limbs_make_up_the_number_and_its_square(numbers: list[float]) -> None:
    fixed = fixed_point(np.array(numbers))
    assert whole(limbs(fixed)) == fixed.tolist()
    assert whole(square_limbs(fixed)) == [number**2 for number in fixed.tolist()]


@given(values)
def test_a_sum_of_limbs_is_rounded_once(numbers: list[float]) -> None:
    fixed = fixed_point(np.array(numbers))
    low, high = np.array(limbs(fixed)).sum(axis=1)
    assert float(amount(low, high)) == float(sum(fixed.tolist())) / SCALE


def test_a_limb_has_25_bits_so_that_sums_have_room() -> None:
    largest = fixed_point(np.array([LARGEST, -LARGEST]))
    assert np.max(square_limbs(largest)) < 2**25
    assert np.abs(limbs(largest)).max() <= 2**25


def test_what_is_not_finite_counts_as_nothing() -> None:
    assert fixed_point(np.array([np.nan, np.inf, 0.5])).tolist() == [0, 0, int(Fraction(1, 2) * SCALE)]
