"""What was done about a release, from where it was written down: alerts, the audit trail, the registry. Read only."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError
from sqlalchemy import make_url

from model_lifecycle.contracts.records import AlertState, AuditRecord
from model_lifecycle.monitoring.history import Happening
from model_lifecycle.registry import Registry
from model_lifecycle.store import Store
from model_lifecycle.store.alert_book import AlertBook

_MONITORING = "monitoring"
_TOLD = ("firing", "resolved")


class ActionLog(AbstractDataset[NoReturn, list[Happening]]):
    """Alerts that began or ended, entries of the audit trail, moves of the champion; the oldest first.

    A move that the audit trail tells, too, is taken from there: it has the clock of what is monitored.

    Parameters
    ----------
    url : str
        Of the store.
    registry : str
        Of the registry.
    name : str
        The registered model, one a case.
    metadata : any, optional
        Ignored by Kedro; read by kedro-viz.
    """

    def __init__(self, url: str, registry: str, name: str, metadata: Any = None) -> None:
        self._url = url
        self._registry = registry
        self._name = name
        self.metadata = metadata

    def load(self) -> list[Happening]:
        """Read all of it."""
        with Store.open(self._url) as store:
            audit = store.audit()
            found = [*_alerts(store.alert_book), *map(_audited, audit)]
        found += _moves(Registry(self._registry, self._name), audit)
        return sorted(found, key=lambda one: one.at)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - kedro's signature
        """Refuse."""
        raise DatasetError("what was done is written down by those who did it")

    def _describe(self) -> dict[str, Any]:
        return {"url": make_url(self._url).render_as_string(hide_password=True), "name": self._name}


def _alerts(book: AlertBook) -> Iterator[Happening]:
    for state in book.states():
        for change in book.changes(state.fingerprint):
            if change.status in _TOLD:
                yield Happening(
                    at=change.at,
                    kind=f"alert {change.status}",
                    what=f"alert {change.status}: {state.labels['severity']} {_alert_name(state)}",
                    who=_MONITORING,
                    why=change.message,
                )


def _alert_name(state: AlertState) -> str:
    return f"{state.labels['alertname']} ({state.labels['metric']})"


def _audited(entry: AuditRecord) -> Happening:
    return Happening(
        at=entry.at, kind=entry.action, what=f"{entry.action} {entry.release}", who=entry.actor, why=entry.reason
    )


def _moves(registry: Registry, audit: Iterable[AuditRecord]) -> Iterator[Happening]:
    told = {(entry.action, entry.release) for entry in audit}
    names = {entry.version: entry.release_id for entry in registry.releases()}
    for move in registry.history():
        release = names.get(move.to_version, f"version {move.to_version}")
        if (move.action, release) in told:
            continue
        past = f"; overrides {', '.join(move.overridden)}" if move.overridden else ""
        yield Happening(
            at=datetime.fromisoformat(move.at),
            kind=move.action,
            what=f"{move.action} {release}",
            who=move.by,
            why=f"{move.reason}{past}",
        )
