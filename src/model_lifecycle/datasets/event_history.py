"""The events that the service starts from, in the store."""

from typing import Any, NoReturn

import pandas as pd
from kedro.io import AbstractDataset, DatasetError

from model_lifecycle.store import Store
from model_lifecycle.store.backfill import event_records


class EventHistoryDataset(AbstractDataset[pd.DataFrame, NoReturn]):
    """Backfills the store with events; one that is there already, by its id, stays as it is.

    Parameters
    ----------
    url : str
        Of the store.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(self, url: str, metadata: dict[str, Any] | None = None) -> None:
        self._url = url
        self.metadata = metadata

    def save(self, data: pd.DataFrame) -> None:
        """Append the events in the order in which they became known."""
        with Store.open(self._url) as store:
            store.append_events(event_records(data))

    def load(self) -> NoReturn:
        """Refuse: the service reads the store itself."""
        raise DatasetError("the event history is written for the service and read by it alone")

    def _describe(self) -> dict[str, Any]:
        return {"url": self._url}
