"""Lets the incidents of a moment happen when their time has come."""

import threading
from collections.abc import Sequence
from datetime import datetime

from model_lifecycle.contracts.records import AuditRecord
from model_lifecycle.contracts.trail import PROMOTED
from model_lifecycle.registry import Registry
from model_lifecycle.rehearsal.incidents import kill, release
from model_lifecycle.rehearsal.incidents.plan import BAD_RELEASE, SERVICE_KILLED, Incident
from model_lifecycle.rehearsal.telling import Teller
from model_lifecycle.rehearsal.traffic import Traffic
from model_lifecycle.store import Store


class Saboteur:
    """Promotes the bad release and kills the service, each once.

    Parameters
    ----------
    incidents : sequence of Incident
        Of all kinds; those that last are in the world already.
    """

    def __init__(self, incidents: Sequence[Incident]) -> None:
        self._waiting = [one for one in incidents if one.kind in (BAD_RELEASE, SERVICE_KILLED)]
        self._killer: threading.Timer | None = None
        self.bad_release: str | None = None

    def act(self, at: datetime, traffic: Traffic, registry: Registry, store: Store, teller: Teller) -> None:
        """Let happen what is due at a moment."""
        for one in [incident for incident in self._waiting if incident.start <= at]:
            self._waiting.remove(one)
            teller.say(at, f"incident: {one.description}")
            if one.kind == SERVICE_KILLED:
                self._killer = kill.kill_soon(traffic.pid)
                continue
            before = registry.champion()
            entry = release.promote_bad_release(registry, one.start)
            self.bad_release = entry.release_id
            # As `release promote` does, but on the rehearsal's clock.
            details = {"replaces": before and before.release_id, "overridden": list(release.OVERRIDDEN)}
            store.append_audit([AuditRecord(at, release.BY, PROMOTED, entry.release_id, release.REASON, details)])
