from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError

from model_lifecycle.datasets.folder import FolderDataset


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for month in (2, 1, 10):
        (tmp_path / f"month={month:02}").mkdir()
        pd.DataFrame({"month": [month]}).to_parquet(tmp_path / f"month={month:02}" / "part.parquet")
    assert FolderDataset(str(tmp_path), "*/*.parquet").load()["month"].tolist() == [1, 2, 10]


def test_compressed_text_is_read_with_the_options_given(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["007"]}).to_csv(tmp_path / "a.csv.gz", index=False, sep=";")
    found = FolderDataset(str(tmp_path), "*.csv.gz", load_args={"sep": ";", "dtype": {"id": "str"}}).load()
    assert found["id"].tolist() == ["007"]


def test_a_file_of_other_columns_is_named(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "1.csv", index=False)
    pd.DataFrame({"b": [1]}).to_csv(tmp_path / "2.csv", index=False)
    with pytest.raises(DatasetError, match=r"2.csv: other columns than 1.csv: \['a', 'b'\]"):
        FolderDataset(str(tmp_path), "*.csv").load()


def test_an_empty_folder_and_a_broken_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no file '\*.parquet' there"):
        FolderDataset(str(tmp_path), "*.parquet").load()
    (tmp_path / "1.parquet").write_bytes(b"no")
    with pytest.raises(DatasetError, match=r"1.parquet: cannot be read"):
        FolderDataset(str(tmp_path), "*.parquet").load()


def test_a_source_is_only_read(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="FolderDataset: a source is only read"):
        FolderDataset(str(tmp_path), "*.csv").save(pd.DataFrame())  # type: ignore[arg-type]
