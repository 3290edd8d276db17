from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from model_lifecycle.contracts.records import PredictionRecord
from model_lifecycle.errors import StoreError
from model_lifecycle.rehearsal.scorecard.answers import read_answers
from model_lifecycle.store import Store
from tiny_release import START

SPAN = (START, START + timedelta(days=30))


def prediction(decision: str, day: int, release: str = "r1", logged: int = 0) -> PredictionRecord:
    at = START + timedelta(days=day)
    return PredictionRecord(
        prediction_id=f"{decision}-{release}-{logged}",
        decision_id=decision,
        decision_time=at,
        logged_at=at + timedelta(seconds=logged),
        release=release,
        score=0.5,
        decision="act",
        threshold=0.4,
        watermark=0,
        inputs={},
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as made:
        yield made


def test_what_was_asked_and_is_not_in_the_log_is_lost(store: Store) -> None:
    store.append_predictions([prediction("a", 1), prediction("b", 20)])
    found = read_answers(store, SPAN, ["a", "b", "c"])

    assert (found.asked, found.lost, found.twice, found.strange) == (3, 1, 0, 0)


def test_of_two_answers_the_first_counts_and_the_second_is_told(store: Store) -> None:
    store.append_predictions([prediction("a", 1, "r2", logged=9), prediction("a", 1, "r1", logged=1)])
    found = read_answers(store, SPAN, ["a"])

    assert found.first.loc["a", "release"] == "r1"
    assert (found.lost, found.twice) == (0, 1)


def test_what_nobody_asked_for_is_told(store: Store) -> None:
    store.append_predictions([prediction("a", 1), prediction("x", 2)])
    assert read_answers(store, SPAN, ["a"]).strange == 1


def test_an_empty_log_is_an_error(store: Store) -> None:
    with pytest.raises(StoreError, match="prediction log of the rehearsal is empty"):
        read_answers(store, SPAN, ["a"])
