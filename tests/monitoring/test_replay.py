"""Logged features are equal to those recomputed at their watermark; a difference and lateness are told apart."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.features.history import History, event_columns
from model_lifecycle.monitoring.measures import replay_measures
from model_lifecycle.monitoring.replay import Replay, reach, replay
from model_lifecycle.scoring import Scorer
from tiny_release import SPEC, START, scorer

RELEASE: Scorer = scorer()
NOON = START + timedelta(days=9)


def events(count: int = 60) -> list[tuple[int, EventRecord]]:
    """Deliveries of some days, four hours apart, numbered in the order in which they were stored."""
    found = []
    for number in range(1, count + 1):
        at = START + timedelta(hours=4 * number)
        payload = {"depot": ("north", "south")[number % 2], "late": float(number % 3 == 0)}
        found.append((number, EventRecord(f"D-{number}", "delivery", at, at + timedelta(minutes=5), payload)))
    return found


def logged(log: list[tuple[int, EventRecord]], asked: list[tuple[datetime, int]], **flags: Any) -> pd.DataFrame:
    """Predictions as the service logs them: with the features that the events up to their watermark give."""
    rows = []
    for number, (when, watermark) in enumerate(asked):
        inputs = {"weight": 1.0 + number % 40, "depot": ("north", "south")[number % 2], "slot": when.isoformat()}
        record = {**inputs, "parcel": f"P-{number}", "asked_at": when.isoformat()}
        seen = [event for sequence, event in log if sequence <= watermark]
        columns = RELEASE.columns([record])
        features = RELEASE.features(columns, History.build(SPEC, event_columns(SPEC, seen)))
        plain = {name: values.tolist()[0] for name, values in features.items()}
        plain = {name: None if value != value else value for name, value in plain.items()}  # noqa: PLR0124
        rows.append(
            {
                "prediction_id": f"id-{number}", "decision_id": f"P-{number}", "decision_time": pd.Timestamp(when),
                "release": RELEASE.release_id, "watermark": watermark, "inputs": inputs, "features": plain,
                "flags": dict(flags),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def times(count: int = 20) -> list[datetime]:
    return [START + timedelta(hours=5 * number + 7) for number in range(count)]


def seen_by(log: list[tuple[int, EventRecord]], when: datetime) -> int:
    return max((sequence for sequence, event in log if event.known_at <= when), default=0)


def test_predictions_that_saw_all_events_in_time_replay_equal() -> None:
    log = events()
    found = replay(logged(log, [(when, seen_by(log, when)) for when in times()]), log, RELEASE)
    assert (found.predictions, found.replayed, found.skewed) == (20, 20, 0)
    assert (found.with_late_events, found.late_events, found.late_seconds) == (0, 0, {})


def test_late_events_are_no_skew_but_told_with_what_they_would_have_changed() -> None:
    log = events()
    asked = [(when, max(seen_by(log, when) - 2, 0)) for when in times()]
    found = replay(logged(log, asked), log, RELEASE)
    assert (found.replayed, found.skewed) == (20, 0)
    assert found.with_late_events == sum(seen_by(log, when) > mark for when, mark in asked)
    assert found.changed_by_late_events > 0
    assert found.late_events > 0
    assert 0 < found.late_seconds["median"] <= found.late_seconds["maximum"]


def test_a_changed_feature_is_skew_and_an_alert() -> None:
    log = events()
    rows = logged(log, [(when, seen_by(log, when)) for when in times()])
    features = rows["features"].tolist()
    features[3], features[7] = {**features[3], "deliveries_7d": 99.0}, {**features[7], "weight": None}
    rows = rows.assign(features=features)
    found = replay(rows, log, RELEASE)
    assert (found.skewed, found.skewed_features) == (2, {"deliveries_7d": 1, "weight": 1})
    assert found.examples == ("id-3", "id-7")
    skew = replay_measures(found)["skew.predictions"]
    assert skew.value == 2
    assert "2 of 20 predictions had other features live than recomputed" in skew.message


def test_an_event_that_changes_in_the_store_is_skew() -> None:
    log = events()
    rows = logged(log, [(when, seen_by(log, when)) for when in times()])
    number, event = log[5]
    tampered = [*log[:5], (number, replace(event, payload={**event.payload, "depot": "moon"})), *log[6:]]
    found = replay(rows, tampered, RELEASE)
    assert set(found.skewed_features) == {"late_rate_7d", "deliveries_7d"}


def test_a_correction_is_seen_from_its_own_time_on() -> None:
    log = events()
    wrong = log[9][1]
    payload = {**wrong.payload, "late": 1.0}
    corrected = replace(wrong, event_id="D-10b", known_at=wrong.known_at + timedelta(days=1), payload=payload)
    whole = sorted([*log, (999, corrected)], key=lambda item: item[1].known_at)
    renumbered = [(place + 1, event) for place, (_, event) in enumerate(whole)]
    found = replay(logged(renumbered, [(when, seen_by(renumbered, when)) for when in times()]), renumbered, RELEASE)
    assert (found.replayed, found.skewed, found.with_late_events) == (20, 0, 0)


def test_an_answer_without_the_whole_history_is_counted_and_not_compared() -> None:
    log = events()
    rows = logged(log, [(when, seen_by(log, when)) for when in times()], history=["incomplete"])
    assert replay(rows, log, RELEASE) == Replay(
        predictions=20,
        replayed=0,
        incomplete=20,
        skewed=0,
        skewed_features={},
        examples=(),
        with_late_events=0,
        changed_by_late_events=0,
        late_events=0,
        late_seconds={},
    )


def test_many_late_watermarks_are_sampled() -> None:
    log = events(400)
    asked = [(START + timedelta(hours=8 * number + 9), max(2 * number - 1, 0)) for number in range(1, 120)]
    found = replay(logged(log, asked), log, RELEASE)
    assert found.with_late_events > 50
    assert (found.replayed, found.skewed) == (50 + len(asked) - found.with_late_events, 0)


def test_other_releases_and_no_prediction_are_nothing_to_replay() -> None:
    log = events()
    rows = logged(log, [(when, 0) for when in times(3)]).assign(release="another")
    assert replay(rows, log, RELEASE).predictions == 0
    assert replay(rows.head(0), [], RELEASE).replayed == 0
    assert reach(rows.head(0), RELEASE) is None


def test_events_are_read_from_before_the_longest_window() -> None:
    rows = logged(events(), [(when, 0) for when in times(3)])
    assert reach(rows, RELEASE) == pd.Timestamp(times(1)[0]) - timedelta(days=8)
    assert np.isfinite(rows["watermark"]).all()
