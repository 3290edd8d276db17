import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from model_lifecycle.contracts.records import PredictionRecord
from model_lifecycle.store import Appender, PredictionRow, Store
from model_lifecycle.store.predictions import prediction_row

NOW = datetime(2024, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def rows(*numbers: int) -> list[PredictionRow]:
    return [
        prediction_row(PredictionRecord(f"p{number}", "P-1", NOW, NOW, "r", 0.5, "act", 0.4, 7, {"weight": 1.5}))
        for number in numbers
    ]


@pytest.mark.parametrize("numbers", [(1,), (1, 2, 3)])
def test_what_is_appended_is_what_the_store_would_have_written(
    appender: Appender, file_store: Store, numbers: tuple[int, ...]
) -> None:
    assert appender.append(rows(*numbers))
    found = file_store.predictions_between(NOW, LATER)
    file_store.append_predictions([row._replace(prediction_id=f"again-{row.prediction_id}") for row in rows(*numbers)])
    again = file_store.predictions_between(NOW, LATER).iloc[: len(numbers)]
    assert found["prediction_id"].tolist() == [f"p{number}" for number in numbers]
    assert found.drop(columns="prediction_id").equals(again.drop(columns="prediction_id"))


def test_all_rows_are_there_or_none(appender: Appender, file_store: Store) -> None:
    assert appender.append(rows(2))
    assert not appender.append(rows(1, 2, 3))
    assert appender.append(rows(4))
    assert file_store.predictions_between(NOW, LATER)["prediction_id"].tolist() == ["p2", "p4"]


def test_a_lock_is_not_waited_for(appender: Appender, file_store: Store, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert [appender.append(rows(1)), appender.append(rows(1, 2))] == [False, False]
        other.execute("ROLLBACK")
    assert appender.append(rows(1))
    assert len(file_store.predictions_between(NOW, LATER)) == 1


def test_where_a_commit_waits_for_the_disk_there_is_none(path: Path) -> None:
    with Store.open(f"sqlite:///{path}", "FULL") as careful:
        assert careful.appender() is None
