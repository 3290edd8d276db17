"""Flights become decisions on how long after schedule they will arrive."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from model_lifecycle.cases import CaseTables, PreparationStep
from model_lifecycle.cases.flight_delays.tables import SOURCES, flight_decisions, flight_events, join_flights

__all__ = ["SOURCES", "build_tables"]


def build_tables(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, object]) -> CaseTables:
    """Join the raw tables; a flight that never arrives as planned has no delay."""
    flights, chosen, steps = join_flights(tables, settings)
    unavailable = flights["arr_delay"].isna()
    reason = pd.Series(np.where(flights["cancelled"] == 1.0, "cancelled", "diverted"), index=flights.index)
    decisions = flight_decisions(
        flights, chosen, target="arr_delay", label_time=flights["settled_at"],
        outcome=np.where(unavailable, "unavailable", "observed"), outcome_reason=reason.where(unavailable),
    )  # fmt: skip
    count = int(unavailable.sum())
    unplanned = PreparationStep("flights that never arrived as planned: outcome unavailable", count, count)
    return CaseTables(decisions, flight_events(flights), (*steps, unplanned))
