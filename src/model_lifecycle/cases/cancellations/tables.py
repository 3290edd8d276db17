"""Flights become decisions on whether they will be cancelled."""

from collections.abc import Mapping

import pandas as pd

from model_lifecycle.cases import CaseTables
from model_lifecycle.cases.flight_delays.tables import SOURCES, flight_decisions, flight_events, join_flights

__all__ = ["SOURCES", "build_tables"]


def build_tables(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, object]) -> CaseTables:
    """Join the raw tables; the outcome of every flight is known when it departs, or when it is cancelled.

    The plane is known for good at the departure only: of cancelled flights it is missing, and would tell the outcome.
    """
    flights, chosen, steps = join_flights(tables, settings)
    decisions = flight_decisions(
        flights, chosen, target="cancelled", label_time=flights["departed_at"].fillna(flights["settled_at"]),
        plane_known_at=flights["departed_at"].astype("datetime64[us, UTC]"),
        outcome="observed", outcome_reason=None,
    )  # fmt: skip
    return CaseTables(decisions, flight_events(flights, settled=True), steps)
