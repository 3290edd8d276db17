"""The raw tables of the chosen case, read and written as its catalog says."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import DataCatalog

from model_lifecycle.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS


def read_raw_tables(conf: Path, sources: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Return the tables ``raw_<source>`` by source, from where the catalog says."""
    catalog = _catalog(conf, {})
    return {source: catalog.load(f"raw_{source}") for source in sources}


def write_raw_tables(conf: Path, tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write tables so that ``--params raw_folder=<folder>`` reads them, each under its file's name and format."""
    folder.mkdir(parents=True, exist_ok=True)
    catalog = _catalog(conf, {"raw_folder": str(folder)})
    for source, table in tables.items():
        catalog.save(f"raw_{source}", table)


def _catalog(conf: Path, parameters: dict[str, Any]) -> DataCatalog:
    options: dict[str, Any] = {**CONFIG_LOADER_ARGS, "runtime_params": parameters}
    loader = CONFIG_LOADER_CLASS(conf, os.environ.get("KEDRO_ENV"), **options)
    entries = {name: entry for name, entry in loader["catalog"].items() if name.startswith("raw_")}
    return DataCatalog.from_config(entries)
