"""Tables whose preview kedro-viz can show, whatever is missing."""

import json
from pathlib import Path

import pandas as pd

from model_lifecycle.datasets.table import TableDataset


def test_a_missing_time_and_a_missing_number_are_shown_as_nothing(tmp_path: Path) -> None:
    times = [pd.Timestamp("2024-05-01T10:00:00Z"), pd.NaT]
    table = pd.DataFrame({"when": times, "count": [1.5, None], "name": ["a", None]})
    dataset = TableDataset(filepath=str(tmp_path / "table.parquet"))
    dataset.save(table)
    shown = dataset.preview(nrows=2)
    assert shown["columns"] == ["when", "count", "name"]
    assert shown["data"] == [["2024-05-01T10:00:00+00:00", 1.5, "a"], [None, None, None]]
    json.dumps(shown, allow_nan=False)


def test_a_preview_holds_the_first_rows_only(tmp_path: Path) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "table.parquet"))
    dataset.save(pd.DataFrame({"number": range(9)}))
    assert [row[0] for row in dataset.preview(nrows=3)["data"]] == [0, 1, 2]
