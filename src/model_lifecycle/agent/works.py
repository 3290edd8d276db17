"""What the agent asks of the world; what is asked for again after a crash is done once all the same."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from model_lifecycle.agent.state import Candidate, Order
from model_lifecycle.errors import LifecycleError
from model_lifecycle.monitoring.policy import Decision
from model_lifecycle.monitoring.verdict import Figure

Moved = Literal["promoted", "superseded"]


@dataclass(frozen=True, slots=True)
class Retrained:
    """What a retraining led to: a registered candidate; or why gates held it back; or neither: it made the champion.

    Attributes
    ----------
    seconds : float
        That it took, of the wall's clock.
    """

    candidate: Candidate | None
    rejected: tuple[str, ...]
    seconds: float


class RetrainingFailed(LifecycleError):
    """A retraining ended without a candidate or a gate's word; `seconds` is what it took, of the wall's clock."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Works(Protocol):
    """The effects. Each raises a `LifecycleError` when it cannot be done now."""

    def champion(self) -> Candidate | None:
        """Return the release in production, and the one that a rollback would bring back."""
        ...

    def monitor(self, until: datetime) -> Decision:
        """Judge the windows that end at a moment, with alerts and page, and return what the policy says."""
        ...

    def retrain(self, order: Order) -> Retrained:
        """Train as of the order's moment, hold against the gates, register what passes; move no alias.

        One that has begun and fails raises `RetrainingFailed`.
        """
        ...

    def shadow(self, candidate: Candidate) -> None:
        """Let the candidate answer beside the champion, to nobody."""
        ...

    def canary(self, candidate: Candidate, share: float) -> None:
        """Let the candidate answer a share of the requests."""
        ...

    def withdraw(self, candidate: Candidate) -> None:
        """Take the candidate out of shadow and canary."""
        ...

    def ended(self, candidate: Candidate, stage: Literal["shadow", "canary"]) -> str | None:
        """Return why somebody else, such as a service that found it failing, has ended the stage; None: it goes on."""
        ...

    def compare(self, candidate: Candidate, since: datetime, until: datetime, end: datetime) -> Figure | None:
        """Return the candidate's loss less the champion's on the same live rows, None where they do not tell.

        ``since`` and ``end`` are the whole trial's, shadow and canary.
        """
        ...

    def promote(self, candidate: Candidate, order: Order | None) -> Moved:
        """Make the candidate the champion, once: ``superseded`` when somebody has moved the champion since."""
        ...

    def rollback(self, candidate: Candidate, reason: str) -> str:
        """Bring back the release before the candidate, if it still is the champion; return who is champion then."""
        ...

    def alarm(self, at: datetime, what: str, message: str) -> None:
        """Tell people that a work fails. Fails itself in silence: the log has it."""
        ...
