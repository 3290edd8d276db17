"""Things that can go wrong with flights: each changes the raw tables between two moments, and nothing else."""

from collections.abc import Mapping
from datetime import timedelta

import pandas as pd

from model_lifecycle.cases import Fault

Tables = Mapping[str, pd.DataFrame]

HOME_TIME_ZONE = "America/New_York"
LATER_MINUTES = 60
MORNING_CARRIERS = 4
MORNING_ENDS = 1200  # on the local clock, hhmm
NEW_CODE = "ZZ"
STUCK, LOST = "wind_speed", "pressure"
_DAY_MINUTES = 24 * 60


def late_carrier(tables: Tables, start: pd.Timestamp, end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Let the largest carrier's flights depart and arrive an hour later; the cancelled ones stay cancelled."""
    flights = tables["flights"]
    rows = _between(flights, start, end) & (flights["carrier"] == _by_size(flights)[0])
    return {**tables, "flights": _put_off(flights, rows)}


def late_mornings(tables: Tables, start: pd.Timestamp, end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Let the flights before noon of the four largest carriers depart and arrive an hour later.

    What the last hours have shown says little about the first flights of a day: this one the features do not absorb.
    """
    flights = tables["flights"]
    early = flights["sched_dep_time"] < MORNING_ENDS
    rows = _between(flights, start, end) & early & flights["carrier"].isin(_by_size(flights)[:MORNING_CARRIERS])
    return {**tables, "flights": _put_off(flights, rows)}


def celsius(tables: Tables, start: pd.Timestamp, end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Let the weather feed report degrees Celsius where Fahrenheit was agreed."""
    weather = tables["weather"]
    rows = _observed_between(weather, start, end)
    changed = {name: weather[name].mask(rows, (weather[name] - 32) * 5 / 9) for name in ("temp", "dewp")}
    return {**tables, "weather": weather.assign(**changed)}


def stuck_sensor(tables: Tables, start: pd.Timestamp, end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Let the weather feed repeat the last wind speed that it had."""
    weather = tables["weather"]
    before = weather[pd.to_datetime(weather["time_hour"], utc=True) < start].sort_values("time_hour")
    last = before[STUCK].dropna().iloc[-1]
    rows = _observed_between(weather, start, end)
    return {**tables, "weather": weather.assign(**{STUCK: weather[STUCK].mask(rows, last)})}


def missing_sensor(tables: Tables, start: pd.Timestamp, end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Let the weather feed come without air pressure."""
    weather = tables["weather"]
    rows = _observed_between(weather, start, end)
    return {**tables, "weather": weather.assign(**{LOST: weather[LOST].mask(rows)})}


def renamed_carrier(tables: Tables, start: pd.Timestamp, end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Let the second largest carrier fly under a new code, which the table of airlines lists beside the old one."""
    flights, airlines = tables["flights"], tables["airlines"]
    old = _by_size(flights)[1]
    rows = _between(flights, start, end) & (flights["carrier"] == old)
    renamed = airlines[airlines["carrier"] == old].assign(carrier=NEW_CODE)
    return {
        **tables,
        "flights": flights.assign(carrier=flights["carrier"].mask(rows, NEW_CODE)),
        "airlines": pd.concat([airlines, renamed], ignore_index=True),
    }


def _by_size(flights: pd.DataFrame) -> list[str]:
    """Return the carriers, the one with most flights first."""
    return [str(carrier) for carrier in flights["carrier"].value_counts().index]


def _observed_between(weather: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    """Tell which observations were made at or after a moment and before another."""
    return pd.to_datetime(weather["time_hour"], utc=True).between(start, end, inclusive="left")


def _between(flights: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    """Tell which flights are scheduled to leave at or after a moment and before another."""
    clock = flights["sched_dep_time"]
    minutes = clock // 100 * 60 + clock % 100
    leaves = pd.to_datetime(flights[["year", "month", "day"]]) + pd.to_timedelta(minutes, unit="min")
    first, last = (moment.tz_convert(HOME_TIME_ZONE).tz_localize(None) for moment in (start, end))
    return leaves.between(first, last, inclusive="left")


def _put_off(flights: pd.DataFrame, rows: pd.Series) -> pd.DataFrame:
    """Let flights depart and arrive later, on every clock alike."""
    changes = {name: flights[name] + LATER_MINUTES for name in ("dep_delay", "arr_delay")}
    changes |= {name: _later(flights[name]) for name in ("dep_time", "arr_time")}
    return flights.assign(**{name: flights[name].mask(rows, values) for name, values in changes.items()})


def _later(clock: pd.Series) -> pd.Series:
    """Put a clock reading (hhmm, midnight is 2400) off by `LATER_MINUTES`."""
    minutes = (clock // 100 * 60 + clock % 100 + LATER_MINUTES) % _DAY_MINUTES
    moved = minutes // 60 * 100 + minutes % 60
    return moved.mask(moved == 0, 2400)


FAULTS: Mapping[str, Fault] = {
    "late_carrier": Fault("the largest carrier departs and arrives an hour later", timedelta(days=3), late_carrier),
    "late_mornings": Fault(
        "the four largest carriers' flights before noon depart and arrive an hour later, since a month before",
        timedelta(days=-30),  # a retraining can learn it: its own test month has to lie after some of it
        late_mornings,
    ),
    "celsius": Fault(
        "the weather feed reports degrees Celsius instead of Fahrenheit", timedelta(days=3), celsius, ("temp", "dewp")
    ),
    "renamed_carrier": Fault(
        "the second largest carrier flies under a new code", timedelta(days=3), renamed_carrier, ("carrier",)
    ),
    "stuck_sensor": Fault("the weather feed repeats its last wind speed", timedelta(days=3), stuck_sensor, (STUCK,)),
    "missing_sensor": Fault("the weather feed comes without air pressure", timedelta(days=3), missing_sensor, (LOST,)),
}
