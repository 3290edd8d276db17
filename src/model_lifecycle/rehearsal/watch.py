"""The agent of a rehearsal: ``watch`` as a process of its own, as in production, on the rehearsal's clock."""

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from model_lifecycle.agent.machine import GIVE_UP_AFTER
from model_lifecycle.agent.runs import STOP_SECONDS, Background, written
from model_lifecycle.agent.state import AgentState
from model_lifecycle.contracts.policy import Rollout
from model_lifecycle.errors import LifecycleError
from model_lifecycle.store import Store

_LOOK_SECONDS = 0.05


class Watch:
    """Shows the agent what time it is, and waits for what it has to do at that time.

    Parameters
    ----------
    store : Store
        Where it keeps its state.
    rollout : Rollout
        How long its stages last.
    folder : Path
        The rehearsal's; its output goes to ``logs/agent.log``.
    parameters : mapping
        For it and all that it runs.
    first : datetime
        When it looks for the first time; it is started then.
    """

    def __init__(
        self, store: Store, rollout: Rollout, folder: Path, parameters: Mapping[str, str], first: datetime
    ) -> None:
        self._book, self._rollout, self._parameters, self._first = store.agent_book, rollout, parameters, first
        self._clock, self.log = folder / "clock", folder / "logs" / "agent.log"
        self._process: Background | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.stop(2 * STOP_SECONDS)  # it stops a retraining, and whatever that has started

    def state(self) -> AgentState | None:
        """Return where it is, None before its first step."""
        found = self._book.read().state
        return None if found is None else AgentState.model_validate(found)

    def show(self, at: datetime) -> AgentState | None:
        """Let it be that time, wait for what is due by then, and return where the agent is.

        A retraining is waited for only when the next check is due.

        Raises
        ------
        LifecycleError
            If the agent has ended, or one of its works fails again and again.
        """
        if at < self._first:
            return None
        self._write(at)
        if self._process is None:
            arguments = ["-m", "model_lifecycle", "watch", "--clock", str(self._clock)]
            self._process = Background([*arguments, "--params", written(self._parameters)], self.log)
        while (state := self.state()) is None or behind(state, at, self._rollout):
            if not self._process.running():
                raise LifecycleError(f"the agent has ended; {self._process.last_lines()}")
            time.sleep(_LOOK_SECONDS)
        if state.failures >= GIVE_UP_AFTER:
            raise LifecycleError(f"the agent fails again and again; {self._process.last_lines()}")
        return state

    def _write(self, at: datetime) -> None:
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(at.isoformat(), encoding="utf-8")
        fresh.replace(self._clock)


def behind(state: AgentState, at: datetime, rollout: Rollout) -> bool:
    """Tell whether the agent has something to do at a moment that must be done before time goes on.

    A retraining takes minutes while traffic goes on; it is waited for only when the next check is due.
    """
    beside = state.phase == "retraining" and state.next_check > at
    return state.due(rollout) <= at and not beside
