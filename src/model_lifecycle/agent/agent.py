"""The agent: reads its state, does what is due, writes the next state, and waits."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from model_lifecycle.agent.clock import Clock, FixedClock
from model_lifecycle.agent.lead import LEASE, Lead, holder_name
from model_lifecycle.agent.machine import Machine
from model_lifecycle.agent.state import AgentState
from model_lifecycle.errors import LeaseLost, StoreError, StoreUnavailable
from model_lifecycle.monitoring.verdict import iso
from model_lifecycle.store.agent_book import AgentBook

LOOK_SECONDS = 5.0  # how often an idle agent looks at the clock, and one that waits at who leads
_AWAY_SECONDS = 30.0  # between two tries to reach the store

Say = Callable[[str], None]


class Agent:
    """One agent on one store.

    Parameters
    ----------
    book : AgentBook
        Its state and its lease.
    machine : Machine
        What is due and where it leads.
    clock : Clock
        The time that schedule, cooldown and stages go by.
    say : callable
        Takes each line about what happens.
    lease : timedelta
        For which a killed agent keeps others waiting.
    """

    def __init__(self, book: AgentBook, machine: Machine, clock: Clock, say: Say, lease: timedelta = LEASE) -> None:
        self._book, self._machine, self._clock, self._say, self._length = book, machine, clock, say, lease
        self._holder = holder_name()
        self._looks_back = isinstance(clock, FixedClock)

    def run(self, *, once: bool = False, until: datetime | None = None) -> None:
        """Lead and work: until nothing is due (``once``), until a time, or until it is stopped.

        Raises
        ------
        LeaseLost
            With ``once``, if another agent leads; in any case if the lead is lost on the way.
        """
        waiting = False
        while True:
            try:
                with Lead(self._book, self._holder, self._length) as lead:
                    self._say(f"{iso(self._clock.now())}  leading as {self._holder}")
                    self._work(lead, once, until)
                    return
            except LeaseLost as error:
                if once or not str(error).startswith("another agent leads"):
                    raise
                if not waiting:
                    self._say(f"{iso(self._clock.now())}  {error}; waiting")
                waiting = True
                time.sleep(min(LOOK_SECONDS, self._length.total_seconds()))
            except StoreUnavailable as error:
                if once:
                    raise
                self._say(f"{iso(self._clock.now())}  {error}; again in {_AWAY_SECONDS:.0f} s")
                time.sleep(_AWAY_SECONDS)

    def step(self, lead: Lead) -> bool:
        """Do what is due and write what it led to; False if nothing is due."""
        kept, at = self._book.read(), self._clock.now()
        state = self._state(kept.state, at)
        if not self._looks_back and (present := self._machine.present(state, at)) != state:
            self._book.write(lead.lease, kept.version, present.model_dump(mode="json"))
            found = iso(self._machine.due(state))
            self._say(f"{iso(at)}  found the next step at {found}, more than one interval ahead; the agent goes on now")
            return True
        if at < self._machine.due(state):
            return False
        step = self._machine.step(state, at)
        self._book.write(lead.lease, kept.version, step.state.model_dump(mode="json"), step.trail)
        self._say("\n".join([f"{iso(at)}  {step.said}", *(f"                  {line}" for line in step.lines)]))
        return True

    def state(self) -> AgentState:
        """Return where it is."""
        return self._state(self._book.read().state, self._clock.now())

    def _work(self, lead: Lead, once: bool, until: datetime | None) -> None:
        while True:
            if self.step(lead):
                continue
            if once:
                self._say(f"{iso(self._clock.now())}  nothing is due before {iso(self._machine.due(self.state()))}")
                return
            if until is not None and self._clock.now() >= until:
                return
            due = self._machine.due(self.state())
            self._clock.wait(due if until is None else min(due, until), LOOK_SECONDS)

    @staticmethod
    def _state(found: object, at: datetime) -> AgentState:
        """Return the state as it was written; before the first one, monitoring is due at once."""
        if found is None:
            return AgentState(since=at, next_check=at)
        try:
            return AgentState.model_validate(found)
        except ValueError as error:
            raise StoreError(
                f"the agent's state cannot be read, expected one that this program wrote: {error}"
            ) from error
