"""The leakage gate on real flights: none in the inputs as they are, and the two traps that the data hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from case_conf import parameters
from model_lifecycle.cases import CaseTables, load_case
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.leakage import LeakageEvidence, LeakageLimits
from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.pipelines.data_engineering.nodes.primary import as_known, known_events
from model_lifecycle.pipelines.feature_engineering.leakage.nodes import find_leaks
from model_lifecycle.pipelines.feature_engineering.nodes import fit_state, make_model_input, plan_split

RUN = RunSpec.model_validate({"as_of": "2013-04-01T00:00:00-04:00"})


@pytest.fixture(scope="module")
def raw(raw: Mapping[str, pd.DataFrame]) -> Mapping[str, pd.DataFrame]:
    """The tables with the flights of the first third of the year, a fourth of the numbers."""
    flights = raw["flights"]
    return {**raw, "flights": flights[(flights["month"] <= 4) & (flights["flight"] % 4 == 0)]}


@pytest.fixture(scope="module")
def made(raw: Mapping[str, pd.DataFrame], settings: dict[str, Any]) -> CaseTables:
    return load_case("flight_delays").build_tables(raw, settings)


def judged(tables: CaseTables, case: str = "flight_delays", **features: Any) -> LeakageEvidence:
    """Judge the first quarter: its inputs, or those with changes to the features."""
    given = parameters(case)
    question = BusinessQuestion.model_validate(given["business_question"])
    contracts = TableContracts.model_validate(given["contracts"])
    spec = FeatureSpec.model_validate({**given["features"], **features})
    decisions = tables.decisions[tables.decisions["decision_time"] < pd.Timestamp("2013-05-01", tz="UTC")]
    primary, events = as_known(decisions, question, RUN), known_events(tables.events, spec, RUN)
    plan = plan_split(primary, SplitSpec(time_zone="America/New_York", validation_periods=1), RUN, question)
    state = fit_state(primary, events, spec, plan, question)
    train, _ = make_model_input(primary, events, spec, state, plan, question)
    return find_leaks(decisions, primary, train, spec, contracts, plan, question, LeakageLimits())


@pytest.mark.parametrize("case", ["cancellations", pytest.param("outcome", marks=pytest.mark.slow)])
def test_the_plane_is_found_as_input_of_a_question_on_cancellations(raw: Mapping[str, pd.DataFrame], case: str) -> None:
    """By its declared known-at, and, were that forgotten, by what its absence tells."""
    tables = load_case(case).build_tables(raw, parameters(case)["case_settings"])
    assert judged(tables, case)["leaks"] == []
    planted = judged(tables, case, categorical=["carrier", "origin", "dest", "engine", "tailnum"])["leaks"]
    assert {("known too late", "tailnum"), ("known too late", "engine")} <= {
        (leak["check"], *leak["columns"]) for leak in planted
    }
    assert ("missing value tells the outcome", "tailnum") in {(leak["check"], *leak["columns"]) for leak in planted}


def test_the_inputs_hold_no_leak_and_the_tail_number_is_noted_as_missing_where_flights_are_cancelled(
    made: CaseTables,
) -> None:
    found = judged(made)
    assert found["leaks"] == []
    assert [note["columns"] for note in found["notes"]] == [["tailnum"]]


def test_weather_at_the_scheduled_hour_is_found(raw: Mapping[str, pd.DataFrame], settings: dict[str, Any]) -> None:
    proxy = load_case("flight_delays").build_tables(raw, {**settings, "weather": "forecast_proxy"})
    leaks = judged(proxy)["leaks"]
    assert {leak["check"] for leak in leaks} == {"known too late"}
    weather = {"temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"}
    assert {column for leak in leaks for column in leak["columns"]} == weather


@pytest.mark.slow  # the case `cancellations` above is the same trap
def test_the_tail_number_is_found_when_the_question_is_which_flights_are_cancelled(made: CaseTables) -> None:
    cancelled = (made.decisions["outcome_reason"] == "cancelled").astype(float)
    asked = made.decisions.assign(late=cancelled, outcome="observed", outcome_reason=None)
    assert asked["label_time"].notna().all()
    leaks = judged(CaseTables(asked, made.events, ()))["leaks"]
    assert [(leak["check"], leak["columns"]) for leak in leaks] == [("missing value tells the outcome", ["tailnum"])]
    assert np.isclose(cancelled.mean(), 0.0365, atol=0.001)
