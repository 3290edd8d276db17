"""The split in calendar periods back from as_of, and features of every decision as of its own moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.errors import FeatureError
from model_lifecycle.features.folds import age_when_made, fold_rows, training_rows
from model_lifecycle.pipelines.data_engineering.nodes.primary import as_known, known_events
from model_lifecycle.pipelines.feature_engineering.nodes import (
    fit_state,
    make_model_input,
    plan_split,
    profile_reference,
)
from parcels import MONITORING, QUESTION_WITH_SLICE, RUN, SPLIT, Stages, decisions, deliveries
from tiny_release import SPEC

PARCELS = decisions()
EVENTS = deliveries(PARCELS)


def _plan(as_of: datetime, **changes: Any) -> SplitPlan:
    split = SplitSpec.model_validate({**SPLIT.model_dump(), **changes})
    run = RunSpec(as_of=as_of)
    return plan_split(as_known(PARCELS, QUESTION_WITH_SLICE, run), split, run, QUESTION_WITH_SLICE)


def _edges(plan: SplitPlan) -> list[str]:
    return [
        moment.isoformat()[:16] for moment in (*(fold.start for fold in plan.folds), plan.test.start, plan.test.end)
    ]


def test_where_outcomes_take_long_the_split_lies_so_much_earlier_and_training_ends_so_long_before_each_boundary() -> (
    None
):
    as_of, delay = datetime(2024, 5, 10, 22, tzinfo=UTC), timedelta(days=10)
    late, usual = _plan(as_of, label_delay="10d", period="week"), _plan(as_of - delay, period="week")
    assert _edges(late) == _edges(usual)
    assert all(fold.trained_until == fold.start - delay for fold in (*late.folds, late.test))
    assert all(fold.trained_until == fold.start for fold in (*usual.folds, usual.test))
    assert late.test.retrained_at(as_of).trained_until == as_of - delay
    split = SplitSpec.model_validate({**SPLIT.model_dump(), "label_delay": "10d", "period": "week"})
    assert age_when_made(as_of, split, refit=False) == as_of - late.test.trained_until
    assert age_when_made(as_of, split, refit=True) == delay
    run = RunSpec(as_of=as_of)
    primary = as_known(PARCELS, QUESTION_WITH_SLICE, run)
    events = known_events(EVENTS, SPEC, run)
    state = fit_state(primary, events, SPEC, late, QUESTION_WITH_SLICE)
    train, test = make_model_input(primary, events, SPEC, state, late, QUESTION_WITH_SLICE)
    assert test[model_input.DECISION_TIME].max() < late.test.end
    assert train[model_input.DECISION_TIME].max() < late.test.start
    assert (primary[QUESTION_WITH_SLICE.decision_time] >= late.test.end).any()
    for fold in (*late.folds, late.test):
        assert train.loc[training_rows(train, fold), model_input.DECISION_TIME].max() < fold.trained_until


@pytest.mark.parametrize("train_periods", [None, 2])
def test_an_as_of_long_after_the_last_decision_is_told_to_be_earlier(train_periods: int | None) -> None:
    with pytest.raises(FeatureError, match=r"0 (test|training) decisions between .* expected an earlier as_of"):
        _plan(datetime(2030, 1, 1, tzinfo=UTC), train_periods=train_periods)


def _hourly(start: str, end: str) -> pd.DataFrame:
    times = pd.date_range(start, end, freq="h", tz="UTC").astype("datetime64[us, UTC]")
    return pd.DataFrame({QUESTION_WITH_SLICE.decision_time: times})


def test_months_begin_at_midnight_of_the_zone() -> None:
    assert _edges(_plan(datetime(2024, 7, 31, 22, tzinfo=UTC))) == [
        "2024-04-30T22:00", "2024-05-31T22:00", "2024-06-30T22:00", "2024-07-31T22:00",
    ]  # fmt: skip


def test_months_keep_the_clock_on_the_wall_across_daylight_saving() -> None:
    table = _hourly("2024-01-01", "2024-05-01")
    plan = plan_split(table, SPLIT, RunSpec(as_of=datetime(2024, 4, 30, 22, tzinfo=UTC)), QUESTION_WITH_SLICE)
    # Berlin is an hour ahead of UTC until 31 March and two hours from then on.
    assert _edges(plan) == ["2024-01-31T23:00", "2024-02-29T23:00", "2024-03-31T22:00", "2024-04-30T22:00"]


def test_weeks_and_days_keep_the_clock_on_the_wall_as_well() -> None:
    table, run = _hourly("2024-03-01", "2024-04-10"), RunSpec(as_of=datetime(2024, 4, 3, 22, tzinfo=UTC))
    weeks = plan_split(table, SplitSpec(time_zone="Europe/Berlin", period="week"), run, QUESTION_WITH_SLICE)
    assert _edges(weeks) == ["2024-03-13T23:00", "2024-03-20T23:00", "2024-03-27T23:00", "2024-04-03T22:00"]
    days = plan_split(
        table, SplitSpec(time_zone="Europe/Berlin", period="day", test_periods=4), run, QUESTION_WITH_SLICE
    )
    assert _edges(days) == ["2024-03-28T23:00", "2024-03-29T23:00", "2024-03-30T23:00", "2024-04-03T22:00"]


def test_quarters_and_years_suit_few_rows_and_rare_positives() -> None:
    table, run = _hourly("2020-01-01", "2024-01-10"), RunSpec(as_of=datetime(2024, 1, 1, tzinfo=UTC))
    quarters = plan_split(table, SplitSpec(time_zone="UTC", period="quarter"), run, QUESTION_WITH_SLICE)
    assert _edges(quarters) == ["2023-04-01T00:00", "2023-07-01T00:00", "2023-10-01T00:00", "2024-01-01T00:00"]
    years = plan_split(table, SplitSpec(time_zone="UTC", period="year", validation_periods=1), run, QUESTION_WITH_SLICE)
    assert _edges(years) == ["2022-01-01T00:00", "2023-01-01T00:00", "2024-01-01T00:00"]


def test_an_as_of_inside_a_month_counts_back_from_that_day() -> None:
    assert _edges(_plan(datetime(2024, 7, 16, 10, 30, tzinfo=UTC))) == [
        "2024-04-16T10:30", "2024-05-16T10:30", "2024-06-16T10:30", "2024-07-16T10:30",
    ]  # fmt: skip


@pytest.mark.parametrize("hour", [0, 1, 2, 3])
def test_an_hour_that_daylight_saving_skips_or_repeats_is_no_obstacle(hour: int) -> None:
    for month, day in ((4, 10), (12, 3)):  # a month after the clock was put forward, and back, in New York in 2013
        local = pd.Timestamp(2013, month, day, hour, 30, tz="America/New_York")
        split = SplitSpec(time_zone="America/New_York", validation_periods=1)
        table = _hourly("2013-01-01", "2013-12-31")
        plan = plan_split(table, split, RunSpec(as_of=local.to_pydatetime()), QUESTION_WITH_SLICE)
        assert plan.folds[0].start < plan.test.start < plan.test.end


def test_a_rolling_window_begins_its_periods_before_each_boundary() -> None:
    plan = _plan(datetime(2024, 7, 31, 22, tzinfo=UTC), train_periods=1)
    assert [fold.train_start.isoformat()[:16] for fold in (*plan.folds, plan.test)] == [
        "2024-03-31T22:00", "2024-04-30T22:00", "2024-05-31T22:00",
    ]  # fmt: skip


def test_a_rolling_window_never_begins_before_the_data() -> None:
    plan = _plan(datetime(2024, 7, 31, 22, tzinfo=UTC), train_periods=24)
    assert {fold.train_start for fold in (*plan.folds, plan.test)} == {PARCELS["asked_at"].min().to_pydatetime()}


def test_an_as_of_too_early_for_the_periods_is_refused_with_the_span_of_the_data() -> None:
    message = (
        r"run.as_of 2024-05-20T00:00:00\+00:00 with 2 validation and 1 test periods of a month: 0 training decisions "
        r"between .* and .*; decisions run from 2024-03-01 00:00:00\+00:00 to 2024-05-19 22:48:00\+00:00, expected a"
    )
    with pytest.raises(FeatureError, match=message):
        _plan(datetime(2024, 5, 20, tzinfo=UTC))


def test_an_as_of_long_after_the_data_is_refused() -> None:
    with pytest.raises(FeatureError, match=r"0 test decisions between .*; decisions run from .* to 2024-08-30 22:48"):
        _plan(datetime(2025, 5, 20, tzinfo=UTC))


@settings(max_examples=40)
@given(
    st.integers(min_value=70 * 24 * 60, max_value=180 * 24 * 60),
    st.sampled_from(["week", "day"]),
    st.integers(min_value=1, max_value=3),
    st.integers(min_value=1, max_value=4),
    st.one_of(st.none(), st.integers(min_value=1, max_value=5)),
)
def test_no_fold_trains_on_its_own_rows_or_on_a_label_known_after_it_begins(
    minutes: int, period: str, validation: int, test: int, train: int | None
) -> None:
    run = RunSpec(as_of=PARCELS["asked_at"].min().to_pydatetime() + timedelta(minutes=minutes))
    split = SplitSpec.model_validate(
        {"time_zone": "Europe/Berlin", "period": period, "validation_periods": validation, "test_periods": test}
        | {"train_periods": train}
    )
    primary = as_known(PARCELS, QUESTION_WITH_SLICE, run)
    plan = plan_split(primary, split, run, QUESTION_WITH_SLICE)
    table = primary.rename(
        columns={
            "asked_at": model_input.DECISION_TIME,
            "delivered_at": model_input.LABEL_TIME,
            "outcome": model_input.OUTCOME,
        }
    )
    held_out = np.zeros(len(table), dtype=int)
    for fold in (*plan.folds, plan.test):
        trained, judged = training_rows(table, fold), fold_rows(table, fold)
        held_out += judged
        assert not (trained & judged).any()
        assert (table.loc[trained, model_input.LABEL_TIME] < fold.start).all()
        assert (table.loc[trained, model_input.DECISION_TIME] < fold.start).all()
        assert (table.loc[trained, model_input.OUTCOME] == model_input.OBSERVED).all()
    assert held_out.max() == 1
    assert (fold_rows(table, plan.test) == (table[model_input.DECISION_TIME] >= plan.test.start)).all()


def test_model_inputs_hold_every_decision_once_unlabelled_ones_too(stages: Stages) -> None:
    ids = pd.concat([stages.train, stages.test])[model_input.DECISION_ID]
    assert ids.tolist() == stages.primary["parcel"].tolist()
    assert (stages.train[model_input.DECISION_TIME] < stages.plan.test.start).all()
    assert set(stages.test[model_input.OUTCOME]) == {"observed", "unavailable", "pending"}
    names = [*SPEC.names()]
    assert stages.train.columns.tolist()[: len(names)] == names
    assert "row_slice_depot" in stages.train


def test_no_feature_changes_when_the_future_does(stages: Stages) -> None:
    """Everything after a decision is turned upside down: its features stay, bit for bit."""
    middle = stages.plan.folds[1].start
    future = EVENTS["event_time"] >= middle
    changed = EVENTS.assign(late=np.where(future, 1 - EVENTS["late"], EVENTS["late"]))
    events = known_events(changed, SPEC, RUN)
    train, _ = make_model_input(stages.primary, events, SPEC, stages.state, stages.plan, QUESTION_WITH_SLICE)
    before = stages.train[model_input.DECISION_TIME] < middle
    names = list(SPEC.names())
    pd.testing.assert_frame_equal(train.loc[before, names], stages.train.loc[before, names])
    assert not train.loc[~before, "late_rate_7d"].equals(stages.train.loc[~before, "late_rate_7d"])


def test_the_fitted_constants_know_nothing_of_the_folds(stages: Stages) -> None:
    known = stages.events["known_at"] < stages.plan.folds[0].start
    found = fit_state(stages.primary, stages.events[known], SPEC, stages.plan, QUESTION_WITH_SLICE)
    assert found == stages.state
    assert found.priors["late_rate_7d"] == pytest.approx(stages.events.loc[known, "late"].mean(), abs=1e-9)


def test_a_category_that_only_the_test_window_has_is_unknown_to_the_state(stages: Stages) -> None:
    in_test = stages.primary["asked_at"] >= stages.plan.test.start
    primary = stages.primary.assign(depot=stages.primary["depot"].mask(in_test, "west"))
    found = fit_state(primary, stages.events, SPEC, stages.plan, QUESTION_WITH_SLICE)
    assert found.categories == {"depot": ("north", "south")}


def test_the_reference_describes_training_and_validation_rows_alone(stages: Stages) -> None:
    found = profile_reference(stages.train, SPEC, MONITORING)
    assert set(found["features"]) == set(SPEC.names())  # type: ignore[call-overload]
    assert found["end"] == stages.train[model_input.DECISION_TIME].max().isoformat().replace("+00:00", "Z")


def test_the_reference_begins_once_the_longest_window_of_history_is_full(stages: Stages) -> None:
    times = stages.train[model_input.DECISION_TIME]
    filled = times >= times.min() + timedelta(days=7)
    found = profile_reference(stages.train, SPEC, MONITORING)
    assert found["rows"] == filled.sum() < len(stages.train)
    longest = SPEC.history[0].model_copy(update={"window": timedelta(days=3650)})
    spec = SPEC.model_copy(update={"history": (longest, *SPEC.history[1:])})
    assert profile_reference(stages.train, spec, MONITORING)["rows"] == len(stages.train)
