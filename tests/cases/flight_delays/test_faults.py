"""A fault changes what it says from its moment on, and nothing else."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from case_conf import parameters
from model_lifecycle.cases import load_faults
from model_lifecycle.cases.flight_delays.tables import SOURCES, build_tables
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.datasets.raw_tables import read_raw_tables, write_raw_tables
from model_lifecycle.errors import ConfigurationError
from model_lifecycle.pipelines.data_engineering.nodes.contracts import check_table

ROOT = Path(__file__).resolve().parents[3]
START = pd.Timestamp("2013-07-04 00:00", tz="America/New_York").tz_convert("UTC")
END = START + pd.Timedelta(days=2)
LATER = START + pd.Timedelta(days=400)
FAULTS = load_faults("flight_delays")
Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def raw() -> Tables:
    """The raw tables around the moment of the fault."""
    tables = read_raw_tables(ROOT / "conf", SOURCES)
    flights = tables["flights"]
    return {**tables, "flights": flights[(flights["month"] == 7) & (flights["day"] <= 7)].reset_index(drop=True)}


@pytest.fixture(scope="module")
def contracts() -> TableContracts:
    """The contracts of the case."""
    return TableContracts.model_validate(parameters()["contracts"])


def _changed(before: Tables, after: Tables) -> dict[str, dict[str, pd.Series]]:
    """Return which rows of which columns differ; rows that were added are not among them."""
    found: dict[str, dict[str, pd.Series]] = {}
    for name, old in before.items():
        new = after[name].iloc[: len(old)]
        differs = (old != new) & ~(old.isna() & new.isna())
        columns = {str(column): differs[column] for column in old.columns if differs[column].any()}
        if columns:
            found[name] = columns
    return found


def _scheduled(flights: pd.DataFrame) -> pd.Series:
    clock = flights["sched_dep_time"]
    return pd.to_datetime(flights[["year", "month", "day"]]) + pd.to_timedelta(
        clock // 100 * 60 + clock % 100, unit="min"
    )


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_the_contracts_are_kept_and_the_columns_stay(name: str, raw: Tables, contracts: TableContracts) -> None:
    after = FAULTS[name].apply(raw, START, START + 7 * (END - START))
    for source in SOURCES:
        check_table(source, after[source], contracts.table(source))
        assert list(after[source]) == list(raw[source])


@pytest.mark.parametrize(
    ("name", "table", "columns"),
    [
        ("late_carrier", "flights", {"dep_delay", "arr_delay", "dep_time", "arr_time"}),
        ("late_mornings", "flights", {"dep_delay", "arr_delay", "dep_time", "arr_time"}),
        ("celsius", "weather", {"temp", "dewp"}),
        ("renamed_carrier", "flights", {"carrier"}),
        ("stuck_sensor", "weather", {"wind_speed"}),
        ("missing_sensor", "weather", {"pressure"}),
    ],
)
def test_only_what_the_fault_names_changes_and_only_between_its_moments(
    name: str, table: str, columns: set[str], raw: Tables
) -> None:
    before = {source: frame.copy() for source, frame in raw.items()}
    changed = _changed(raw, dict(FAULTS[name].apply(raw, START, END)))
    assert set(changed) == {table}
    assert set(changed[table]) == columns
    times = (
        _scheduled(raw["flights"]).dt.tz_localize("America/New_York")
        if table == "flights"
        else raw["weather"]["time_hour"]
    )
    for rows in changed[table].values():
        assert times[rows].min() >= START
        assert times[rows].min() < START + pd.Timedelta(hours=12)
        assert END - pd.Timedelta(hours=18) < times[rows].max() < END
    for source, frame in before.items():
        pd.testing.assert_frame_equal(raw[source], frame)  # the fault is pure


def test_an_hour_late_is_an_hour_late_on_every_clock(raw: Tables) -> None:
    after = FAULTS["late_carrier"].apply(raw, START, LATER)["flights"]
    rows = after["dep_delay"] != raw["flights"]["dep_delay"]
    rows &= after["dep_delay"].notna()
    old, new = raw["flights"][rows], after[rows]
    assert set(new["carrier"]) == {raw["flights"]["carrier"].value_counts().index[0]}
    assert set(new["dep_delay"] - old["dep_delay"]) == {60.0}
    assert set((new["arr_delay"] - old["arr_delay"]).dropna()) == {60.0}
    for clock in ("dep_time", "arr_time"):
        minutes = [frame[clock] // 100 * 60 + frame[clock] % 100 for frame in (old, new)]
        assert set(((minutes[1] - minutes[0]) % 1440).dropna()) == {60.0}
        assert new[clock].dropna().between(1, 2400).all()


def test_late_mornings_are_those_of_the_four_largest_carriers_before_noon(raw: Tables) -> None:
    after = FAULTS["late_mornings"].apply(raw, START, LATER)["flights"]
    hit = raw["flights"][(after["dep_delay"] != raw["flights"]["dep_delay"]) & after["dep_delay"].notna()]
    assert set(hit["carrier"]) == set(raw["flights"]["carrier"].value_counts().index[:4])
    assert hit["sched_dep_time"].between(400, 1159).all()


def test_a_flight_that_never_left_stays_cancelled(raw: Tables) -> None:
    after = FAULTS["late_carrier"].apply(raw, START, LATER)["flights"]
    pd.testing.assert_series_equal(after["dep_delay"].isna(), raw["flights"]["dep_delay"].isna())


def test_a_late_carriers_flights_become_late_decisions(raw: Tables) -> None:
    settings = parameters()
    built = [
        build_tables(tables, settings["case_settings"]).decisions
        for tables in (raw, FAULTS["late_carrier"].apply(raw, START, LATER))
    ]
    largest = raw["flights"]["carrier"].value_counts().index[0]
    hit = (built[0]["carrier"] == largest) & (built[0]["scheduled_departure"] >= START) & built[0]["late"].notna()
    assert built[0].loc[hit, "late"].mean() < 0.5
    assert built[1].loc[hit, "late"].mean() > 0.9
    later = (built[1].loc[hit, "label_time"] - built[0].loc[hit, "label_time"]).unique()
    assert later.tolist() == [pd.Timedelta(hours=1)]


def test_freezing_reads_0_degrees_and_the_reading_before_the_fault_does_not(raw: Tables) -> None:
    weather = raw["weather"].assign(temp=32.0)
    found = FAULTS["celsius"].apply({**raw, "weather": weather}, START, LATER)["weather"]
    assert set(found.loc[found["time_hour"] >= START, "temp"]) == {0.0}
    assert set(found.loc[found["time_hour"] < START, "temp"]) == {32.0}


def test_the_new_code_is_an_airline_with_the_old_name(raw: Tables) -> None:
    airlines = FAULTS["renamed_carrier"].apply(raw, START, LATER)["airlines"]
    old = raw["flights"]["carrier"].value_counts().index[1]
    names = airlines.set_index("carrier")["name"]
    assert "ZZ" not in set(raw["airlines"]["carrier"])
    assert names["ZZ"] == names[old]


def test_what_is_written_is_read_back_as_the_same_tables(raw: Tables, tmp_path: Path) -> None:
    write_raw_tables(ROOT / "conf", raw, tmp_path)
    assert (tmp_path / "flights.csv.zip").read_bytes()[:2] == b"PK"
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *("airlines.csv", "airports.csv", "flights.csv.zip", "planes.csv", "weather.csv"),
    ]
    flights = pd.read_csv(tmp_path / "flights.csv.zip", compression="zip")
    pd.testing.assert_frame_equal(flights, raw["flights"])
    weather = pd.read_csv(tmp_path / "weather.csv", parse_dates=["time_hour"])
    assert (weather["time_hour"] == raw["weather"]["time_hour"]).all()
    assert np.allclose(weather["temp"], raw["weather"]["temp"], equal_nan=True)


def test_an_unknown_case_has_no_faults() -> None:
    with pytest.raises(ConfigurationError, match="case 'parcels' has no package"):
        load_faults("parcels")


def test_a_stuck_sensor_repeats_what_it_said_last(raw: Tables) -> None:
    found = FAULTS["stuck_sensor"].apply(raw, START, END)["weather"]
    inside = found["time_hour"].between(START, END, inclusive="left")
    before = raw["weather"][raw["weather"]["time_hour"] < START].sort_values("time_hour")
    assert set(found.loc[inside, "wind_speed"]) == {before["wind_speed"].dropna().iloc[-1]}


def test_an_incident_names_inputs_that_there_are() -> None:
    columns = parameters()["contracts"]["primary_table"]["columns"]
    named = {column for fault in FAULTS.values() for column in fault.columns}
    assert named
    assert named <= set(columns)
