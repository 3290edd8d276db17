"""A SQLite file that is replaced or deleted under those who have it open."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from model_lifecycle.errors import StoreUnavailable
from model_lifecycle.store import Appender, Store
from model_lifecycle.store import store as store_module
from model_lifecycle.store.predictions import prediction_row

from .records import LATER, START, event, observed, prediction

MOVED = "the file was replaced, moved or deleted since it was opened; put it back, or start again"


def replace(path: Path) -> None:
    shutil.copy(path, path.with_name("copy.db"))
    path.with_name("copy.db").replace(path)
    unlink_log(path)


def delete(path: Path) -> None:
    path.unlink()
    unlink_log(path)


def unlink_log(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()


@pytest.mark.parametrize("go", [replace, delete])
def test_nothing_is_called_written_once_another_file_or_none_stands_at_the_path(
    file_store: Store, appender: Appender, path: Path, go: Callable[[Path], None]
) -> None:
    assert appender.append([prediction_row(prediction(1))])
    go(path)
    assert not appender.append([prediction_row(prediction(2))])
    for use in (
        lambda: file_store.append_predictions([prediction(2)]),
        lambda: file_store.append_labels([observed(1, 1.0, known=9)]),
        lambda: file_store.append_events([event(1)]),
        lambda: file_store.predictions_between(START, LATER),
        file_store.try_to_write,
        file_store.check_there,
    ):
        with pytest.raises(StoreUnavailable, match=MOVED):
            use()
    assert path.exists() is (go is replace)  # none is made in its place


def test_a_file_that_goes_while_a_transaction_is_under_way_is_noticed_before_its_end(
    file_store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def insert(*_: object) -> None:
        replace(path)

    monkeypatch.setattr(store_module, "insert_predictions", insert)
    with pytest.raises(StoreUnavailable, match=MOVED):
        file_store.append_predictions([prediction(1)])


def test_a_file_that_is_put_back_is_written_again(file_store: Store, appender: Appender, path: Path) -> None:
    aside = path.with_name("aside.db")
    path.rename(aside)
    with pytest.raises(StoreUnavailable, match=MOVED):
        file_store.append_predictions([prediction(1)])
    aside.rename(path)
    file_store.append_predictions([prediction(2)])
    assert appender.append([prediction_row(prediction(3))])
    assert set(file_store.predictions_between(START, LATER)["prediction_id"]) == {"p2", "p3"}
