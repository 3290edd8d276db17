"""From state to state: what is due, what it leads to, and what the audit trail is to tell of it.

Every step reads the state, does one work, and writes the next state with its audit entries in one transaction. A work
is done before its result is written: killed in between, it is done again, and `Works` promises that this is harmless.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from model_lifecycle.agent.state import ACTOR, AgentState, Candidate, Order, Phase
from model_lifecycle.agent.works import RetrainingFailed, Works
from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.contracts.records import AuditRecord
from model_lifecycle.contracts.trail import (
    FAILED,
    GIVEN_UP,
    ORDERED,
    PROMOTED,
    REJECTED,
    RETRAINED,
    ROLLED_BACK,
    UNCHANGED,
)
from model_lifecycle.errors import LifecycleError
from model_lifecycle.monitoring.policy import Decision
from model_lifecycle.monitoring.verdict import iso

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
GIVE_UP_AFTER = 5  # failures of one work, monitoring apart; the next decision may ask for another
_Value = TypeVar("_Value")
_TRIALS = ("shadow", "canary")


@dataclass(frozen=True)
class Step:
    """The next state, what the trail is to tell, and what people are told while they look on."""

    state: AgentState
    said: str
    trail: tuple[AuditRecord, ...] = ()
    lines: tuple[str, ...] = ()


class Machine:
    """The transitions. Knows neither store nor clock.

    Parameters
    ----------
    works : Works
        The effects.
    policy : PolicySpec
        Says what a candidate goes through.
    every : timedelta
        How often monitoring runs.
    """

    def __init__(self, works: Works, policy: PolicySpec, every: timedelta) -> None:
        self._works, self._policy, self._every = works, policy, every
        self._own: dict[Phase, Callable[[AgentState, datetime], Step]] = {
            "retraining": self._retrain,
            "candidate": self._next_stage,
            "promoting": self._promote,
            "rolling back": self._rollback,
        }

    def due(self, state: AgentState) -> datetime:
        """Return when the state asks for its next step."""
        return state.due(self._policy.rollout)

    def present(self, state: AgentState, at: datetime) -> AgentState:
        """Return the state without times that lie too far ahead, as a clock that was wrong for a while leaves them."""
        times = (("since", self._every), ("next_check", self._every), ("not_before", LONGEST_WAIT))
        wrong = [name for name, longest in times if (getattr(state, name) or at) > at + longest]
        return state.model_copy(update=dict.fromkeys(wrong, at))

    def step(self, state: AgentState, at: datetime) -> Step:
        """Do the work that is due."""
        try:
            if state.phase in self._own:
                return self._own[state.phase](state, at)
            if at >= state.next_check:
                return self._check(state, at)
            return self._end_of_stage(state, at)
        except LifecycleError as error:
            return self._failed(state, at, error)

    def _check(self, state: AgentState, at: datetime) -> Step:
        """Run monitoring up to the latest moment of its schedule; windows missed in between are inside its report."""
        until = state.next_check + (at - state.next_check) // self._every * self._every
        decision = self._works.monitor(until)
        looked = state.model_copy(
            update={"next_check": until + self._every, "last_check": until, "failures": 0, "not_before": None}
        )
        said, because = f"monitoring until {iso(until)}: {decision.action}", tuple(decision.reasons)
        wrong = decision.action == "rollback"
        # Somebody has moved the champion; if that one is to be rolled back, the next step checks again and does it.
        if state.phase == "probation" and (gone := self._gone(state if wrong else looked, at)) is not None:
            return gone
        if wrong:
            return self._wants_rollback(looked, at, said, decision)
        if state.phase in _TRIALS:
            try:
                withdrawn, told = self._judged(looked, at)
            except LifecycleError as error:  # of the trial: monitoring has been done
                return self._failed(looked, at, error)
            return withdrawn or Step(looked, said, lines=(*because, told))
        if decision.action == "retrain" and state.phase == "watching":
            order = Order(id=f"{until:%Y%m%dT%H%M%SZ}", as_of=until, reasons=decision.reasons)
            entry = self._entry(at, ORDERED, "", "; ".join(decision.reasons), order, decision=decision)
            return Step(looked.moved("retraining", at, order=order), f"{said} as of {iso(until)}", (entry,), because)
        if decision.action == "retrain":
            because = (*because, f"no retraining before the {state.phase} of {_name(state)} is over")
        return Step(looked, said, lines=because)

    def _wants_rollback(self, state: AgentState, at: datetime, said: str, decision: Decision) -> Step:
        champion = state.candidate if state.phase == "probation" else self._works.champion()
        if champion is None or champion.release != decision.release:  # moved while monitoring ran: judged next time
            now = "there is no champion" if champion is None else f"{champion.release} is the champion by now"
            return Step(state, f"{said} of {decision.release}: {now}", lines=tuple(decision.reasons))
        entry = self._entry(at, "rollback ordered", champion.release, "; ".join(decision.reasons), state.order)
        entries: tuple[AuditRecord, ...] = (entry,)
        order = state.order
        if state.phase in _TRIALS:  # a release on trial is held against a champion that goes; it is not waited for
            candidate, order = _known(state.candidate), None
            self._works.withdraw(candidate)
            why = f"the champion {champion.release} is rolled back during its {state.phase}"
            entries = (self._entry(at, "withdrawn", candidate.release, why, state.order), entry)
        after = state.moved("rolling back", at, candidate=champion, order=order)
        return Step(after, f"{said} of {champion.release}", entries, tuple(decision.reasons))

    def _retrain(self, state: AgentState, at: datetime) -> Step:
        order = _known(state.order)
        found = self._works.retrain(order)
        took = f"the retraining as of {iso(order.as_of)} took {found.seconds:.0f} s"
        seconds = state.spent + found.seconds
        if found.rejected:
            reason = "; ".join(found.rejected)
            entry = self._entry(order.as_of, REJECTED, "", reason, order, seconds=seconds)
            return Step(state.over(at), f"{took}; gates hold it back, the champion stays", (entry,), found.rejected)
        if found.candidate is None:
            entry = self._entry(order.as_of, UNCHANGED, "", "it made the champion", order, seconds=seconds)
            return Step(state.over(at), f"{took}; it made the champion again", (entry,))
        name = found.candidate.release
        entry = self._entry(order.as_of, RETRAINED, name, "; ".join(order.reasons), order, seconds=seconds)
        return Step(state.moved("candidate", at, candidate=found.candidate), f"{took}; {name} passed", (entry,))

    def _next_stage(self, state: AgentState, at: datetime) -> Step:
        """Go from candidate, shadow or canary to the next stage that the policy asks for."""
        candidate, rollout = _known(state.candidate), self._policy.rollout
        if state.phase == "candidate" and rollout.shadow:
            self._works.shadow(candidate)
            return self._begun(state, "shadow", at, f"beside {candidate.replaces}, to nobody")
        if state.phase in ("candidate", "shadow") and rollout.canary:
            self._works.canary(candidate, rollout.canary_share)
            return self._begun(state, "canary", at, f"answers {rollout.canary_share:.0%} of the requests")
        return Step(state.moved("promoting", at), f"{candidate.release} is promoted")

    def _begun(self, state: AgentState, phase: Phase, at: datetime, what: str) -> Step:
        name = _name(state)
        entry = self._entry(at, f"{phase} began", name, what, state.order)
        begun = state.moved(phase, at, trial_since=state.trial_since or at)
        return Step(begun, f"{phase} of {name} began: {what}", (entry,))

    def _judged(self, state: AgentState, at: datetime) -> tuple[Step | None, str]:
        """Withdraw a candidate whose trial was ended, or that live rows show to be worse; None: its trial goes on.

        Once somebody has moved the champion that its gates compared it with, it could not be promoted any more.
        """
        candidate, champion = _known(state.candidate), self._works.champion()
        if (champion and champion.release) != candidate.replaces:
            self._works.withdraw(candidate)
            return self._superseded(state, at), ""
        if (ended := self._ended(state, at)) is not None:
            return ended, ""
        since, end = state.trial_since or state.since, state.trial_end(self._policy.rollout, at)
        found = self._works.compare(candidate, since, at, end)
        if found is None or found.lower is None or found.upper is None:
            return None, f"{candidate.release}: live rows do not tell yet"
        ends = f"({found.lower:.4f} to {found.upper:.4f})"
        text = f"{candidate.release}: loss less the champion's {found.estimate:.4f} {ends}"
        if found.lower <= 0.0:
            return None, text
        self._works.withdraw(candidate)
        entry = self._entry(at, "withdrawn", candidate.release, f"worse in {state.phase}: {text}", state.order)
        return Step(state.over(at), f"{candidate.release} is withdrawn", (entry,), (text,)), text

    def _promote(self, state: AgentState, at: datetime) -> Step:
        candidate = _known(state.candidate)
        if self._works.promote(candidate, state.order) == "superseded":
            return self._superseded(state, at)
        because = "; ".join(state.order.reasons) if state.order else "asked for"
        entry = self._entry(at, PROMOTED, candidate.release, because, state.order, replaces=candidate.replaces)
        return Step(
            state.moved("probation", at),
            f"{candidate.release} is the champion, on probation until {iso(at + self._policy.rollout.probation)}",
            (entry,),
        )

    def _end_of_stage(self, state: AgentState, at: datetime) -> Step:
        if state.phase != "probation":
            withdrawn, _ = self._judged(state, at)  # a stage may be shorter than the time between two checks
            return withdrawn or self._next_stage(state, at)
        if (gone := self._gone(state, at)) is not None:
            return gone
        name = _name(state)
        entry = self._entry(at, "settled", name, "its probation is over", state.order)
        return Step(state.over(at), f"{name} has settled", (entry,))

    def _ended(self, state: AgentState, at: datetime) -> Step | None:
        """Withdraw a candidate whose trial somebody else has ended: a service that found it failing, or a person."""
        candidate, stage = _known(state.candidate), state.phase
        why = self._works.ended(candidate, stage) if stage in ("shadow", "canary") else None
        if why is None:
            return None
        self._works.withdraw(candidate)
        entry = self._entry(at, "withdrawn", candidate.release, why, state.order)
        return Step(state.over(at), f"{candidate.release} is withdrawn", (entry,), (why,))

    def _gone(self, state: AgentState, at: datetime) -> Step | None:
        return None if self._is_champion(_known(state.candidate)) else self._superseded(state, at)

    def _is_champion(self, candidate: Candidate) -> bool:
        champion = self._works.champion()
        return champion is not None and champion.version == candidate.version

    def _superseded(self, state: AgentState, at: datetime) -> Step:
        name = _name(state)
        entry = self._entry(at, "superseded", name, "the champion was moved by somebody else", state.order)
        return Step(state.over(at), f"{name}: the champion was moved by somebody else, which stays", (entry,))

    def _rollback(self, state: AgentState, at: datetime) -> Step:
        candidate = _known(state.candidate)
        reason = f"shown to be worse than {candidate.replaces} on the same live decisions"
        now = self._works.rollback(candidate, reason)
        entry = self._entry(at, ROLLED_BACK, now, reason, state.order, withdrawn=candidate.release)
        return Step(state.over(at), f"rolled back: {now} is the champion again", (entry,))

    def _failed(self, state: AgentState, at: datetime, error: LifecycleError) -> Step:
        trial = state.phase in _TRIALS and at < state.next_check
        what = state.phase if trial or state.phase in self._own else "monitoring"
        if isinstance(error, RetrainingFailed):
            state = state.model_copy(update={"spent": state.spent + error.seconds})
        message = f"{what} failed ({state.failures + 1} in a row): {error}"
        given_up = None
        if what != "monitoring" and state.failures + 1 >= GIVE_UP_AFTER:
            given_up = self._give_up(state, at, message, error)
        self._works.alarm(at, what, message if given_up is None else given_up.said)
        if given_up is not None:
            return given_up
        after = state.failed(at, FIRST_WAIT, LONGEST_WAIT)
        return Step(after, f"{message}; again at {iso(_known(after.not_before))}")

    def _give_up(self, state: AgentState, at: datetime, message: str, error: LifecycleError) -> Step | None:
        """Go back to watching with nothing on trial; None while that fails, or once the candidate is the champion."""
        if state.phase == "retraining":
            order = _known(state.order)
            entry = self._entry(order.as_of, FAILED, "", str(error), order, seconds=state.spent)
            return Step(state.over(at), f"{message}; the retraining is given up", (entry,))
        candidate = _known(state.candidate)
        try:
            if state.phase == "promoting" and self._is_champion(candidate):
                return None  # what is left to do is to end its trial; then its probation begins
            if state.phase != "rolling back":
                self._works.withdraw(candidate)
        except LifecycleError:
            return None
        entry = self._entry(at, GIVEN_UP, candidate.release, f"{state.phase}: {error}", state.order)
        return Step(state.over(at), f"{message}; it is given up", (entry,))

    def _entry(
        self, at: datetime, action: str, release: str, reason: str, order: Order | None, **details: object
    ) -> AuditRecord:
        facts = {
            name: value.model_dump(mode="json") if isinstance(value, Decision) else value
            for name, value in details.items()
        }
        known = {} if order is None else {"order": order.id}
        key = f"{release if order is None else order.id} {at.isoformat()}"
        return AuditRecord(at, ACTOR, action, release, reason, {**known, **facts, "key": key})


def _name(state: AgentState) -> str:
    return _known(state.candidate).release


def _known(value: _Value | None) -> _Value:
    """Return what the phase cannot be without.

    Raises
    ------
    LifecycleError
        If the state was tampered with.
    """
    if value is None:
        raise LifecycleError("the agent's state lacks what its phase needs; expected order and candidate as written")
    return value
