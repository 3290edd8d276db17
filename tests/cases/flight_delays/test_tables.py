"""What the case makes of all flights of 2013."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.cases import CaseTables
from model_lifecycle.cases.flight_delays.tables import build_tables
from model_lifecycle.errors import ConfigurationError, ContractError

Tables = Mapping[str, pd.DataFrame]
MINUTE = pd.Timedelta(minutes=1)


def minutes(spans: pd.Series) -> pd.Series:
    found: pd.Series = spans.dt.total_seconds() / 60
    return found


def some(raw: Tables, flights: pd.DataFrame) -> Tables:
    return {**raw, "flights": flights.reset_index(drop=True)}


def test_every_flight_is_one_decision(made: CaseTables, raw: Tables) -> None:
    assert len(made.decisions) == len(raw["flights"]) == 336_776
    assert made.decisions["flight_id"].is_unique
    assert made.decisions["decision_time"].is_monotonic_increasing


def test_flights_that_never_arrived_as_planned_are_unavailable_with_a_reason(made: CaseTables) -> None:
    outcomes = made.decisions.groupby("outcome")
    assert outcomes.size().to_dict() == {"observed": 327_346, "unavailable": 9_430}
    reasons = made.decisions["outcome_reason"]
    assert reasons.value_counts().to_dict() == {"cancelled": 8_255, "diverted": 1_175}
    unavailable = made.decisions["outcome"] == "unavailable"
    assert (reasons.notna() == unavailable).all()
    assert (made.decisions["late"].isna() == unavailable).all()
    assert made.preparation[-1].rows == 9_430


def test_a_flight_is_late_from_the_sixteenth_minute_on(joined: pd.DataFrame) -> None:
    arrived = joined[joined["arr_delay"].notna()]
    assert ((arrived["late"] == 1.0) == (arrived["arr_delay"] >= 16)).all()
    assert set(arrived["late"]) == {0.0, 1.0}


def test_the_scheduled_departure_is_that_of_the_tables_own_hour(joined: pd.DataFrame) -> None:
    expected = joined["time_hour"] + joined["minute"] * MINUTE
    assert (joined["scheduled_departure"] == expected).all()
    assert (joined["scheduled_departure"] - joined["decision_time"] == pd.Timedelta(hours=2)).all()


def test_no_flight_is_shorter_than_its_time_in_the_air(joined: pd.DataFrame) -> None:
    flown = joined[joined["air_time"].notna()]
    assert len(flown) == 327_346
    assert (flown["arrived"] - flown["departed"] >= flown["air_time"] * MINUTE).all()


def test_the_clock_at_the_destination_shows_the_reported_arrival(joined: pd.DataFrame, raw: Tables) -> None:
    zones = raw["airports"].set_index("faa")["tzone"]
    flown = joined[joined["arr_time"].notna() & joined["dest"].isin(zones.index) & joined["arrived"].notna()]
    for name, rows in flown.groupby(flown["dest"].map(zones)):
        local = rows["arrived"].dt.tz_convert(ZoneInfo(str(name)))
        shown = local.dt.hour * 60 + local.dt.minute
        reported = rows["arr_time"] // 100 * 60 + rows["arr_time"] % 100
        assert (shown == reported % 1440).mean() > 0.999


def test_the_label_is_known_after_the_decision_when_the_flight_arrives(joined: pd.DataFrame) -> None:
    assert (joined["label_time"] > joined["decision_time"]).all()
    observed = joined["outcome"] == "observed"
    assert (joined.loc[observed, "label_time"] == joined.loc[observed, "arrived"]).all()
    cancelled = joined["outcome_reason"] == "cancelled"
    assert (joined.loc[cancelled, "label_time"] == joined.loc[cancelled, "scheduled_departure"]).all()


def test_the_weather_is_the_latest_that_was_published_at_the_decision(made: CaseTables, raw: Tables) -> None:
    seen = made.decisions[made.decisions["weather_age_minutes"].notna()]
    assert len(seen) > 0.99 * len(made.decisions)
    assert seen["weather_age_minutes"].min() >= 10  # the lag of publication
    assert seen["weather_age_minutes"].max() <= 6 * 60 + 10
    sample = seen.sample(300, random_state=0)
    weather = raw["weather"].assign(observed=pd.to_datetime(raw["weather"]["time_hour"], utc=True))
    for _, row in sample.iterrows():
        known = weather[
            (weather["origin"] == row["origin"]) & (weather["observed"] + 10 * MINUTE <= row["decision_time"])
        ].sort_values("observed")
        newest = known.iloc[-1]
        assert newest["observed"] == row["decision_time"] - row["weather_age_minutes"] * MINUTE
        for name in ("temp", "humid", "visib", "pressure"):
            assert newest[name] == row[name] or np.isnan(newest[name])


def test_the_forecast_proxy_is_the_weather_of_the_scheduled_hour(raw: Tables, settings: dict[str, Any]) -> None:
    march = some(raw, raw["flights"][(raw["flights"]["month"] == 3) & (raw["flights"]["day"] <= 3)])
    proxy = build_tables(march, {**settings, "weather": "forecast_proxy"}).decisions
    observed = build_tables(march, settings).decisions
    assert (proxy["flight_id"] == observed["flight_id"]).all()
    hourly = raw["weather"].assign(hour=pd.to_datetime(raw["weather"]["time_hour"], utc=True))
    expected = proxy.assign(hour=proxy["scheduled_departure"].dt.floor("h")).merge(
        hourly[["origin", "hour", "temp"]], on=["origin", "hour"], suffixes=("", "_of_the_hour")
    )
    assert len(expected) > 0.95 * len(proxy)
    assert (expected["temp"] == expected["temp_of_the_hour"]).all()
    assert (proxy["temp"] != observed["temp"]).mean() > 0.5
    assert proxy["weather_age_minutes"].max() < 60 < observed["weather_age_minutes"].max()


def test_every_event_is_told_once_at_the_time_it_happened(made: CaseTables, joined: pd.DataFrame) -> None:
    events = made.events
    assert events["event_id"].is_unique
    assert events["event_time"].notna().all()
    assert events["event_time"].is_monotonic_increasing
    counts = events["kind"].value_counts().to_dict()
    assert counts == {"departure": int(joined["dep_delay"].notna().sum()), "arrival": 327_346}


def test_an_event_carries_nothing_that_is_known_only_later(made: CaseTables, joined: pd.DataFrame) -> None:
    departures = made.events[made.events["kind"] == "departure"]
    assert departures[["arr_delay", "late"]].isna().all(axis=None)
    assert departures["dep_delay"].notna().all()
    arrivals = made.events[made.events["kind"] == "arrival"]
    assert arrivals["dep_delay"].isna().all()
    flown = joined[joined["arrived"].notna()]
    late_by = minutes(flown["arrived"] - flown["scheduled_departure"]) - flown["scheduled_minutes"]
    assert np.allclose(late_by, flown["arr_delay"])
    left = joined[joined["departed"].notna()]
    assert np.allclose(minutes(left["departed"] - left["scheduled_departure"]), left["dep_delay"])


def test_a_reading_of_a_broken_sensor_is_set_to_missing_and_counted(made: CaseTables, raw: Tables) -> None:
    assert (raw["weather"]["wind_speed"] > 150).sum() == 1
    assert made.preparation[0].rows == 1
    assert made.decisions["wind_speed"].max() <= 150


def test_the_raw_tables_are_left_as_they_are(raw: Tables, settings: dict[str, Any]) -> None:
    few = some(raw, raw["flights"].head(500))
    before = {name: table.copy() for name, table in few.items()}
    build_tables(few, settings)
    for name, table in few.items():
        pd.testing.assert_frame_equal(table, before[name])


def flight(raw: Tables, **changes: int) -> Tables:
    """Return the tables with one flight, from New York to Houston, changed."""
    return some(raw, raw["flights"].head(1).assign(**changes))


@pytest.mark.parametrize(
    ("date", "clock", "instant"),
    [
        ((2013, 3, 10), 130, "2013-03-10T06:30"),
        ((2013, 3, 10), 230, "2013-03-10T07:00"),  # an hour that does not occur: its end
        ((2013, 3, 10), 330, "2013-03-10T07:30"),
        ((2013, 11, 3), 130, "2013-11-03T05:30"),  # an hour that occurs twice: the first
        ((2013, 11, 3), 230, "2013-11-03T07:30"),
    ],
)
def test_a_departure_in_an_hour_of_daylight_saving(
    raw: Tables, settings: dict[str, Any], date: tuple[int, int, int], clock: int, instant: str
) -> None:
    year, month, day = date
    tables = flight(raw, year=year, month=month, day=day, sched_dep_time=clock, sched_arr_time=clock + 400)
    made = build_tables(tables, settings).decisions
    assert made["scheduled_departure"].tolist() == [pd.Timestamp(instant, tz="UTC")]
    assert 0 < made["scheduled_minutes"].iloc[0] < 24 * 60


@pytest.mark.parametrize(("clock", "minutes"), [(830, 255), (2400, 1185), (0, 1185), (414, 1439), (415, 1440)])
def test_an_arrival_is_the_first_such_clock_reading_after_the_departure(
    raw: Tables, settings: dict[str, Any], clock: int, minutes: int
) -> None:
    """05:15 in New York is 04:15 in Houston."""
    made = build_tables(flight(raw, sched_arr_time=clock), settings).decisions
    assert made["scheduled_minutes"].tolist() == [minutes]


@pytest.mark.parametrize("zone", [np.nan, "Mars/Base", "\\N"])
def test_a_destination_without_a_known_time_zone_is_named(raw: Tables, settings: dict[str, Any], zone: object) -> None:
    airports = raw["airports"].assign(tzone=raw["airports"]["tzone"].mask(raw["airports"]["faa"] == "IAH", zone))
    tables = {**flight(raw), "airports": airports}
    with pytest.raises(ContractError, match=r"destinations \['IAH'\] have no known time zone in airports; expected"):
        build_tables(tables, settings)
    own = {**settings["airport_time_zones"], "IAH": "America/Chicago"}
    assert len(build_tables(tables, {**settings, "airport_time_zones": own}).decisions) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"late_minuts": 15}, r"late_minuts\n  Extra inputs are not permitted"),
        ({"late_minutes": -1}, r"late_minutes\n  Input should be greater than or equal to 0.*input_value=-1"),
        ({"decision_lead": "0h"}, "decision_lead\n  Value error, found 0:00:00, expected a duration above zero"),
        ({"weather": "oracle"}, "Input should be 'observation' or 'forecast_proxy'.*input_value='oracle'"),
        ({"home_time_zone": "Mars/Base"}, "found 'Mars/Base', expected an IANA time zone"),
        ({"airport_time_zones": {"SJU": "Puerto"}}, "airport_time_zones.SJU\n  Value error, found 'Puerto', expected"),
    ],
)
def test_a_wrong_setting_is_named(raw: Tables, settings: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"case_settings of the flights: 1 validation error(.|\n)*{message}"):
        build_tables(raw, {**settings, **change})
