"""The audit trail as a dataset: loading reads all of it, saving adds what is not there yet."""

from collections.abc import Sequence
from typing import Any

from kedro.io import AbstractDataset
from sqlalchemy import make_url

from model_lifecycle.contracts.records import AuditRecord
from model_lifecycle.store import Store


class TrailDataset(AbstractDataset[Sequence[AuditRecord], list[AuditRecord]]):
    """The audit trail of a store. An entry whose ``details["key"]`` stands there already is left as it is.

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

    def load(self) -> list[AuditRecord]:
        """Return all entries in the order of their arrival."""
        with Store.open(self._url) as store:
            return store.audit()

    def save(self, data: Sequence[AuditRecord]) -> None:
        """Add the entries that are new."""
        if data:
            with Store.open(self._url) as store:
                store.append_audit_once(data)

    def _describe(self) -> dict[str, Any]:
        return {"url": make_url(self._url).render_as_string(hide_password=True)}
