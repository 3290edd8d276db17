"""The stored events as a dataset: loading it gives a reader, since only a node knows how far back it looks."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NoReturn

from kedro.io import AbstractDataset
from sqlalchemy import make_url

from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.errors import StoreError
from model_lifecycle.store import Store

_PART = 20_000


class StoredEvents:
    """Reads events; nothing is read before it is asked for.

    Parameters
    ----------
    url : str
        Of the store.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def known_since(self, moment: datetime) -> list[tuple[int, EventRecord]]:
        """Return the events that became known at a moment or later, with their sequence, in its order.

        Raises
        ------
        StoreUnavailable
            If the database cannot be reached.
        """
        with Store.open(self._url) as store:
            return store.events_known_since(moment)

    def parts_known_since(self, moment: datetime) -> Iterator[list[tuple[int, EventRecord]]]:
        """Yield the same events some at a time, so that they are never all in memory as records."""
        with Store.open(self._url) as store:
            yield from store.event_parts_known_since(moment, _PART)

    def first_known_at(self) -> datetime | None:
        """Return when the first of all events became known, None without any."""
        with Store.open(self._url) as store:
            return store.first_known_at()

    def newest_known_at(self, until: datetime) -> datetime | None:
        """Return when the newest event that was known by a moment became known, None without any."""
        with Store.open(self._url) as store:
            return store.newest_known_at(until)


class EventLog(AbstractDataset[NoReturn, StoredEvents]):
    """The events of the service. Read only: feedback and `backfill` write them.

    Parameters
    ----------
    url : str
        Of the store.
    metadata : any, optional
        Ignored by Kedro; read by kedro-viz.
    """

    def __init__(self, url: str, metadata: Any = None) -> None:
        self._url = url
        self.metadata = metadata

    def load(self) -> StoredEvents:
        """Return a reader."""
        return StoredEvents(self._url)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - kedro's signature
        """Refuse to write.

        Raises
        ------
        StoreError
            Always.
        """
        raise StoreError("the event log is written by the service and by `backfill`")

    def _describe(self) -> dict[str, Any]:
        return {"url": make_url(self._url).render_as_string(hide_password=True)}
