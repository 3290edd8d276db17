"""Flights, weather, planes, airports and airlines become decisions and events."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
from pydantic import ValidationError

from model_lifecycle.cases import CaseTables, PreparationStep
from model_lifecycle.cases.flight_delays.settings import FlightSettings
from model_lifecycle.errors import ConfigurationError, ContractError

SOURCES = ("flights", "weather", "planes", "airports", "airlines")
_WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")


def build_tables(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, object]) -> CaseTables:
    """Join the five raw tables into one row a flight, and into departures and arrivals as events.

    Raises
    ------
    ConfigurationError
        If a setting is unknown or out of range.
    ContractError
        If a destination has no time zone.
    """
    flights, chosen, steps = join_flights(tables, settings)
    unavailable = flights["arr_delay"].isna()
    reason = pd.Series(np.where(flights["cancelled"] == 1.0, "cancelled", "diverted"), index=flights.index)
    decisions = flight_decisions(
        flights, chosen, target="late", label_time=flights["settled_at"],
        outcome=np.where(unavailable, "unavailable", "observed"), outcome_reason=reason.where(unavailable),
    )  # fmt: skip
    count = int(unavailable.sum())
    unplanned = PreparationStep("flights that never arrived as planned: outcome unavailable", count, count)
    return CaseTables(decisions, flight_events(flights), (*steps, unplanned))


def join_flights(
    tables: Mapping[str, pd.DataFrame], settings: Mapping[str, object]
) -> tuple[pd.DataFrame, FlightSettings, tuple[PreparationStep, ...]]:
    """Return one row a flight with its times in UTC, its plane and the weather known at the decision.

    ``settled_at`` is when it is known what became of the flight: at its arrival, or some time after the schedule.
    """
    try:
        chosen = FlightSettings.model_validate(settings)
    except ValidationError as error:
        raise ConfigurationError(f"case_settings of the flights: {error}") from error
    weather, steps = _clean_weather(tables["weather"], chosen)
    flights = _with_times(tables["flights"], tables["airports"], chosen)
    flights = _with_plane(flights, tables["planes"])
    flights = _with_weather(flights, weather, chosen)
    flights = flights.merge(
        tables["airlines"].rename(columns={"name": "airline"}), on="carrier", how="left", validate="many_to_one"
    )
    return flights, chosen, steps


def _clean_weather(weather: pd.DataFrame, settings: FlightSettings) -> tuple[pd.DataFrame, tuple[PreparationStep, ...]]:
    broken = weather["wind_speed"] > settings.maximum_wind_speed
    cleaned = weather.assign(
        wind_speed=weather["wind_speed"].mask(broken),
        observed_at=pd.to_datetime(weather["time_hour"], utc=True).astype("datetime64[us, UTC]"),
    )
    count = int(broken.sum())
    return cleaned, (PreparationStep(f"wind above {settings.maximum_wind_speed:g} mph set to missing", count, count),)


def _clock(dates: pd.Series, hhmm: pd.Series, time_zone: str) -> pd.Series:
    """Return the UTC instant of a local clock reading; an hour occurring twice is the first, a skipped one its end."""
    wall = dates + pd.to_timedelta(hhmm // 100 * 60 + hhmm % 100, unit="min")
    first = np.ones(len(wall), dtype=bool)
    local = wall.dt.tz_localize(time_zone, ambiguous=first, nonexistent="shift_forward")
    instants: pd.Series = local.dt.tz_convert("UTC").astype("datetime64[us, UTC]")
    return instants


def _with_times(flights: pd.DataFrame, airports: pd.DataFrame, settings: FlightSettings) -> pd.DataFrame:
    dates = pd.to_datetime(flights[["year", "month", "day"]])
    departure = _clock(dates, flights["sched_dep_time"], settings.home_time_zone)
    listed = airports[airports["tzone"].isin(available_timezones())]
    zone = flights["dest"].map(dict(zip(listed["faa"], listed["tzone"], strict=True)) | settings.airport_time_zones)
    if zone.isna().any():
        unknown = sorted(flights.loc[zone.isna(), "dest"].unique())
        raise ContractError(
            f"flights: destinations {unknown[:10]} have no known time zone in airports; "
            "expected an IANA name there or in case_settings.airport_time_zones"
        )
    arrival = pd.Series(pd.NaT, index=flights.index, dtype="datetime64[us, UTC]")
    for name, rows in flights.groupby(zone).groups.items():
        leaves, clock = departure.loc[rows], flights.loc[rows, "sched_arr_time"]
        day = leaves.dt.tz_convert(str(name)).dt.tz_localize(None).dt.normalize()
        same = _clock(day, clock, str(name))
        arrival.loc[rows] = same.where(same > leaves, _clock(day + pd.Timedelta(days=1), clock, str(name)))
    date = dates.dt.strftime("%Y%m%d")
    cancelled, arrived = flights["dep_delay"].isna(), arrival + pd.to_timedelta(flights["arr_delay"], unit="min")
    never = (departure + settings.cancelled_known_after).where(cancelled, arrival + settings.diverted_known_after)
    return flights.assign(
        flight_id=flights["carrier"] + flights["flight"].astype(str) + "-" + flights["origin"] + "-" + date,
        scheduled_departure=departure,
        scheduled_arrival=arrival,
        scheduled_minutes=(arrival - departure).dt.total_seconds() / 60,
        departed_at=departure + pd.to_timedelta(flights["dep_delay"], unit="min"),
        arrived_at=arrived,
        settled_at=arrived.fillna(never),
        cancelled=cancelled.astype("float64"),
        late=(flights["arr_delay"] > settings.late_minutes).astype("float64").mask(flights["arr_delay"].isna()),
    )


def _with_plane(flights: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    registry = planes.rename(columns={"year": "plane_year", "model": "plane_model"})
    columns = ["tailnum", "plane_year", "manufacturer", "plane_model", "seats", "engine"]
    joined = flights.merge(registry[columns], on="tailnum", how="left", validate="many_to_one")
    return joined.assign(plane_age=joined["year"] - joined["plane_year"])


def _with_weather(flights: pd.DataFrame, weather: pd.DataFrame, settings: FlightSettings) -> pd.DataFrame:
    """Join the latest observation of the origin that is published by the decision (or the named forecast proxy)."""
    if settings.weather == "forecast_proxy":
        at, known = flights["scheduled_departure"], weather["observed_at"]
    else:
        at = flights["scheduled_departure"] - settings.decision_lead
        known = weather["observed_at"] + settings.weather_publication_lag
    left = flights.assign(_at=at, _row=np.arange(len(flights))).sort_values("_at", kind="stable")
    right = weather[["origin", "observed_at", *_WEATHER]].assign(_known=known).sort_values("_known", kind="stable")
    joined = pd.merge_asof(
        left, right, left_on="_at", right_on="_known", by="origin", tolerance=pd.Timedelta(settings.weather_maximum_age)
    )
    joined = joined.sort_values("_row", kind="stable").reset_index(drop=True)
    age = (joined["_at"] - joined["observed_at"]).dt.total_seconds() / 60
    return joined.drop(columns=["_at", "_row", "_known"]).assign(
        weather_age_minutes=age, weather_known_at=joined["observed_at"] + pd.Timedelta(settings.weather_publication_lag)
    )


def flight_decisions(
    flights: pd.DataFrame, settings: FlightSettings, target: str, label_time: pd.Series, **columns: Any
) -> pd.DataFrame:
    """Return what is known of each flight at its decision, with the target and when it is known."""
    names = [
        "flight_id", "scheduled_departure", "carrier", "airline", "flight", "origin", "dest", "tailnum",
        "distance", "scheduled_minutes", "plane_age", "manufacturer", "plane_model", "seats", "engine",
        *_WEATHER, "weather_age_minutes", "weather_known_at", target,
    ]  # fmt: skip
    table = flights[names].assign(
        flight=flights["flight"].astype(str),
        decision_time=flights["scheduled_departure"] - settings.decision_lead,
        label_time=label_time.astype("datetime64[us, UTC]"),
        **columns,
    )
    return table.sort_values(["decision_time", "flight_id"], kind="stable").reset_index(drop=True)


def flight_events(flights: pd.DataFrame, settled: bool = False) -> pd.DataFrame:
    """Return departures and arrivals as events, and on demand of every flight whether it has departed or never will."""
    entities = ["flight_id", "carrier", "flight", "origin", "dest", "tailnum"]
    shared = flights[entities].assign(flight=flights["flight"].astype(str))
    departures = shared.assign(kind="departure", event_time=flights["departed_at"], dep_delay=flights["dep_delay"])
    arrivals = shared.assign(
        kind="arrival", event_time=flights["arrived_at"], arr_delay=flights["arr_delay"], late=flights["late"]
    )
    kinds = [departures.dropna(subset="event_time"), arrivals.dropna(subset="event_time")]
    if settled:
        known = flights["departed_at"].fillna(flights["settled_at"])
        kinds.append(shared.assign(kind="settled", event_time=known, cancelled=flights["cancelled"]))
    events = pd.concat(kinds)
    events.insert(0, "event_id", events["kind"] + ":" + events.pop("flight_id"))
    events["event_time"] = events["event_time"].astype("datetime64[us, UTC]")
    return events.sort_values(["event_time", "event_id"], kind="stable").reset_index(drop=True)
