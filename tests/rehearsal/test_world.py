"""From tables to what is sent."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.errors import ConfigurationError
from model_lifecycle.rehearsal.world import event_records, input_records, label_records, read_world
from tiny_release import QUESTION, SPEC, START


def _decisions(days: int = 4) -> pd.DataFrame:
    times = pd.Series(
        pd.DatetimeIndex([START + timedelta(days=day) for day in range(days)], dtype="datetime64[us, UTC]")
    )
    return pd.DataFrame(
        {
            "parcel": [f"P-{day}" for day in range(days)],
            "asked_at": times,
            "slot": times + pd.Timedelta(hours=6),
            "weight": [np.nan, *range(1, days)],
            "depot": pd.Series([None, *["north"] * (days - 1)], dtype="str"),
            "delivered_at": times[::-1].reset_index(drop=True) + pd.Timedelta(days=9),
            "late": [1.0, 0.0, *[np.nan] * (days - 2)],
            "outcome": ["observed", "observed", *["unavailable"] * (days - 2)],
            "outcome_reason": pd.Series([None, None, *["lost"] * (days - 2)], dtype="str"),
        }
    )


def _events(days: int) -> pd.DataFrame:
    numbers = range(-days, days)
    return pd.DataFrame(
        {
            "event_id": [f"D{number}" for number in numbers],
            "kind": "delivery",
            "event_time": pd.DatetimeIndex(
                [START + timedelta(days=number) for number in numbers], dtype="datetime64[us, UTC]"
            ),
            "depot": pd.Series([None, *["south"] * (2 * days - 1)], dtype="str"),
            "late": [np.nan, *[1.0] * (2 * days - 1)],
            "unused": 1.0,
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with what data engineering leaves."""
    place = tmp_path / "02_intermediate" / "parcels"
    place.mkdir(parents=True)
    _decisions().to_parquet(place / "decisions.parquet")
    _events(30).to_parquet(place / "all_events.parquet")
    return tmp_path


def test_a_record_has_the_contracts_fields_as_json_and_leaves_out_what_is_missing() -> None:
    first, second = input_records(_decisions(2), ["parcel", "asked_at", "weight", "depot"])
    assert first == {"parcel": "P-0", "asked_at": "2024-03-01T00:00:00+00:00"}
    assert second == {"parcel": "P-1", "asked_at": "2024-03-02T00:00:00+00:00", "weight": 1.0, "depot": "north"}


def test_an_input_that_the_decisions_lack_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"inputs \['colour'\]"):
        input_records(_decisions(), ["parcel", "colour"])


def test_an_unavailable_outcome_has_its_reason_and_no_value() -> None:
    found = label_records(_decisions(3), QUESTION)
    assert [(one.decision_id, one.outcome, one.value, one.reason) for one in found] == [
        ("P-0", "observed", 1.0, None),
        ("P-1", "observed", 0.0, None),
        ("P-2", "unavailable", None, "lost"),
    ]
    assert found[0].label_time == START + timedelta(days=11)


def test_an_event_carries_what_its_kind_declares_and_null_for_what_is_missing() -> None:
    events = _events(1).assign(known_at=lambda table: table["event_time"] + pd.Timedelta(minutes=5))
    first, second = event_records(events, SPEC)
    assert first.payload == {"depot": None, "late": None}
    assert second.payload == {"depot": "south", "late": 1.0}
    assert second.known_at == START + timedelta(minutes=5)


def test_the_world_is_parted_at_the_start_and_sorted_by_each_tables_own_time(folder: Path) -> None:
    start = START + timedelta(days=1)
    found = read_world(folder, "parcels", start, START + timedelta(days=3), QUESTION, SPEC)
    assert found.decisions["parcel"].tolist() == ["P-1", "P-2"]
    assert found.labels["parcel"].tolist() == ["P-2", "P-1"]
    assert found.backfill["known_at"].max() < start <= found.events["known_at"].min()
    assert found.events["known_at"].max() < START + timedelta(days=3)
    assert found.backfill["known_at"].min() >= start - timedelta(days=14)
    assert len(found.backfill) == 14


def test_a_stretch_without_a_decision_is_refused(folder: Path) -> None:
    late = START + timedelta(days=90)
    with pytest.raises(ConfigurationError, match="nothing to play after the champion's as_of"):
        read_world(folder, "parcels", late, late + timedelta(days=1), QUESTION, SPEC)
