from datetime import datetime

import numpy as np
import pytest

from model_lifecycle.contracts.table import ColumnContract
from model_lifecycle.monitoring.judge import judge_windows
from model_lifecycle.monitoring.logged import LoggedColumns, logged_columns
from model_lifecycle.monitoring.profile import ReferenceProfile
from model_lifecycle.monitoring.quality import check_quality
from model_lifecycle.monitoring.reference import build_reference_profile
from model_lifecycle.monitoring.verdict import Finding
from monitored_traffic import (
    CONTRACT,
    LIVE,
    MONITORING,
    PER_DAY,
    RULES,
    SPEC,
    WEEK,
    champion,
    judged,
    live,
    log_of,
    traffic,
)

PROFILE = champion().reference_profile


def _findings(**changed: np.ndarray) -> tuple[Finding, ...]:
    columns = {**live(1).columns, **changed}
    return check_quality(LoggedColumns(columns, {}), 1050, CONTRACT, PROFILE, MONITORING)


def _load_missing(rows: int) -> np.ndarray:
    load = live(1).columns["load"].copy()
    load[:rows] = np.nan
    return load


def test_missing_values_up_to_the_limit_are_no_finding() -> None:
    assert _findings(load=_load_missing(52)) == ()
    assert [one.message for one in _findings(load=_load_missing(53))] == [
        "'load' is missing in 5.0% of the rows, expected at most 5.0%"
    ]


def test_a_column_that_is_often_missing_may_be_as_often_as_its_windows_spread() -> None:
    sensor = live(1).columns["sensor"].copy()
    sensor[: round(1050 * (PROFILE.features["sensor"].missing_high + 0.02))] = np.nan
    assert [one.rule for one in _findings(sensor=sensor)] in ([], ["missing"])
    sensor[:] = np.nan
    assert [one.rule for one in _findings(sensor=sensor)] == ["missing"]


def test_an_input_that_no_row_brings_is_missing() -> None:
    columns = {name: values for name, values in live(1).columns.items() if name != "load"}
    found = check_quality(LoggedColumns(columns, {}), 1050, CONTRACT, PROFILE, MONITORING)
    assert [(one.rule, one.column, one.found) for one in found] == [("missing", "load", 1.0)]


def test_a_column_that_only_the_contract_knows_is_held_against_it() -> None:
    contract = {"when": ColumnContract(type="time", maximum_missing=0.1)}
    values = np.array(["2024-07-01T00:00:00Z"] * 400 + [None] * 100, dtype=object)
    found = check_quality(LoggedColumns({"when": values}, {}), 500, contract, PROFILE, MONITORING)
    assert [one.message for one in found if one.column == "when"] == [
        "'when' is missing in 20.0% of the rows, expected at most 15.0%"
    ]


def test_categories_of_the_contract_are_known_even_if_the_reference_has_not_seen_them() -> None:
    region = live(1).columns["region"].copy()
    region[:100] = "west"
    contract = {**CONTRACT, "region": ColumnContract(type="category", categories=("north", "south", "east", "west"))}
    columns = {**live(1).columns, "region": region}
    assert check_quality(LoggedColumns(columns, {}), 1050, contract, PROFILE, MONITORING) == ()
    assert [one.message for one in _findings(region=region)] == [
        "'region' is a category unknown to the release in 9.5% of the rows ('west'), expected at most 2.0%"
    ]


def test_the_share_of_unknown_categories_is_one_of_all_rows_and_a_handful_is_no_finding() -> None:
    """A column that is mostly missing: half of the few values it has are new."""
    engine = np.full(1050, None, dtype=object)
    engine[:40] = ["turbo"] * 20 + ["rotary"] * 20
    assert [one.rule for one in _findings(engine=engine)] == ["missing"]
    few = {name: values[:400].copy() for name, values in live(1).columns.items()}
    of_few = MONITORING.model_copy(update={"window_rows": 400})
    told = []
    for rows in (9, 10):
        few["region"][:rows] = "west"
        found = check_quality(LoggedColumns(few, {}), 400, CONTRACT, PROFILE, of_few)
        told.append([(one.rule, one.found) for one in found])
    assert told == [[], [("unknown_category", 0.025)]]


def test_a_column_whose_reference_always_brought_new_categories_may_bring_as_many_and_a_renamed_one_is_found() -> None:
    """Each day of the reference 6% of the rows come by an agent who was not there before."""
    reference, week = traffic(1, 60, LIVE), live(1)

    def agents(rows: int, first: int) -> np.ndarray:
        names = np.full(rows, "house", dtype=object)
        for day in range(-(-rows // PER_DAY)):
            names[day * PER_DAY : day * PER_DAY + 9] = f"agent {first + day}"
        return names

    spec = SPEC.model_copy(update={"categorical": (*SPEC.categorical, "agent")})
    columns = {**reference.columns, "agent": agents(reference.times.size, 0)}
    profile = ReferenceProfile.model_validate(build_reference_profile(columns, reference.times, spec, MONITORING))

    def found(agent: np.ndarray, profile: ReferenceProfile = profile) -> list[tuple[str, str | None]]:
        logged = LoggedColumns({**week.columns, "agent": agent}, {})
        told = check_quality(logged, 1050, CONTRACT, profile, MONITORING)
        return [(one.rule, one.column) for one in told]

    newcomers = agents(1050, 1000)
    assert found(newcomers) == []
    renamed = newcomers.copy()
    renamed[np.flatnonzero(newcomers == "house")[:100]] = "House"
    assert found(renamed) == [("unknown_category", "agent")]
    former = profile.features["agent"].model_copy(update={"unknown_high": None})
    of_former = profile.model_copy(update={"features": {**profile.features, "agent": former}})
    assert found(newcomers, of_former) == [("unknown_category", "agent")]


def test_without_a_range_in_the_contract_the_reference_widened_by_its_width_counts() -> None:
    noise = live(1).columns["noise_2"].copy()
    noise[:20] = 1000.0
    assert [(one.rule, one.column) for one in _findings(noise_2=noise)] == [("out_of_range", "noise_2")]


def test_a_window_of_a_third_of_the_usual_traffic_is_a_warning_that_blocks_nothing() -> None:
    log = log_of(live(1)).iloc[::3]
    verdict = judge_windows(log, champion(), RULES, LIVE + WEEK, 1).windows[-1]
    assert [(one.rule, one.severity) for one in verdict.quality] == [("volume", "warning")]
    assert not verdict.blocked()


def test_shares_of_a_handful_of_rows_accuse_no_column() -> None:
    log = log_of(live(1)).iloc[:199]
    log["inputs"] = "{}"
    verdict = judge_windows(log, champion(), RULES, LIVE + WEEK, 1).windows[-1]
    assert [one.rule for one in verdict.quality] == ["volume"]


@pytest.mark.parametrize(("window_rows", "told"), [(None, ["volume"]), (300, [])])
def test_a_window_by_count_is_held_against_no_volume_of_the_references_windows_by_time(
    window_rows: int | None, told: list[str]
) -> None:
    spec = MONITORING.model_copy(update={"window_rows": window_rows})
    columns = {name: values[:300] for name, values in live(1).columns.items()}
    found = check_quality(LoggedColumns(columns, {}), 300, CONTRACT, PROFILE, spec)
    assert [one.rule for one in found] == told


def test_a_change_of_unit_is_judged_against_the_last_trusted_window() -> None:
    faulty = live(1, weeks=3).changed_from(LIVE + WEEK, "temperature", lambda values: (values - 32) / 1.8)
    blocked = [window.blocked() for window in judged(faulty, weeks=3).windows]
    assert blocked == [False, True, True]


def test_another_column_that_is_missing_for_long_takes_no_columns_past_away() -> None:
    """A sensor is lost for two windows, the unit changes late in the second and is right again after the third."""
    faulty = live(1, weeks=4)
    late, right = LIVE + 2 * WEEK - WEEK / 3, LIVE + 3 * WEEK
    between = (faulty.times >= _moment(late)) & (faulty.times < _moment(right))
    faulty = faulty.changed("temperature", lambda values: np.where(between, (values - 32) / 1.8, values))
    lost = faulty.times < _moment(LIVE + 2 * WEEK)
    faulty = faulty.changed("load", lambda values: np.where(lost, np.nan, values))
    told = [{(one.rule, one.column) for one in window.quality} for window in judged(faulty, weeks=4).windows]
    missing, unit = ("missing", "load"), ("unit", "temperature")
    assert told == [{missing}, {missing, unit}, {unit}, set()]


def test_a_window_of_a_handful_of_rows_becomes_nobodys_past() -> None:
    found = live(1, weeks=3).changed_from(LIVE + 2 * WEEK, "temperature", lambda values: (values - 32) / 1.8)
    quiet = np.flatnonzero((found.times >= _moment(LIVE + WEEK)) & (found.times < _moment(LIVE + 2 * WEEK)))
    log = log_of(found).drop(index=quiet[30:].tolist()).reset_index(drop=True)
    told = [{one.rule for one in window.quality} for window in judge_windows(log, champion(), RULES, None, 3).windows]
    assert told == [set(), {"volume"}, {"unit"}]


def _moment(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.replace(tzinfo=None), "us")


def test_a_change_of_unit_on_the_last_days_of_a_window_whose_weather_is_another_is_a_finding() -> None:
    days = np.arange(2100) / 150.0
    degrees = 80.0 - 2.0 * days + 4.0 * np.sin(2 * np.pi * days / 3.0)
    before, week = {**live(1).columns, "temperature": degrees[:1050]}, degrees[1050:].copy()

    def found() -> list[tuple[str, str | None]]:
        columns = LoggedColumns({**live(1).columns, "temperature": week}, {})
        told = check_quality(columns, 1050, CONTRACT, PROFILE, MONITORING, before=before)
        return [(one.rule, one.column) for one in told if one.rule == "unit"]

    assert found() == []
    week[750:] = (week[750:] - 32.0) / 1.8
    assert found() == [("unit", "temperature")]


@pytest.mark.parametrize(
    ("value", "number", "wrong"),
    [
        (1, 1.0, 0),
        (None, np.nan, 0),
        ("", np.nan, 0),
        ("x", np.nan, 1),
        (float("inf"), np.nan, 1),
        (10**400, np.nan, 1),
    ],
)
def test_a_logged_number_is_read_or_counted_as_unreadable(value: object, number: float, wrong: int) -> None:
    found = logged_columns([{"load": value}], ["load"], [])
    np.testing.assert_array_equal(found.columns["load"], [number])
    assert found.unreadable == {"load": wrong}


def test_logged_text_is_read_or_counted_as_unreadable() -> None:
    documents = ['{"region": "north"}', {"region": 7}, {"region": None}, {"region": ["a"]}, "{", None, {}]
    found = logged_columns(documents, [], ["region", "engine"])
    assert found.columns["region"].tolist() == ["north", "7", None, None, None, None, None]
    assert found.unreadable == {"region": 1}


def test_the_features_of_the_specification_are_those_of_the_profile() -> None:
    assert tuple(PROFILE.features) == SPEC.names()


def test_a_category_that_begins_or_ends_with_a_blank_is_one_of_its_own_and_known() -> None:
    found = traffic(1, 60, LIVE)
    columns = {**found.columns, "region": found.columns["region"].copy()}
    columns["region"][::3] += " "
    profile = ReferenceProfile.model_validate(build_reference_profile(columns, found.times, SPEC, MONITORING))
    assert profile.features["region"].known == ("east", "east ", "north", "north ", "south", "south ")
    findings = check_quality(LoggedColumns(columns, {}), found.times.size, CONTRACT, profile, MONITORING)
    assert [one.rule for one in findings if one.column] == []
