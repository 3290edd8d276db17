import numpy as np
import pytest
from scipy import stats

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.share_change import share_change


def test_large_tables_are_tested_as_scipy_does() -> None:
    found = share_change((100, 5000), (40, 900))
    expected = stats.chi2_contingency([[100, 4900], [40, 860]], correction=False)
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))


@pytest.mark.parametrize(("before", "after"), [((2, 1000), (3, 50)), ((0, 500), (1, 50)), ((7, 8), (1, 6))])
def test_small_tables_are_counted_as_fisher_does(before: tuple[int, int], after: tuple[int, int]) -> None:
    table = np.array([[hits, rows - hits] for hits, rows in (before, after)])
    assert share_change(before, after).p_value == pytest.approx(stats.fisher_exact(table).pvalue)


def test_nothing_missing_on_either_side_is_no_change() -> None:
    found = share_change((0, 100), (0, 10))
    assert (found.p_value, found.effect) == (1.0, 0.0)


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(StatisticError, match="share_change, current: found 0 of 0 rows"):
        share_change((1, 2), (0, 0))
