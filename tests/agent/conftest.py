"""A store on each database, a registry that is copied, not made, and an agent on both."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent_world import START, WEEK, AgentWorld, Make, ManualClock
from model_lifecycle.agent.agent import Agent
from model_lifecycle.agent.machine import Machine
from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.registry import Registry
from model_lifecycle.store import Store

NAME = "parcels"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a registry whose champion is `parcels-first`; making one takes seconds."""
    folder = tmp_path_factory.mktemp("agent")
    world = AgentWorld(folder, Registry(f"sqlite:///{folder}/registry.db", NAME))
    world.registry.promote(world.release("parcels-first"), "the first one", "ada")
    return folder


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> AgentWorld:
    shutil.copy(prepared / "registry.db", tmp_path / "registry.db")
    return AgentWorld(prepared, Registry(f"sqlite:///{tmp_path}/registry.db", NAME))


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    sqlite = f"sqlite:///{tmp_path}/store.db"
    with Store.open(sqlite if request.param == "sqlite" else str(request.getfixturevalue("postgresql_url"))) as found:
        yield found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def make(store: Store, world: AgentWorld, clock: ManualClock, said: list[str]) -> Make:
    def made(lease: timedelta = timedelta(seconds=30), **rollout: str) -> Agent:
        policy = PolicySpec.model_validate({"cooldown": "14d", "maximum_age": "180d", "rollout": rollout})
        return Agent(store.agent_book, Machine(world, policy, WEEK), clock, said.append, lease)

    return made
