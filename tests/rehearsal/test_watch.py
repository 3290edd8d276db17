"""The agent beside a rehearsal: what simulated time waits for, and an agent that ends."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from model_lifecycle.agent.state import AgentState, Phase
from model_lifecycle.contracts.policy import Rollout
from model_lifecycle.errors import LifecycleError
from model_lifecycle.rehearsal.watch import Watch, behind
from model_lifecycle.store import Store

CHECK = datetime(2013, 7, 8, tzinfo=UTC)
NOON = timedelta(hours=12)
ROLLOUT = Rollout(shadow=timedelta(days=3))


@pytest.mark.parametrize(
    ("phase", "at", "waits"),
    [
        ("watching", CHECK - NOON, False),
        ("watching", CHECK, True),
        ("retraining", CHECK - NOON, False),
        ("retraining", CHECK, True),
        ("promoting", CHECK - NOON, True),
        ("shadow", CHECK - timedelta(days=5), False),
        ("shadow", CHECK - timedelta(days=4), True),
    ],
)
def test_time_waits_for_what_is_due_but_for_a_retraining_only_at_the_next_check(
    phase: Phase, at: datetime, waits: bool
) -> None:
    state = AgentState(phase=phase, since=CHECK - timedelta(days=7), next_check=CHECK)
    assert behind(state, at, ROLLOUT) == waits


def test_a_work_that_failed_is_not_waited_for_before_it_is_tried_again() -> None:
    state = AgentState(since=CHECK, next_check=CHECK).failed(CHECK, timedelta(minutes=1), NOON)
    assert not behind(state, CHECK, ROLLOUT)
    assert behind(state, CHECK + timedelta(minutes=1), ROLLOUT)


def test_before_the_first_check_there_is_no_agent_and_one_that_ends_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("PYTHONPATH", str(root / "src"))
    monkeypatch.chdir(tmp_path)  # no project: the agent cannot work here
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store, Watch(store, ROLLOUT, tmp_path, {}, CHECK) as watch:
        assert watch.show(CHECK - NOON) is None
        assert not watch.log.exists()
        with pytest.raises(LifecycleError, match=r"(?s)the agent has ended; .*has no folder 'conf'"):
            watch.show(CHECK)
