"""Where the log ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from model_lifecycle.contracts.records import PredictionRecord
from model_lifecycle.datasets.prediction_window import LoggedPredictions
from model_lifecycle.store import Store

NOW = datetime(2024, 7, 1, tzinfo=UTC)
ANSWER = PredictionRecord(
    prediction_id="p1", decision_id="d1", decision_time=NOW, logged_at=NOW, release="r1", score=0.5, decision="act",
    threshold=0.3, watermark=0, inputs={},
)  # fmt: skip


def _newest(folder: Path, *answers: PredictionRecord) -> datetime | None:
    url = f"sqlite:///{folder / 'store.db'}"
    with Store.open(url) as store:
        store.append_predictions(answers)
    return LoggedPredictions(url).newest()


def test_a_decision_from_a_clock_that_is_years_ahead_does_not_push_the_windows_out_of_sight(tmp_path: Path) -> None:
    ahead = replace(ANSWER, prediction_id="p2", decision_time=NOW + timedelta(days=3650))
    assert _newest(tmp_path, ANSWER, ahead) == NOW


def test_history_that_is_scored_later_counts_and_so_does_what_is_ahead_when_there_is_no_other(tmp_path: Path) -> None:
    behind = replace(ANSWER, logged_at=NOW + timedelta(days=3650))
    assert _newest(tmp_path, behind) == NOW
    ahead = replace(ANSWER, logged_at=NOW - timedelta(days=30))
    assert _newest(tmp_path / "ahead", ahead) == NOW
