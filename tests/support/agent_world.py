"""A world for the agent: a real store and a real registry; monitoring and training are told what to find."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from model_lifecycle.agent.agent import Agent
from model_lifecycle.agent.promotion import promote_once, rollback_once
from model_lifecycle.agent.state import Candidate, Order
from model_lifecycle.agent.works import Moved, Retrained
from model_lifecycle.monitoring.policy import Action, Decision
from model_lifecycle.monitoring.verdict import Figure
from model_lifecycle.registry import Registry
from model_lifecycle.releases import verify_release
from tiny_release import tiny_release

START = datetime(2024, 7, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
Make = Callable[..., Agent]


def decision(action: Action, *reasons: str) -> Decision:
    return Decision(action=action, reasons=reasons or (f"because {action}",), evidence={})


@dataclass
class ManualClock:
    """Stands still until it is moved; waiting moves it."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def wait(self, until: datetime, longest: float) -> None:  # noqa: ARG002 - a clock's signature
        self.at = max(self.at, until)


@dataclass
class AgentWorld:
    """Works whose findings are planned: a decision a check, a release a retraining."""

    folder: Path
    registry: Registry
    decisions: dict[datetime, Decision] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    unchanged: bool = False
    compared: Figure | None = None
    judge: Callable[[Candidate, datetime, datetime, datetime], Figure | None] | None = None  # instead of `compared`
    stopped: str | None = None
    calls: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    fails: Callable[[str], None] = lambda _: None

    def champion(self) -> Candidate | None:
        found, before = self.registry.champion(), self.registry.previous()
        if found is None:
            return None
        return Candidate(version=found.version, release=found.release_id, replaces=before and before.release_id)

    def monitor(self, until: datetime) -> Decision:
        judged = self.champion()
        self._called(f"monitor {until:%m-%d}")
        evidence = {"state": {"release": judged and judged.release}}
        return self.decisions.get(until, decision("nothing")).model_copy(update={"evidence": evidence})

    def retrain(self, order: Order) -> Retrained:
        self._called(f"retrain {order.as_of:%m-%d}")
        if self.rejected:
            return Retrained(None, self.rejected, 2.0)
        if self.unchanged:
            return Retrained(None, (), 2.0)
        entry = self.registry.champion()
        name = f"parcels-{order.as_of:%m-%d}"
        version = self.release(name)
        return Retrained(Candidate(version=version, release=name, replaces=entry and entry.release_id), (), 2.0)

    def release(self, name: str) -> int:
        """Register a release and return its version."""
        path = self.folder / "releases" / name
        if not path.exists():
            path = tiny_release(self.folder / "releases", name)
        return self.registry.register(path, verify_release(path).digest, {}, {})

    def shadow(self, candidate: Candidate) -> None:
        self._called(f"shadow {candidate.release}")

    def canary(self, candidate: Candidate, share: float) -> None:
        self._called(f"canary {candidate.release} {share}")

    def withdraw(self, candidate: Candidate) -> None:
        self._called(f"withdraw {candidate.release}")

    def ended(self, candidate: Candidate, stage: str) -> str | None:  # noqa: ARG002 - the interface
        return self.stopped

    def compare(self, candidate: Candidate, since: datetime, until: datetime, end: datetime) -> Figure | None:
        self._called(f"compare {candidate.release} {since:%m-%d} {until:%m-%d} of {end:%m-%d}")
        return self.compared if self.judge is None else self.judge(candidate, since, until, end)

    def promote(self, candidate: Candidate, order: Order | None) -> Moved:
        self._called(f"promote {candidate.release}")
        return promote_once(self.registry, candidate, "; ".join(order.reasons) if order else "asked for")

    def rollback(self, candidate: Candidate, reason: str) -> str:
        self._called(f"rollback {candidate.release}")
        return rollback_once(self.registry, candidate, reason)

    def alarm(self, at: datetime, what: str, message: str) -> None:  # noqa: ARG002 - the interface
        self.alarms.append(f"{what}: {message}")

    def promotions(self) -> list[int]:
        """Return the versions that were made the champion, in order."""
        return [move.to_version for move in self.registry.history() if move.action == "promote"]

    def _called(self, what: str) -> None:
        self.fails(what)
        self.calls.append(what)
