from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventually import eventually
from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.features.history import History, event_columns
from model_lifecycle.serving import live_history
from model_lifecycle.serving.live_history import LiveHistory, Snapshot
from model_lifecycle.store import Store
from tiny_release import SPEC, START, event

MARGIN = timedelta(days=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/store.db") as opened:
        yield opened


def follow(store: Store) -> LiveHistory:
    return LiveHistory(store, SPEC, MARGIN, poll_seconds=0.01)


def features(snapshot: History, days: float) -> dict[str, list[float]]:
    at = np.array([(START + timedelta(days=days)).replace(tzinfo=None)] * 2, dtype="datetime64[us]")
    rows = {"depot": np.array(["north", "south"], dtype=object)}
    return {name: values.tolist() for name, values in snapshot.compute(rows, at, {"late_rate_7d": 0.3}).items()}


def daily(count: int) -> list[EventRecord]:
    return [
        event(n, ("north", "south")[n % 2], float(n % 3 == 0), START + timedelta(hours=6 * n)) for n in range(count)
    ]


def _back(newest: datetime | None) -> np.datetime64:
    return np.datetime64(((newest or START) - timedelta(days=9)).replace(tzinfo=None), "us")


def test_an_empty_store_is_an_empty_history(store: Store) -> None:
    snapshot = follow(store).snapshot
    assert (snapshot.watermark, snapshot.newest(), snapshot.reaches_back_to) == (0, None, None)
    assert features(snapshot.history, 1)["deliveries_7d"] == [0.0, 0.0]


def test_at_start_the_longest_window_before_the_newest_event_is_loaded(store: Store) -> None:
    store.append_events(daily(200))
    snapshot = follow(store).snapshot
    newest = max(found.known_at for found in daily(200))
    assert (snapshot.watermark, snapshot.newest_known_at) == (200, newest)
    assert snapshot.reaches_back_to == np.datetime64((newest - timedelta(days=9)).replace(tzinfo=None), "us")
    whole = History.build(SPEC, event_columns(SPEC, daily(200)))
    assert features(snapshot.history, 49) == features(whole, 49)


def test_a_store_whose_only_event_is_of_the_year_1_can_be_followed_and_opened_again(store: Store) -> None:
    running = follow(store)
    store.append_events([event(0, at=datetime(1, 1, 1, tzinfo=UTC))])
    running.read_new()
    again = follow(store)
    assert again.snapshot.watermark == running.snapshot.watermark == 1
    store.append_events(daily(2))
    again.read_new()
    assert again.snapshot.newest_known_at == max(found.known_at for found in daily(2))


def test_events_that_were_stored_out_of_order_are_all_loaded(store: Store) -> None:
    store.append_events(daily(200)[::-1])
    snapshot = follow(store).snapshot
    assert snapshot.newest_known_at == max(found.known_at for found in daily(200))
    assert features(snapshot.history, 49) == features(History.build(SPEC, event_columns(SPEC, daily(200))), 49)


FAR = event(999, at=datetime(2999, 12, 31, tzinfo=UTC))


def test_an_event_of_a_wrong_year_in_the_store_pushes_no_other_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_history, "RECENT_LIMIT", 10)
    store.append_events(daily(200))
    running = follow(store)
    store.append_events([FAR, *(event(n, at=START + timedelta(hours=6 * n)) for n in range(200, 220))])
    running.read_new()
    for live in (running, follow(store)):
        snapshot = live.snapshot
        assert snapshot.newest_known_at == event(219, at=START + timedelta(hours=6 * 219)).known_at
        assert snapshot.reaches_back_to == _back(snapshot.newest_known_at)
        assert len(live._old["delivery"]["known_at"]) == 9 * 4 + 1 + 1


def test_a_store_that_begins_with_an_event_of_a_wrong_year_fills_as_any_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_history, "RECENT_LIMIT", 10)
    running = follow(store)
    store.append_events([FAR])
    running.read_new()
    again = follow(store)
    store.append_events(daily(20))
    for live in (running, again):
        live.read_new()
        assert live.snapshot.newest_known_at == daily(20)[-1].known_at
        assert len(live._old["delivery"]["known_at"]) == 21


def test_new_events_are_followed_in_the_background(store: Store) -> None:
    live = follow(store)
    live.start()
    store.append_events(daily(5))
    eventually(lambda: live.snapshot.watermark == 5)
    live.close()
    assert features(live.snapshot.history, 1) == features(History.build(SPEC, event_columns(SPEC, daily(5))), 1)


def test_a_snapshot_that_is_in_use_never_changes(store: Store) -> None:
    live = follow(store)
    taken = live.snapshot
    store.append_events(daily(5))
    live.read_new()
    assert isinstance(taken, Snapshot)
    assert features(taken.history, 2)["deliveries_7d"] == [0.0, 0.0]
    assert features(live.snapshot.history, 2)["deliveries_7d"] == [3.0, 2.0]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8), limit=st.integers(1, 60))
def test_however_events_arrive_the_features_are_those_of_all_events_at_once(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], limit: int
) -> None:
    with (
        pytest.MonkeyPatch.context() as patch,
        Store.open(f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db") as store,
    ):
        patch.setattr(live_history, "RECENT_LIMIT", limit)
        events = daily(sum(sizes))
        live = follow(store)
        taken = 0
        for size in sizes:
            store.append_events(events[taken : taken + size])
            taken += size
            live.read_new()
        last = sum(sizes) / 4
        whole = History.build(SPEC, event_columns(SPEC, events))
        assert features(live.snapshot.history, last) == features(whole, last)
        assert max(len(segments) for segments in live.snapshot.history.segments.values()) <= 2


def test_events_that_no_window_reaches_are_dropped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_history, "RECENT_LIMIT", 10)
    live = follow(store)
    for found in daily(400):
        store.append_events([found])
    while live.snapshot.watermark < 400:
        live.read_new()
    live._fold(live.snapshot.newest_known_at or START)
    assert len(live._old["delivery"]["known_at"]) == 9 * 4 + 1


def test_a_store_that_is_away_does_not_end_the_thread(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_history, "ERROR_PAUSE_SECONDS", 0.01)
    live = follow(store)
    with monkeypatch.context() as patch:
        patch.setattr(store, "events_after", lambda *_: 1 / 0)
        live.start()
        eventually(lambda: live.lag_seconds() > 0.2)
    store.append_events(daily(1))
    eventually(lambda: live.snapshot.watermark == 1)
    live.close()
