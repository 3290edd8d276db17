"""Flights become decisions on what will become of them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from model_lifecycle.cases import CaseTables
from model_lifecycle.cases.flight_delays.tables import SOURCES, flight_decisions, flight_events, join_flights

__all__ = ["SOURCES", "build_tables"]


def build_tables(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, object]) -> CaseTables:
    """Join the raw tables; every flight has an outcome: early, on time, late, or cancelled or diverted.

    The plane is known for good at the departure only: of cancelled flights it is missing, and would tell the outcome.
    """
    flights, chosen, steps = join_flights(tables, settings)
    delay = flights["arr_delay"]
    became = np.select(
        [delay.isna(), delay < -chosen.early_minutes, delay > chosen.late_minutes],
        ["cancelled or diverted", "early", "late"],
        "on time",
    )
    decisions = flight_decisions(
        flights.assign(became=became), chosen, target="became", label_time=flights["settled_at"],
        plane_known_at=flights["departed_at"].astype("datetime64[us, UTC]"),
        outcome="observed", outcome_reason=None,
    )  # fmt: skip
    return CaseTables(decisions, flight_events(flights, settled=True), steps)
