"""A second load reads only what is new, and an interrupted one leaves the copy as it was."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DatasetError
from sqlalchemy import create_engine, text

from model_lifecycle.datasets.incremental import IncrementalDataset, IncrementalFolderDataset

START = pd.Timestamp("2024-03-01T00:00:00Z")


class Database:
    """A table of parcels that changes, in SQLite or PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.url = url.replace("postgresql://", "postgresql+psycopg://")
        self.engine = create_engine(self.url)
        self.do("CREATE TABLE parcels (parcel INTEGER PRIMARY KEY, weight DOUBLE PRECISION, changed BIGINT)")

    def do(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def put(self, parcel: int, weight: float, changed: int) -> None:
        self.do("DELETE FROM parcels WHERE parcel = :p", p=parcel)
        self.do("INSERT INTO parcels VALUES (:p, :w, :c)", p=parcel, w=weight, c=changed)

    def dataset(self, copy: Path, **options: Any) -> IncrementalDataset:
        source = {
            "type": "pandas.SQLQueryDataset",
            "sql": "SELECT * FROM parcels WHERE changed >= %(since)s ORDER BY changed, parcel",
            "credentials": {"con": self.url},
            "load_args": {"params": {"since": "{since}"}},
        }
        if "sqlite" in self.url:
            source["sql"] = "SELECT * FROM parcels WHERE changed >= :since ORDER BY changed, parcel"
        given = {"filepath": str(copy), "source": source, "key": ["parcel"], "cursor": "changed", "first": 0, **options}
        return IncrementalDataset(**given)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = f"sqlite:///{tmp_path / 'parcels.db'}"
    found = Database(sqlite if request.param == "sqlite" else str(request.getfixturevalue("postgresql_url")))
    for number in range(5):
        found.put(number, number / 2, changed=number)
    yield found
    found.engine.dispose()


def told(caplog: pytest.LogCaptureFixture) -> str:
    return str(caplog.records[-1].getMessage())


def test_the_second_load_asks_from_the_mark_on(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    dataset = database.dataset(tmp_path / "copy.parquet")
    assert dataset.load()["parcel"].tolist() == list(range(5))
    database.put(5, 2.5, changed=5)
    assert dataset.load()["parcel"].tolist() == list(range(6))
    assert "2 rows read, 1 of them new, 0 changed, 1 known already" in told(caplog)
    assert dataset.load().equals(pd.read_parquet(tmp_path / "copy.parquet"))


def test_a_late_row_with_the_same_mark_is_found_and_a_changed_one_replaced(database: Database, tmp_path: Path) -> None:
    dataset = database.dataset(tmp_path / "copy.parquet")
    dataset.load()
    database.put(9, 4.5, changed=4)
    database.put(1, 99.0, changed=7)
    found = dataset.load().set_index("parcel")
    assert found["weight"].to_dict() == {0: 0.0, 1: 99.0, 2: 1.0, 3: 1.5, 4: 2.0, 9: 4.5}
    assert found.index.tolist() == [0, 1, 2, 3, 4, 9]


def test_an_unchanged_source_does_not_touch_the_copy(database: Database, tmp_path: Path) -> None:
    copy = tmp_path / "copy.parquet"
    dataset = database.dataset(copy)
    dataset.load()
    before = copy.stat().st_mtime_ns
    dataset.load()
    assert copy.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("ALTER TABLE parcels ADD COLUMN depot TEXT", r"columns have changed: \['depot'\]; remove the copy"),
        ("ALTER TABLE parcels RENAME COLUMN weight TO mass", r"columns have changed: \['mass', 'weight'\]"),
        ("ALTER TABLE parcels RENAME COLUMN changed TO updated", None),
    ],
)
def test_a_changed_table_is_refused_and_the_copy_stays(
    database: Database, tmp_path: Path, statement: str, message: str | None
) -> None:
    copy = tmp_path / "copy.parquet"
    database.dataset(copy).load()
    before = copy.read_bytes()
    database.do(statement)
    database.do("INSERT INTO parcels (parcel) VALUES (77)")
    with pytest.raises(DatasetError, match=message):
        database.dataset(copy).load()
    assert copy.read_bytes() == before


def test_a_new_row_without_key_or_cursor_is_refused(tmp_path: Path) -> None:
    rows = pd.DataFrame({"parcel": [1, None], "changed": [1, 2]})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    source = {"type": "pandas.CSVDataset", "filepath": str(tmp_path / "rows.csv")}
    options: dict[str, Any] = {"filepath": str(tmp_path / "copy.parquet"), "source": source, "first": 0}
    with pytest.raises(DatasetError, match="1 new rows without 'parcel'"):
        IncrementalDataset(**options, key=["parcel"], cursor="changed").load()
    with pytest.raises(DatasetError, match=r"the source lacks \['moved'\]; found \['changed', 'parcel'\]"):
        IncrementalDataset(**options, key=["parcel"], cursor="moved").load()
    assert not (tmp_path / "copy.parquet").exists()


INTERRUPTED = """
import sys, time
from pathlib import Path
import pandas as pd
from model_lifecycle.datasets import atomic
from model_lifecycle.datasets.incremental import IncrementalFolderDataset
real = Path.replace
def slow(self, target):
    print("writing", flush=True)
    time.sleep(30)
    return real(self, target)
Path.replace = slow
IncrementalFolderDataset(sys.argv[1], sys.argv[2], "*.csv").load()
"""


def test_a_killed_load_leaves_no_half_written_table(tmp_path: Path) -> None:
    folder, copy = tmp_path / "in", tmp_path / "copy.parquet"
    folder.mkdir()
    pd.DataFrame({"a": [1]}).to_csv(folder / "1.csv", index=False)
    dataset = IncrementalFolderDataset(str(copy), str(folder), "*.csv")
    dataset.load()
    before = copy.read_bytes()
    pd.DataFrame({"a": [2]}).to_csv(folder / "2.csv", index=False)
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(copy), str(folder)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": "src"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
    assert copy.read_bytes() == before
    assert dataset.load()["a"].tolist() == [1, 2]


def test_only_new_and_changed_files_are_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for number in range(3):
        pd.DataFrame({"a": [number, number]}).to_csv(tmp_path / f"{number}.csv.gz", index=False)
    dataset = IncrementalFolderDataset(str(tmp_path / "copy.parquet"), str(tmp_path), "*.csv.gz")
    assert dataset.load()["a"].tolist() == [0, 0, 1, 1, 2, 2]
    time.sleep(0.01)
    pd.DataFrame({"a": [7]}).to_csv(tmp_path / "1.csv.gz", index=False)
    pd.DataFrame({"a": [3]}).to_csv(tmp_path / "3.csv.gz", index=False)
    assert dataset.load()["a"].tolist() == [0, 0, 7, 2, 2, 3]
    assert told(caplog) == f"{tmp_path}: 2 of 4 files read"
    (tmp_path / "0.csv.gz").unlink()
    assert dataset.load()["a"].tolist() == [0, 0, 7, 2, 2, 3]
    assert any("1 files are gone, such as ['0.csv.gz']" in record.getMessage() for record in caplog.records)


def test_a_file_of_other_columns_is_refused_and_the_copy_stays(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "1.parquet")
    copy = tmp_path / "copy" / "all.parquet"
    dataset = IncrementalFolderDataset(str(copy), str(tmp_path), "*.parquet")
    dataset.load()
    before = copy.read_bytes()
    pd.DataFrame({"b": [1]}).to_parquet(tmp_path / "2.parquet")
    with pytest.raises(DatasetError, match=r"2.parquet: other columns than before: \['a', 'b'\]"):
        dataset.load()
    assert copy.read_bytes() == before
