"""What is seen and done in a rehearsal, on its own clock: the scorecard and the pages of monitoring read it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from model_lifecycle.contracts.records import AuditRecord
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
    """Something that was done to a release, by whom and why; ``action`` in the words of the audit trail."""

    at: datetime
    action: str
    release: str
    by: str
    why: str


@dataclass
class Journal:
    """Keeps what happens in order."""

    store: Store
    alarms: list[Alarm] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)

    def done(self, action: Action) -> None:
        """Write down what a run has told the audit trail itself."""
        self.actions.append(action)

    def told(self, action: Action) -> None:
        """Write down an action, in the audit trail of the store as well."""
        self.done(action)
        self.store.append_audit([AuditRecord(action.at, action.by, action.action, action.release, action.why)])
