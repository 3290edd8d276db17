"""The candidate on trial in a real registry, and on live decisions in a real store."""

from datetime import timedelta

from agent_world import AgentWorld
from model_lifecycle.agent import trial
from model_lifecycle.agent.state import Candidate
from model_lifecycle.trials import Trials
from tiny_release import START


def _candidate(world: AgentWorld) -> Candidate:
    return Candidate(version=world.release("parcels-next"), release="parcels-next", replaces="parcels-first")


def test_shadow_and_canary_begin_once_and_follow_one_another(world: AgentWorld) -> None:
    candidate, trials = _candidate(world), Trials(world.registry)
    for _ in range(2):
        trial.begin(world.registry, "shadow", candidate)
    assert trial.ended(world.registry, "shadow", candidate) is None
    for _ in range(2):
        trial.begin(world.registry, "canary", candidate, 0.2)
    assert [(one.action, one.role) for one in trials.history()] == [
        ("begin", "shadow"), ("begin", "canary"), ("end", "shadow"),
    ]  # fmt: skip
    trial.end_all(world.registry, candidate, "promoted")
    assert trials.current("canary") is None


def test_a_trial_that_a_service_ended_says_so(world: AgentWorld) -> None:
    candidate = _candidate(world)
    trial.begin(world.registry, "canary", candidate, 0.2)
    Trials(world.registry).end("canary", reason="2% of decisions failed", by="service 7")
    found = trial.ended(world.registry, "canary", candidate)
    assert found == "the canary was ended by service 7: 2% of decisions failed"


def test_without_live_decisions_a_comparison_tells_nothing(world: AgentWorld) -> None:
    url = f"sqlite:///{world.folder}/empty.db"
    end = START + timedelta(days=30)
    assert trial.compare(world.registry, url, _candidate(world), START, end, end) is None
