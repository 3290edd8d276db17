"""Alerts in two places: the store, which keeps all of them once, and a file with those of the last run."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from sqlalchemy import make_url

from model_lifecycle.contracts.records import AlertRecord
from model_lifecycle.datasets.atomic import write_atomically
from model_lifecycle.store import Store

_TIMES = ("raised_at", "window_start", "window_end")


class AlertLog(AbstractDataset[Sequence[AlertRecord], list[AlertRecord]]):
    """The alerts of monitoring. Saving the same alert twice, in one run or in two, keeps it once in the store.

    Parameters
    ----------
    filepath : str
        A JSON file, replaced as a whole by every save.
    url : str
        Of the store.
    metadata : any, optional
        Ignored by Kedro; read by kedro-viz.
    """

    def __init__(self, filepath: str, url: str, metadata: Any = None) -> None:
        self._filepath = Path(filepath)
        self._url = url
        self.metadata = metadata

    def save(self, data: Sequence[AlertRecord]) -> None:
        """Write the alerts to the store, then to the file."""
        with Store.open(self._url) as store:
            store.append_alerts(data)
        text = json.dumps([_document(alert) for alert in data], indent=2)
        write_atomically(self._filepath, text.encode())

    def load(self) -> list[AlertRecord]:
        """Return the alerts of the last save."""
        return [_record(document) for document in json.loads(self._filepath.read_text(encoding="utf-8"))]

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "url": make_url(self._url).render_as_string(hide_password=True)}


def _document(alert: AlertRecord) -> dict[str, object]:
    return asdict(alert) | {name: getattr(alert, name).isoformat() for name in _TIMES}


def _record(document: dict[str, Any]) -> AlertRecord:
    return AlertRecord(**document | {name: datetime.fromisoformat(document[name]) for name in _TIMES})
