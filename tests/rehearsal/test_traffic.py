"""What is lost is counted, and a service that is gone is not asked for ever."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from model_lifecycle.errors import ServingError
from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.rehearsal.traffic import GIVE_UP_AFTER, MOST_TRIES, RECORDS_PER_REQUEST, Traffic, traffic_to
from model_lifecycle.serving.ports import free_ports
from model_lifecycle.serving.process import RunningService


@pytest.fixture
def counts() -> Counts:
    """New counts."""
    return Counts()


@pytest.fixture
def traffic(tmp_path: Path, counts: Counts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traffic]:
    """Traffic to a port that nobody listens on, and a supervisor whose services never do."""
    monkeypatch.setattr("model_lifecycle.client._LONGEST_PAUSE", 0.001)
    monkeypatch.setattr("model_lifecycle.rehearsal.supervisor.PROBE_SECONDS", 0.001)

    @contextmanager
    def boot() -> Iterator[RunningService]:
        yield RunningService(f"http://127.0.0.1:{free_ports(1)[0]}", "key", 0, tmp_path / "log")

    with traffic_to(boot, f"sqlite:///{tmp_path}/store.db", counts) as made:
        yield made


def test_a_request_is_lost_when_no_restart_of_the_service_brings_an_answer(traffic: Traffic, counts: Counts) -> None:
    assert traffic.ask([{}] * (RECORDS_PER_REQUEST + 1)) == []
    assert (counts.requests, counts.errors, counts.records) == (2, 2, 0)
    assert counts.retries >= 2 * MOST_TRIES
    assert counts.first_errors[0].startswith(f"predict: {MOST_TRIES} tries failed, the last with: POST")
    assert traffic.restarts()


def test_when_request_after_request_is_lost_it_gives_up(traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model_lifecycle.rehearsal.traffic.MOST_TRIES", 1)
    with pytest.raises(ServingError, match=f"{GIVE_UP_AFTER} requests in a row were lost, the service is gone"):
        traffic.ask([{}] * RECORDS_PER_REQUEST * GIVE_UP_AFTER)
