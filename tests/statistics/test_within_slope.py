import numpy as np
import pytest

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.within_slope import within_slopes

AT = np.array([0.0, 1.0, 2.0, 5.0])


def test_the_mean_is_the_slope_of_least_squares_with_an_intercept_for_each_row() -> None:
    draw = np.random.default_rng(3)
    values = 4 * draw.normal(size=(40, 1)) + 0.3 * AT + draw.normal(size=(40, 4))
    values[draw.uniform(size=values.shape) < 0.3] = np.nan
    rows, contributions = within_slopes(values, AT)
    row, place = np.nonzero(np.isfinite(values))
    design = np.column_stack([AT[place], row[:, None] == np.arange(40)])
    slope = np.linalg.lstsq(design, values[row, place], rcond=None)[0][0]
    assert contributions.mean() == pytest.approx(slope, abs=1e-12)
    assert rows.tolist() == (np.isfinite(values).sum(axis=1) >= 2).tolist()


def test_a_row_that_was_measured_once_says_nothing() -> None:
    rows, contributions = within_slopes(np.array([[7.0, np.nan], [1.0, 2.0], [np.nan, np.nan]]), AT[:2])
    assert rows.tolist() == [False, True, False]
    assert contributions.tolist() == [1.0]


def test_without_a_row_of_two_places_there_is_no_slope() -> None:
    with pytest.raises(StatisticError, match="no row of 2 has two places"):
        within_slopes(np.array([[7.0, np.nan], [np.nan, 2.0]]), AT[:2])
