"""What is seen and done in a rehearsal, on its own clock: the scorecard and the pages of monitoring read it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from model_lifecycle.contracts.records import AuditRecord
from model_lifecycle.contracts.trail import BLOCKED, TRUSTED
from model_lifecycle.store import Store


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alert that a window raised for the first time; ``columns`` are the inputs that it names."""

    at: datetime
    severity: str
    rule: str
    message: str
    release: str
    window: tuple[datetime, datetime]
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, alert: dict[str, Any]) -> "Alarm":
        """Return the alarm of an alert as a monitoring run wrote it to its file."""
        details = alert["details"]
        moments = [datetime.fromisoformat(alert[name]) for name in ("raised_at", "window_start", "window_end")]
        columns = [str(one["column"]) for one in details.get("findings", ()) if one.get("column")]
        return cls(
            at=moments[0],
            severity=alert["severity"],
            rule=alert["rule"],
            message=alert["message"],
            release=str(details.get("release", "")),
            window=(moments[1], moments[2]),
            columns=tuple(columns),
        )


@dataclass(frozen=True, slots=True)
class Action:
    """Something that was done to a release, by whom and why; ``action`` in the words of the audit trail.

    ``withdrawn`` is the release that a rollback took out of production.
    """

    at: datetime
    action: str
    release: str
    by: str
    why: str
    withdrawn: str = ""

    @classmethod
    def of(cls, entry: AuditRecord) -> "Action":
        """Return the action that an entry of the trail tells."""
        gone = str(entry.details.get("withdrawn", ""))
        return cls(entry.at, entry.action, entry.release, entry.actor, entry.reason, gone)


@dataclass
class Journal:
    """Keeps what happens in order; what is done is read from the audit trail, whoever did it."""

    store: Store
    alarms: list[Alarm] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    _read: int = 0

    def news(self) -> list[AuditRecord]:
        """Return what the trail tells of releases since the last time."""
        fresh = self.store.audit()[self._read :]
        self._read += len(fresh)
        told = [one for one in fresh if one.action not in (BLOCKED, TRUSTED)]
        self.actions += map(Action.of, told)
        return told
