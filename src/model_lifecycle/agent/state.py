"""Where the agent is: one small document, written whole at every step."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from model_lifecycle.contracts.base import Contract
from model_lifecycle.contracts.policy import Rollout

Phase = Literal["watching", "retraining", "candidate", "shadow", "canary", "promoting", "probation", "rolling back"]
ACTOR = "agent"
WORKS: tuple[Phase, ...] = ("retraining", "candidate", "promoting", "rolling back")  # done as soon as they are reached
STAGES = ("shadow", "canary", "probation")  # last as long as the policy says


class Order(Contract):
    """A retraining that the policy asked for; its id is what its release and the audit trail are known by."""

    id: str
    as_of: AwareDatetime
    reasons: tuple[str, ...]


class Candidate(Contract):
    """A registered release on its way, and the champion it is to replace."""

    version: int
    release: str
    replaces: str | None = None


class AgentState(Contract):
    """One moment of the agent; every time is on its own clock.

    Attributes
    ----------
    phase : str
        What it does, since ``since``.
    next_check : datetime
        When monitoring is due.
    order, candidate : Order, Candidate or None
        What is under way.
    failures : int
        Of the present work, in a row; until ``not_before`` it is left alone.
    trial_since : datetime or None
        When the candidate's first stage began: shadow and canary are one trial.
    spent : float
        Seconds that failed tries of the present retraining took: its budget counts them.
    """

    phase: Phase = "watching"
    since: AwareDatetime
    next_check: AwareDatetime
    last_check: AwareDatetime | None = None
    order: Order | None = None
    candidate: Candidate | None = None
    trial_since: AwareDatetime | None = None
    failures: int = Field(default=0, ge=0)
    not_before: AwareDatetime | None = None
    spent: float = Field(default=0.0, ge=0.0)

    def stage_end(self, rollout: Rollout) -> datetime | None:
        """Return when the stage that it is in is over, None if it is in none."""
        if self.phase not in STAGES:
            return None
        length: timedelta = getattr(rollout, self.phase)
        return self.since + length

    def trial_end(self, rollout: Rollout, at: datetime) -> datetime:
        """Return when shadow and canary are over together, as planned at a moment of either."""
        stage = max(self.stage_end(rollout) or at, at)
        return stage + rollout.canary if self.phase == "shadow" else stage

    def due(self, rollout: Rollout) -> datetime:
        """Return when it asks for its next step."""
        later = min(self.next_check, self.stage_end(rollout) or self.next_check)
        moment = self.since if self.phase in WORKS else later
        return moment if self.not_before is None else max(moment, self.not_before)

    def moved(self, phase: Phase, at: datetime, **changes: object) -> "AgentState":
        """Return the state after a step that succeeded."""
        fresh = {"failures": 0, "not_before": None, "spent": 0.0}
        return self.model_copy(update={"phase": phase, "since": at, **fresh, **changes})

    def over(self, at: datetime) -> "AgentState":
        """Return the state with nothing under way."""
        return self.moved("watching", at, order=None, candidate=None, trial_since=None)

    def failed(self, at: datetime, first: timedelta, longest: timedelta) -> "AgentState":
        """Return the state after a step that failed: the wait doubles with each failure."""
        wait = min(longest, first * 2 ** min(self.failures, 20))
        return self.model_copy(update={"failures": self.failures + 1, "not_before": at + wait})
