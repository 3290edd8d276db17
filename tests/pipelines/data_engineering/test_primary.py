"""What may be seen at a moment, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.table import ColumnContract, TableContract, TableContracts
from model_lifecycle.errors import ContractError
from model_lifecycle.pipelines.data_engineering.nodes.primary import as_known, check_decisions, known_events
from parcels import CONTRACTS, QUESTION_WITH_SLICE, decisions, deliveries
from tiny_release import SPEC, START

PARCELS = decisions(days=6)
EVENTS = deliveries(PARCELS)
MOMENTS = st.integers(min_value=1, max_value=9 * 24 * 3600).map(lambda seconds: START + timedelta(seconds=seconds))


@given(MOMENTS)
def test_nothing_decided_or_known_at_or_after_as_of_is_visible(as_of: datetime) -> None:
    seen = as_known(PARCELS, QUESTION_WITH_SLICE, RunSpec(as_of=as_of))
    assert (seen["asked_at"] < as_of).all()
    assert len(seen) == (PARCELS["asked_at"] < as_of).sum()
    pending = seen["outcome"] == "pending"
    assert pending.tolist() == (PARCELS["delivered_at"] >= as_of)[: len(seen)].tolist()
    assert seen.loc[pending, ["late", "outcome_reason", "delivered_at"]].isna().all(axis=None)
    assert (seen.loc[~pending, "delivered_at"] < as_of).all()
    pd.testing.assert_frame_equal(seen[~pending], PARCELS[: len(seen)][~pending], check_dtype=False)


@given(MOMENTS)
def test_an_event_is_visible_only_when_known_before_as_of(as_of: datetime) -> None:
    seen = known_events(EVENTS, SPEC, RunSpec(as_of=as_of))
    assert (seen["known_at"] < as_of).all()
    assert (seen["known_at"] == seen["event_time"] + timedelta(minutes=5)).all()
    assert len(seen) == (EVENTS["event_time"] + timedelta(minutes=5) < as_of).sum()


def test_an_event_that_is_known_at_as_of_is_not_visible_and_one_a_microsecond_before_is() -> None:
    known = EVENTS["event_time"].sort_values().iloc[30].to_pydatetime() + timedelta(minutes=5)
    assert len(known_events(EVENTS, SPEC, RunSpec(as_of=known))) == 30
    assert len(known_events(EVENTS, SPEC, RunSpec(as_of=known + timedelta(microseconds=1)))) == 31


def test_an_event_that_says_when_it_is_known_is_visible_only_from_then_on() -> None:
    told = (EVENTS["event_time"] + timedelta(days=30)).where(EVENTS.index % 2 == 0)
    seen = known_events(EVENTS.assign(known_at=told), SPEC, RunSpec(as_of=START + timedelta(days=20)))
    assert seen["event_id"].tolist() == EVENTS["event_id"][1::2].tolist()
    assert (seen["known_at"] == seen["event_time"] + timedelta(minutes=5)).all()
    later = known_events(EVENTS.assign(known_at=told), SPEC, RunSpec(as_of=START + timedelta(days=60)))
    assert (later["known_at"] - later["event_time"])[::2].unique().tolist() == [pd.Timedelta(days=30)]
    assert known_events(seen, SPEC, RunSpec(as_of=START + timedelta(days=20))).equals(seen)


@given(MOMENTS)
def test_later_rows_change_nothing_about_what_was_visible(as_of: datetime) -> None:
    run = RunSpec(as_of=as_of)
    past = PARCELS[PARCELS["asked_at"] < as_of]
    pd.testing.assert_frame_equal(as_known(PARCELS, QUESTION_WITH_SLICE, run), as_known(past, QUESTION_WITH_SLICE, run))


def test_a_decision_at_as_of_is_not_visible_and_one_a_microsecond_before_is() -> None:
    moment = PARCELS["asked_at"][30].to_pydatetime()
    assert len(as_known(PARCELS, QUESTION_WITH_SLICE, RunSpec(as_of=moment))) == 30
    assert len(as_known(PARCELS, QUESTION_WITH_SLICE, RunSpec(as_of=moment + timedelta(microseconds=1)))) == 31


def test_an_outcome_whose_label_time_is_missing_is_pending() -> None:
    parcels = PARCELS.assign(delivered_at=PARCELS["delivered_at"].mask(PARCELS.index == 2))
    seen = as_known(parcels, QUESTION_WITH_SLICE, RunSpec(as_of=START + timedelta(days=30)))
    assert seen.loc[2, "outcome"] == "pending"
    assert seen["late"].isna()[2]


@pytest.mark.parametrize("as_of", [START, datetime(1999, 1, 1, tzinfo=UTC)])
def test_an_as_of_before_the_first_decision_is_refused_with_the_span_of_the_data(as_of: datetime) -> None:
    message = r"run.as_of .*: no decision before it; decisions run from 2024-03-01 00:00:00\+00:00 to 2024-03-06 22:48"
    with pytest.raises(ContractError, match=message):
        as_known(PARCELS, QUESTION_WITH_SLICE, RunSpec(as_of=as_of))


def test_the_tables_given_are_not_changed() -> None:
    parcels, events = PARCELS.copy(), EVENTS.copy()
    as_known(parcels, QUESTION_WITH_SLICE, RunSpec(as_of=START + timedelta(days=3)))
    known_events(events, SPEC, RunSpec(as_of=START + timedelta(days=3)))
    pd.testing.assert_frame_equal(parcels, PARCELS)
    pd.testing.assert_frame_equal(events, EVENTS)


def test_an_event_id_that_occurs_twice_is_refused() -> None:
    twice = pd.concat([EVENTS, EVENTS.iloc[[4]]])
    with pytest.raises(
        ContractError, match=r"1 of \d+ events with an event_id that occurs before, such as \['D-\d+'\]"
    ):
        known_events(twice, SPEC, RunSpec(as_of=START + timedelta(days=3)))


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (
            EVENTS.drop(columns="event_id"),
            r"events of build_tables: columns \['event_id'\] are absent; found \['depot'",
        ),
        (EVENTS.drop(columns="late"), r"columns \['late'\] are absent"),
        (
            EVENTS.assign(event_time=EVENTS["event_time"].dt.tz_localize(None)),
            r"event_time of type datetime64\[us\] where a time with its zone is expected, such as \['2024-03-",
        ),
        (
            EVENTS.assign(event_time=EVENTS["event_time"].mask(EVENTS.index == 7)),
            r"1 of \d+ .*no event_time.*\(rows \[7\]",
        ),
        (EVENTS.assign(known_at=EVENTS["event_time"] - timedelta(hours=1)), "events with known_at before event_time"),
        (EVENTS.assign(late="yes"), r"events with late that is no number within ±1e\+09, such as \['yes'"),
    ],
)
def test_an_event_that_breaks_its_declaration_is_refused(events: pd.DataFrame, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        known_events(events, SPEC, RunSpec(as_of=START + timedelta(days=3)))


def test_a_case_without_events_has_none_to_check() -> None:
    spec = SPEC.model_copy(update={"events": {}, "history": ()})
    events = pd.DataFrame(columns=["event_id", "kind", "event_time"])
    assert known_events(events, spec, RunSpec(as_of=START + timedelta(days=3))).empty


def test_an_event_of_a_kind_that_is_not_declared_is_refused() -> None:
    with pytest.raises(ContractError, match=r"events with kinds beside \['delivery'\], such as \['theft'"):
        known_events(EVENTS.assign(kind="theft"), SPEC, RunSpec(as_of=START + timedelta(days=3)))


@pytest.mark.parametrize("kind", ["integer", "number"])
@pytest.mark.parametrize("values", [[2**53, 2**53 + 1], pd.array([2**53, None], dtype="Int64")])
def test_a_whole_number_that_a_request_could_not_carry_is_refused(kind: str, values: Any) -> None:
    columns = CONTRACTS.table("primary_table").columns
    account = ColumnContract.model_validate({"type": kind, "maximum_missing": 0.5})
    contracts = TableContracts({"primary_table": TableContract(columns={**columns, "account": account})})
    given = PARCELS[:2].assign(account=values)
    with pytest.raises(
        ContractError,
        match=r"column 'account': . of 2 values beyond ±9007199254740991, such as \[9007199254740992.*text",
    ):
        check_decisions(given, contracts, QUESTION_WITH_SLICE)
    check_decisions(given.assign(account=[2**53 - 1, -(2**53) + 1]), contracts, QUESTION_WITH_SLICE)


def test_an_event_of_an_entity_that_no_request_could_name_is_refused() -> None:
    events = EVENTS.assign(depot=2**53 + np.arange(len(EVENTS)))
    with pytest.raises(ContractError, match=r"events with depot beyond ±9007199254740991.*has to be text"):
        known_events(events, SPEC, RunSpec(as_of=START + timedelta(days=3)))


def test_a_contract_without_a_column_of_the_question_is_refused() -> None:
    columns = {name: found for name, found in CONTRACTS.table("primary_table").columns.items() if name != "late"}
    contracts = TableContracts({"primary_table": TableContract(columns=columns)})
    with pytest.raises(
        ContractError, match=r"contract 'primary_table' lacks the business question's columns \['late'\]"
    ):
        check_decisions(PARCELS, contracts, QUESTION_WITH_SLICE)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("late", np.nan, "outcome and target disagree, expected a target exactly where the outcome is observed"),
        ("outcome", "unavailable", "outcome and target disagree"),
    ],
)
def test_an_outcome_that_disagrees_with_its_target_is_refused(column: str, value: Any, message: str) -> None:
    row = int(np.flatnonzero(PARCELS["outcome"] == "observed")[3])
    wrong = PARCELS.copy()
    wrong.loc[row, column] = value
    with pytest.raises(ContractError, match=rf"1 of 120 rows where {message}.*\(rows \[{row}\]\)"):
        check_decisions(wrong, CONTRACTS, QUESTION_WITH_SLICE)


def test_an_outcome_of_another_name_is_refused_even_where_the_contract_lists_no_categories() -> None:
    columns = dict(CONTRACTS.table("primary_table").columns)
    columns["outcome"] = columns["outcome"].model_copy(update={"categories": None})
    contracts = TableContracts({"primary_table": TableContract(columns=columns)})
    wrong = PARCELS.assign(outcome=PARCELS["outcome"].replace("unavailable", "lost"))
    with pytest.raises(ContractError, match=r"the outcome is none of \('observed', 'unavailable', 'pending'\) \(rows"):
        check_decisions(wrong, contracts, QUESTION_WITH_SLICE)


def test_a_decision_whose_outcome_is_not_known_yet_comes_in_as_pending() -> None:
    row = int(np.flatnonzero(PARCELS["outcome"] == "observed")[-1])
    waiting = PARCELS.copy()
    for column, value in (("late", np.nan), ("delivered_at", pd.NaT), ("outcome", "pending")):
        waiting.loc[row, column] = value
    columns = dict(CONTRACTS.table("primary_table").columns)
    columns["outcome"] = columns["outcome"].model_copy(update={"categories": None})
    columns["delivered_at"] = columns["delivered_at"].model_copy(update={"maximum_missing": 0.1})
    contracts = TableContracts({"primary_table": TableContract(columns=columns)})
    known = as_known(
        check_decisions(waiting, contracts, QUESTION_WITH_SLICE),
        QUESTION_WITH_SLICE,
        RunSpec(as_of=START + timedelta(days=400)),
    )
    assert known.loc[row, "outcome"] == "pending"
    waiting["delivered_at"] = PARCELS["delivered_at"]
    with pytest.raises(ContractError, match=rf"'pending' and has a label time, expected none.*\(rows \[{row}\]\)"):
        check_decisions(waiting, contracts, QUESTION_WITH_SLICE)


def test_an_outcome_that_is_older_than_its_decision_is_refused_without_a_contract_that_says_so() -> None:
    contract = CONTRACTS.table("primary_table").model_copy(update={"not_before": ()})
    early = PARCELS.assign(delivered_at=PARCELS["asked_at"] - pd.Timedelta("5h"))
    early.loc[3:, "delivered_at"] = PARCELS["delivered_at"]
    with pytest.raises(
        ContractError, match=r"3 of 120 rows where the label time lies before the decision time.*\[0, 1"
    ):
        check_decisions(early, TableContracts({"primary_table": contract}), QUESTION_WITH_SLICE)


def test_an_unavailable_outcome_without_a_reason_is_refused() -> None:
    wrong = PARCELS.assign(outcome_reason=pd.Series([None] * len(PARCELS), dtype=object))
    with pytest.raises(ContractError, match=r"rows where the outcome is 'unavailable' without a reason, expected one"):
        check_decisions(wrong, CONTRACTS, QUESTION_WITH_SLICE)
