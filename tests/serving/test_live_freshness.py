"""Events are used soon after their acceptance, by every replica, also behind a database that goes and comes back."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventually import eventually
from model_lifecycle.serving.live_history import LiveHistory
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.store import Store
from postgresql_server import PostgreSQL
from tiny_release import SPEC, START, event, record

MARGIN = timedelta(days=2)
FAR = (START - timedelta(days=1), START + timedelta(days=4000))
Start = Callable[..., Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, settings: ServiceSettings) -> str:
    return settings.store if request.param == "sqlite" else str(request.getfixturevalue("postgresql_url"))


def test_by_default_every_replica_uses_an_event_within_two_seconds_of_its_acceptance(url: str) -> None:
    poll = ServiceSettings.model_fields["history_poll_seconds"].default
    with Store.open(url) as store:
        replicas = [LiveHistory(store, SPEC, MARGIN, poll) for _ in range(3)]
        for replica in replicas:
            replica.start()
        try:
            for number in range(5):
                store.append_events([event(number)])
                accepted = datetime.now(UTC)
                eventually(lambda number=number: {one.snapshot.watermark for one in replicas} == {number + 1})  # type: ignore[misc]
                assert datetime.now(UTC) - accepted < timedelta(seconds=2)
                assert all(0 <= replica.delay_seconds < 2 for replica in replicas)
        finally:
            for replica in replicas:
                replica.close()


def test_replicas_that_start_while_writers_are_at_work_end_with_the_same_history(url: str) -> None:
    def write(first: int) -> None:
        with Store.open(url) as mine:
            for number in range(first, first + 40):
                mine.append_events([event(number, ("north", "south")[number % 2], at=START + timedelta(hours=number))])

    with Store.open(url) as store:
        writers = [threading.Thread(target=write, args=(first,)) for first in (0, 100, 200)]
        for writer in writers:
            writer.start()
        replicas = [LiveHistory(store, SPEC, MARGIN, 0.005) for _ in range(2)]
        for replica in replicas:
            replica.start()
        for writer in writers:
            writer.join()
        late = LiveHistory(store, SPEC, MARGIN, 0.005)
        eventually(lambda: {one.snapshot.watermark for one in replicas} == {store.latest_sequence()})
        for replica in replicas:
            replica.close()
        assert len(store.events_after(0, 1000)) == 120
        newest = {replica.snapshot.history.newest_known_at() for replica in (*replicas, late)}
        assert len(newest) == 1


def test_the_delay_of_events_is_a_metric(api: Any, store: Store) -> None:
    store.append_events([event(1)])
    eventually(lambda: api.service.ready()[1].watermark == 1)
    metrics = api.ask("GET", "/metrics").text
    line = next(line for line in metrics.splitlines() if line.startswith("model_lifecycle_events_delay_seconds{"))
    assert 0 <= float(line.split()[1]) < 2


def test_an_empty_history_is_told_in_the_answer_and_by_readyz_until_events_come(api: Any, store: Store) -> None:
    assert api.predict(record(1))[0]["history"] == {"watermark": 0, "newest_known_at": None, "complete": False}
    assert any("the event history is empty" in warning for warning in api.ask("GET", "/readyz").json()["warnings"])
    store.append_events([event(1, at=START - timedelta(days=30)), event(2, at=START)])
    eventually(lambda: api.service.ready()[1].watermark == 2)
    assert api.ask("GET", "/readyz").json()["warnings"] == []
    assert api.predict(record(1))[0]["history"]["complete"]


def test_behind_a_database_that_goes_nothing_acknowledged_is_lost_and_the_service_recovers(
    start: Start, postgresql: PostgreSQL, postgresql_url: str
) -> None:
    api = start(store=postgresql_url)
    said = [answer["prediction_id"] for answer in api.predict(record(1), record(2))]
    with Store.open(postgresql_url) as store:
        store.append_events([event(1)])
        eventually(lambda: api.service.ready()[1].watermark == 1)
        postgresql.stop()
        try:
            refused = api.ask("POST", "/predict", json={"records": [record(3)]})
            assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
            eventually(lambda: api.ask("GET", "/readyz").status_code == 503)
        finally:
            postgresql.start()
        eventually(lambda: api.ask("GET", "/readyz").status_code == 200)
        store.append_events([event(2)])
        eventually(lambda: api.service.ready()[1].watermark >= 2)
        said += [answer["prediction_id"] for answer in api.predict(record(4))]
        assert set(said) <= set(store.predictions_between(*FAR)["prediction_id"])
