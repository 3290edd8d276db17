"""From when to when policies are compared, and when they may act."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from model_lifecycle.backtest.schedule import Schedule, plan_schedule, split_at
from model_lifecycle.contracts.backtest import BacktestSpec
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.policy import TrainingWindow
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.pipelines.feature_engineering.nodes import plan_split
from tiny_release import QUESTION

SPLIT = SplitSpec(time_zone="America/New_York")
POLICIES = {"never": {"trigger": "never"}, "monthly": {"trigger": "calendar", "every": "month"}}


def spec(**others: Any) -> BacktestSpec:
    return BacktestSpec.model_validate({"present": "never", "policies": POLICIES, **others})


def nothing(moment: datetime) -> str:
    """Lack nothing."""
    return ""


def times(start: str, end: str) -> pd.Series:
    return pd.Series(pd.date_range(start, end, freq="6h", tz="UTC"))


YEAR = times("2013-01-01T08:00", "2014-01-01T02:00")


def test_the_first_release_goes_live_as_soon_as_three_periods_are_there() -> None:
    found = plan_schedule(YEAR, spec(), SPLIT, nothing)
    assert found.start == datetime(2013, 4, 1, 4, tzinfo=UTC)
    assert found.end == datetime(2014, 1, 1, 2, tzinfo=UTC) + timedelta(microseconds=1)
    assert len(found.calendar("month")) == 8
    assert len(found.calendar("quarter")) == 2


@pytest.mark.parametrize("days", [10, 45])
def test_the_first_release_waits_for_labels_that_take_long_and_has_a_period_to_train_on(days: int) -> None:
    split = SPLIT.model_copy(update={"label_delay": timedelta(days=days)})
    start = plan_schedule(YEAR, spec(), split, nothing).start
    assert start == datetime(2013, 4, 1, 4, tzinfo=UTC) + timedelta(days=2 * days)
    plan = plan_split(
        YEAR.to_frame("asked_at"), split_at(split, start, YEAR, TrainingWindow()), RunSpec(as_of=start), QUESTION
    )
    first = plan.folds[0]
    assert pd.Timestamp(first.trained_until) - pd.Timestamp(first.train_start) >= timedelta(days=27)


def test_the_first_release_waits_for_the_first_period_with_enough_to_train_on() -> None:
    asked: list[datetime] = []

    def lacking(moment: datetime) -> str:
        asked.append(moment)
        return "34 late outcomes, expected at least 100" if moment.month < 6 else ""

    assert plan_schedule(YEAR, spec(), SPLIT, lacking).start == datetime(2013, 6, 1, 4, tzinfo=UTC)
    assert [moment.month for moment in asked] == [4, 5, 6]


def test_a_history_that_never_has_enough_is_refused_with_what_it_lacks_at_the_last_start() -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"no first release can be trained: as of 2013-11-01T00:00:00-04:00, the last of 8 starts that leave 2 "
        r"periods .*, 34 late outcomes, expected at least 100; give more history or another backtest\.start",
    ):
        plan_schedule(YEAR, spec(), SPLIT, lambda moment: "34 late outcomes, expected at least 100")  # noqa: ARG005


def test_a_start_that_is_given_is_taken() -> None:
    found = plan_schedule(YEAR, spec(start="2013-06-01T00:00:00-04:00"), SPLIT, lambda moment: "too few")  # noqa: ARG005
    assert found.start == datetime(2013, 6, 1, 4, tzinfo=UTC)


def test_calendars_follow_the_clocks_of_the_time_zone() -> None:
    months = plan_schedule(YEAR, spec(), SPLIT, nothing).calendar("month")
    assert [moment.hour for moment in months] == [4] * 7 + [5]  # winter time from November on


def test_start_and_end_can_be_given() -> None:
    found = plan_schedule(
        YEAR, spec(start="2013-06-01T00:00:00-04:00", end="2013-09-01T00:00:00-04:00"), SPLIT, nothing
    )
    assert [moment.month for moment in found.calendar("month")] == [7, 8]


@pytest.mark.parametrize(
    ("series", "asked"),
    [
        (times("2013-01-01", "2013-05-20"), {}),
        (YEAR, {"start": "2013-03-01T00:00:00-05:00"}),
        (YEAR, {"start": "2013-12-01T00:00:00-05:00"}),
    ],
    ids=["short history", "starts too early", "starts too late"],
)
def test_too_short_a_history_is_refused_with_what_is_missing(series: pd.Series, asked: dict[str, str]) -> None:
    with pytest.raises(
        ConfigurationError, match=r"decisions run from 2013-01-01.*expected 3 periods of a month.*2 after"
    ):
        plan_schedule(series, spec(**asked), SPLIT, nothing)


def test_early_retrainings_have_fewer_validation_periods() -> None:
    april, may = datetime(2013, 4, 1, 4, tzinfo=UTC), datetime(2013, 5, 1, 4, tzinfo=UTC)
    assert split_at(SPLIT, april, YEAR, TrainingWindow()).validation_periods == 1
    assert split_at(SPLIT, may, YEAR, TrainingWindow()).validation_periods == 2


def test_the_window_of_a_policy_takes_the_place_of_the_configured_one() -> None:
    may, rolling = datetime(2013, 5, 1, 4, tzinfo=UTC), SPLIT.model_copy(update={"train_periods": 6})
    assert split_at(rolling, may, YEAR, TrainingWindow()).train_periods == 6
    assert split_at(rolling, may, YEAR, TrainingWindow(periods="expanding")).train_periods is None
    assert split_at(rolling, may, YEAR, TrainingWindow(periods=3)).train_periods == 3


def test_checks_are_the_ends_of_whole_windows() -> None:
    found = Schedule(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 20, tzinfo=UTC), "UTC")
    assert [moment.day for moment in found.checks(timedelta(days=7))] == [8, 15]
