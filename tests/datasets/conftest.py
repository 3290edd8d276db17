"""Kedro's SQL datasets keep their connections for the process; a test gives them back."""

from collections.abc import Iterator

import pytest
from kedro_datasets.pandas import SQLQueryDataset, SQLTableDataset


@pytest.fixture(autouse=True)
def closed_connections() -> Iterator[None]:
    """Dispose of the engines that the test has opened."""
    yield
    for kind in (SQLQueryDataset, SQLTableDataset):
        for engine in kind.engines.values():
            engine.dispose()
        kind.engines.clear()
