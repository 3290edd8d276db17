"""What is lost is counted, and a service that is gone is not asked for ever."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from model_lifecycle.errors import ServingError
from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.rehearsal.traffic import GIVE_UP_AFTER, RECORDS_PER_REQUEST, Traffic, traffic_to
from model_lifecycle.serving.ports import free_ports
from model_lifecycle.serving.process import RunningService


@pytest.fixture
def counts() -> Counts:
    """New counts."""
    return Counts()


@pytest.fixture
def traffic(tmp_path: Path, counts: Counts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traffic]:
    """Traffic to a port that nobody listens on."""
    monkeypatch.setattr("model_lifecycle.client._LONGEST_PAUSE", 0.001)
    gone = RunningService(f"http://127.0.0.1:{free_ports(1)[0]}", "key", 0, tmp_path / "log")
    with traffic_to(gone, f"sqlite:///{tmp_path}/store.db", counts) as made:
        yield made


def test_a_request_without_an_answer_is_lost_after_its_retries(traffic: Traffic, counts: Counts) -> None:
    assert traffic.ask([{}] * (RECORDS_PER_REQUEST + 1)) == []
    assert (counts.requests, counts.errors, counts.retries, counts.records) == (2, 2, 10, 0)
    assert counts.first_errors[0].startswith("predict: POST /v1/predict: no answer (ConnectError")


def test_when_request_after_request_is_lost_it_gives_up(traffic: Traffic) -> None:
    with pytest.raises(ServingError, match=f"{GIVE_UP_AFTER} requests in a row were lost, the service is gone"):
        traffic.ask([{}] * RECORDS_PER_REQUEST * GIVE_UP_AFTER)
