"""The book of alerts: saving a judgement moves the states, loading gives a handle on what waits to be delivered."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from kedro.io import AbstractDataset
from sqlalchemy import make_url

from model_lifecycle.contracts.records import AlertState, Notification, NotificationStatus
from model_lifecycle.monitoring.alert_turn import turn_of
from model_lifecycle.monitoring.alerts import Judgement
from model_lifecycle.store import Store
from model_lifecycle.store.alert_book import AlertBook

_log = logging.getLogger(__name__)


class AlertBookHandle:
    """States and outbox of a store that is opened for each question."""

    def __init__(self, url: str) -> None:
        self._url = url

    def states(self) -> list[AlertState]:
        """Return all alerts there have been, the one that became active last first."""
        with self._open() as book:
            return book.states()

    def claim(self, now: datetime, lease: timedelta, limit: int) -> list[Notification]:
        """Return notifications that wait, kept from other processes for a while."""
        with self._open() as book:
            return book.claim(now, lease, limit)

    def settle(self, notification_id: str, status: NotificationStatus, tries: int, error: str | None) -> None:
        """Write down what became of a notification."""
        with self._open() as book:
            book.settle(notification_id, status, tries, error)

    @contextmanager
    def _open(self) -> Iterator[AlertBook]:
        with Store.open(self._url) as store:
            yield store.alert_book


class AlertBookDataset(AbstractDataset[Judgement, AlertBookHandle]):
    """The book of alerts of a store. Saving the same judgement again changes nothing.

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

    def save(self, data: Judgement) -> None:
        """Move the states by a judgement and write down what is to be told, in one transaction."""
        with Store.open(self._url) as store:
            turn = store.alert_book.take_turn(lambda known: turn_of(known, data, datetime.now(UTC)))
        if turn.clock is None and data.at is not None:
            _log.warning("this run looks back to %s, behind what was judged before: no alert changes", data.at)

    def load(self) -> AlertBookHandle:
        """Return the handle."""
        return AlertBookHandle(self._url)

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"url": make_url(self._url).render_as_string(hide_password=True)}
