import numpy as np
import pytest

from model_lifecycle.errors import StatisticError
from model_lifecycle.statistics.sequential import watched_difference

ERROR, FEWEST = 0.05, 50


def stopped(lost: float, worlds: int) -> float:
    """Return the share of worlds in which one of twenty looks found the first side worse.

    A fifth of 400 entities is on the first side; the rows of an entity are alike.
    """
    draw, found = np.random.default_rng(11), 0
    for _ in range(worlds):
        entity = draw.permutation(np.repeat(np.arange(400), 5))
        first = draw.permutation(np.arange(400) < 80)[entity]
        values = draw.normal(0, 1, 400)[entity] + draw.normal(0, 1, len(entity)) - lost * first
        for rows in range(500, len(entity) + 1, 75):
            one, seen, who = first[:rows], values[:rows], entity[:rows]
            bound = watched_difference(seen[one], who[one], seen[~one], who[~one], ERROR, FEWEST)
            if min(bound.clusters) >= FEWEST and bound.upper < 0:
                found += 1
                break
    return found / worlds


def test_however_often_one_looks_an_equal_side_is_hardly_ever_called_worse() -> None:
    assert stopped(lost=0.0, worlds=100) <= ERROR


def test_a_side_that_is_worse_is_found() -> None:
    assert stopped(lost=0.8, worlds=20) == 1.0


def test_rows_of_one_cluster_are_one_fact() -> None:
    values, cluster = np.random.default_rng(1).normal(0, 1, (2, 200)), np.arange(200)
    once = watched_difference(values[0], cluster, values[1], cluster, ERROR, FEWEST)
    often = watched_difference(np.repeat(values[0], 9), np.repeat(cluster, 9), values[1], cluster, ERROR, FEWEST)
    assert often.upper == pytest.approx(once.upper, abs=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"error": 0.5}, "found error 0.5, tuned 10"),
        ({"tuned": 1}, "found error 0.1, tuned 1"),
        ({"first_cluster": np.zeros(4)}, "first: found 1 cluster; expected at least 2"),
        ({"first": np.ones(4), "second": np.ones(4)}, "no value that differs from its mean"),
        ({"first_cluster": np.arange(3)}, "found lengths values 4, cluster 3"),
        ({"second": np.array([1, 2, 3, np.nan])}, "1 of 4 values not finite"),
    ],
)
def test_what_tells_nothing_is_refused(changes: dict[str, object], message: str) -> None:
    sides = {"first": np.arange(4.0), "second": np.arange(4.0)}
    given = {**sides, "first_cluster": np.arange(4), "second_cluster": np.arange(4), "error": 0.1, "tuned": 10}
    with pytest.raises(StatisticError, match=message):
        watched_difference(**{**given, **changes})  # type: ignore[arg-type]
