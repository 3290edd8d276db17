"""The agent killed before and after every write of its state, and by a real SIGKILL: it takes up where it was."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent_world import START, WEEK, AgentWorld, ManualClock, decision
from model_lifecycle.agent.agent import Agent
from model_lifecycle.agent.machine import Machine
from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.contracts.records import AuditRecord, Json
from model_lifecycle.registry import Registry
from model_lifecycle.store import Store
from model_lifecycle.store.agent_book import AgentBook, Lease

POLICY = {"cooldown": "14d", "maximum_age": "180d", "rollout": {"shadow": "7d", "canary": "7d", "probation": "14d"}}
END = START + 6 * WEEK
# One retraining that settles: what the trail tells at its end, killed or not.
WHOLE = ["retraining ordered", "retrained", "shadow began", "canary began", "promote", "settled"]


class _Killed(BaseException):
    """As a SIGKILL: nothing catches it, nothing clears up after it."""


class _MortalBook(AgentBook):
    """Dies at one of its writes, before or after the transaction."""

    def __init__(self, book: AgentBook, at_write: int, *, after: bool, die: Callable[[], None]) -> None:
        super().__init__(book._engine)
        self._at_write, self._after, self._die = at_write, after, die
        self.writes = 0

    def resign(self, lease: Lease) -> None:
        """A dead agent gives nothing back."""

    def write(self, lease: Lease, version: int, state: Json, trail: Sequence[AuditRecord] = ()) -> int:
        self.writes += 1
        if self.writes == self._at_write and not self._after:
            self._die()
        written = super().write(lease, version, state, trail)
        if self.writes == self._at_write:
            self._die()
        return written


def _run(world: AgentWorld, book: AgentBook, clock: ManualClock) -> None:
    machine = Machine(world, PolicySpec.model_validate(POLICY), 3 * WEEK)
    Agent(book, machine, clock, lambda _: None, timedelta(milliseconds=1)).run(until=END)


def _die() -> None:
    raise _Killed


def _writes_of_a_whole_life(world: AgentWorld, url: str) -> int:
    with Store.open(url) as store:
        book = _MortalBook(store.agent_book, 0, after=False, die=_die)
        _run(world, book, ManualClock(START))
    return book.writes


def _copy(prepared: Path, folder: Path) -> AgentWorld:
    folder.mkdir()
    shutil.copy(prepared / "registry.db", folder / "registry.db")
    world = AgentWorld(prepared, Registry(f"sqlite:///{folder}/registry.db", "parcels"))
    world.decisions[START] = decision("retrain", "the loss rose")
    return world


def _check(world: AgentWorld, store: Store) -> None:
    assert [entry.action for entry in store.audit()] == WHOLE
    assert world.promotions() == [1, 2], "promoted once and not twice"
    champion = world.registry.champion()
    assert champion is not None
    assert champion.version == 2
    assert (store.agent_book.read().state or {})["phase"] == "watching"


def test_killed_at_every_write_of_its_state_it_goes_on_and_never_promotes_twice(prepared: Path, tmp_path: Path) -> None:
    writes = _writes_of_a_whole_life(_copy(prepared, tmp_path / "whole"), f"sqlite:///{tmp_path}/whole/store.db")
    assert writes >= len(WHOLE) + 2  # and the later checks
    for number in range(1, writes + 1):
        for after in (False, True):
            folder = tmp_path / f"{number}-{after}"
            world, clock = _copy(prepared, folder), ManualClock(START)
            with Store.open(f"sqlite:///{folder}/store.db") as store:
                with pytest.raises(_Killed):
                    _run(world, _MortalBook(store.agent_book, number, after=after, die=_die), clock)
                _run(world, store.agent_book, clock)
                _check(world, store)


def test_killed_as_it_writes_the_promotion_on_postgresql(prepared: Path, tmp_path: Path, postgresql_url: str) -> None:
    world, clock = _copy(prepared, tmp_path / "world"), ManualClock(START)
    with Store.open(postgresql_url) as store:
        with pytest.raises(_Killed):
            _run(world, _MortalBook(store.agent_book, 6, after=False, die=_die), clock)
        _run(world, store.agent_book, clock)
        _check(world, store)


@pytest.mark.parametrize("step", ["written down", "previous moved"])
def test_killed_inside_the_promotion_it_is_completed_and_stands_once_in_the_history(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    world, clock = _copy(prepared, tmp_path / "world"), ManualClock(START)
    write_down, point = Registry._write_down, Registry.point

    def point_and_die(self: Registry, *given: Any) -> None:
        if step == "previous moved":
            point(self, *given)
        _die()

    def write_down_and_die_later(self: Registry, *given: Any) -> None:
        write_down(self, *given)
        monkeypatch.setattr(Registry, "point", point_and_die)

    with Store.open(f"sqlite:///{tmp_path}/world/store.db") as store:
        monkeypatch.setattr(Registry, "_write_down", write_down_and_die_later)
        with pytest.raises(_Killed):
            _run(world, _MortalBook(store.agent_book, 0, after=False, die=_die), clock)
        monkeypatch.undo()
        _run(world, store.agent_book, clock)
        _check(world, store)


_LIFE = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from agent_world import START, AgentWorld, ManualClock, decision
from model_lifecycle.registry import Registry
from model_lifecycle.store import Store
from test_killed import _MortalBook, _run

prepared, folder, number, after = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "after"
world = AgentWorld(prepared, Registry(f"sqlite:///{{folder}}/registry.db", "parcels"))
world.decisions[START] = decision("retrain", "the loss rose")
with Store.open(f"sqlite:///{{folder}}/store.db") as store:
    kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
    _run(world, _MortalBook(store.agent_book, number, after=after, die=kill), ManualClock(START))
"""


@pytest.mark.parametrize(("number", "when"), [(5, "after"), pytest.param(2, "before", marks=pytest.mark.slow)])
def test_a_real_kill_loses_nothing(prepared: Path, tmp_path: Path, number: int, when: str) -> None:
    world = _copy(prepared, tmp_path / "world")
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]
    life = [sys.executable, "-c", _LIFE.format(paths=paths), str(prepared), str(tmp_path / "world"), str(number), when]
    done = subprocess.run(life, env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Store.open(f"sqlite:///{tmp_path}/world/store.db") as store:
        _run(world, store.agent_book, ManualClock(START))
        _check(world, store)
