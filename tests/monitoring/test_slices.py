from dataclasses import replace

import pytest

from model_lifecycle.contracts.business_question import Slice
from model_lifecycle.monitoring.judge import judge_windows
from model_lifecycle.monitoring.slices import judge_slices
from model_lifecycle.monitoring.verdict import SliceVerdict
from model_lifecycle.monitoring.windows import Window, rows_of
from monitored_traffic import LIVE, RULES, TASK, WEEK, champion, live, log_of

ROWS = rows_of(log_of(live(1)), Window(LIVE, LIVE + WEEK), None)
REGION = Slice(column="region", minimum_rows=250)


def _judged(part: Slice, *, mature: bool = True) -> tuple[SliceVerdict, ...]:
    return judge_slices(ROWS, champion(), TASK, WEEK, [part], mature)


def test_each_category_with_enough_rows_has_its_own_figures_the_most_frequent_first() -> None:
    north, south = _judged(REGION)
    assert (north.value, south.value) == ("north", "south")
    inside = [row["region"] == "north" for row in ROWS["inputs"]]
    assert north.decisions == sum(inside)
    assert north.performance is not None
    assert north.performance.figures["positive_rate"].estimate == pytest.approx(ROWS.loc[inside, "value"].mean())
    assert set(north.estimated) == {"log_loss", "auc", "value_per_1000"}


def test_an_immature_window_has_estimates_alone() -> None:
    found = _judged(REGION, mature=False)
    assert [one.performance for one in found] == [None, None]
    assert [set(one.estimated) for one in found] == [{"log_loss", "auc", "value_per_1000"}] * 2


def test_named_groups_alone_are_judged() -> None:
    part = Slice(column="region", kind="sensitive", minimum_rows=10, groups=("south", "east"))
    assert [one.value for one in _judged(part)] == ["south", "east"]


def test_a_column_that_was_not_logged_has_no_slice() -> None:
    assert _judged(Slice(column="colour")) == ()


def test_the_declared_slices_are_part_of_the_verdict() -> None:
    rules = replace(RULES, slices=(REGION,))
    found = judge_windows(log_of(live(1)), champion(), rules, LIVE + WEEK, 1).windows[-1]
    assert [one.column for one in found.slices] == ["region", "region"]
