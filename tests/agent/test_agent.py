"""From a decision to a settled champion, or back: the whole way, on a real store and a real registry."""

import contextlib
from datetime import timedelta

import pytest

from agent_world import START, WEEK, AgentWorld, Make, ManualClock, decision
from model_lifecycle.agent.agent import Agent
from model_lifecycle.agent.clock import FixedClock
from model_lifecycle.agent.works import RetrainingFailed
from model_lifecycle.contracts.trail import retrainings
from model_lifecycle.errors import LeaseLost, RegistryError, ReleaseError, ServingError
from model_lifecycle.monitoring.verdict import Figure
from model_lifecycle.store import Store

WORSE = Figure(estimate=0.05, lower=0.01, upper=0.09, level=0.95, n_blocks=10)
LEVEL = Figure(estimate=0.0, lower=-0.01, upper=0.01, level=0.95, n_blocks=10)


def _actions(store: Store) -> list[str]:
    return [entry.action for entry in store.audit()]


def test_an_agent_with_nothing_to_do_runs_monitoring_once_a_period(make: Make, world: AgentWorld) -> None:
    make().run(until=START + 3 * WEEK)
    assert world.calls == ["monitor 07-01", "monitor 07-08", "monitor 07-15", "monitor 07-22"]


@pytest.mark.parametrize("phase", ["watching", "retraining"])
def test_after_a_clock_that_was_years_ahead_the_agent_goes_on_at_once_and_says_so(
    make: Make, world: AgentWorld, clock: ManualClock, said: list[str], phase: str
) -> None:
    years = 2000 * WEEK
    clock.at += years
    world.decisions[clock.at] = decision("nothing" if phase == "watching" else "retrain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AgentWorld, "retrain", lambda *_: next(iter(())))  # it is killed there
        with contextlib.suppress(StopIteration):
            make().run(once=True)
    clock.at = START
    make().run(once=True)
    assert "monitor 07-01" in world.calls
    assert (f"retrain {START + years:%m-%d}" in world.calls) == (phase == "retraining")
    assert any("more than one interval ahead; the agent goes on now" in line for line in said)
    assert "nothing is due before 2024-07-08" in said[-1]


def test_now_looks_back_and_leaves_what_lies_ahead_of_it(
    make: Make, world: AgentWorld, store: Store, said: list[str]
) -> None:
    make().run(once=True)
    state, machine = store.agent_book.read(), make()._machine
    Agent(store.agent_book, machine, FixedClock(START - 9 * WEEK), said.append).run(once=True)
    assert store.agent_book.read() == state
    assert world.calls == ["monitor 07-01"]


def test_a_retraining_becomes_champion_and_settles_after_its_probation(
    make: Make, world: AgentWorld, store: Store
) -> None:
    world.decisions[START] = decision("retrain", "the loss rose")
    make().run(until=START + 5 * WEEK)
    assert world.promotions() == [1, 2]
    assert _actions(store) == ["retraining ordered", "retrained", "promote", "settled"]
    promoted = store.audit("parcels-07-01")[1]
    assert (promoted.actor, promoted.reason, promoted.details["replaces"]) == (
        "agent",
        "the loss rose",
        "parcels-first",
    )


def test_a_release_that_is_worse_in_its_probation_is_rolled_back(make: Make, world: AgentWorld, store: Store) -> None:
    world.decisions = {START: decision("retrain"), START + WEEK: decision("rollback", "worse than the one before")}
    make().run(until=START + 3 * WEEK)
    champion = world.registry.champion()
    assert champion is not None
    assert champion.release_id == "parcels-first"
    assert _actions(store)[-2:] == ["rollback ordered", "rollback"]


def test_gates_that_hold_a_challenger_back_leave_the_champion_and_their_reasons(
    make: Make, world: AgentWorld, store: Store
) -> None:
    world.decisions[START], world.rejected = decision("retrain"), ("champion: worse by 0.1",)
    make().run(until=START + WEEK)
    assert world.promotions() == [1]
    assert [(one.action, one.reason) for one in store.audit()][-1] == ("retraining rejected", "champion: worse by 0.1")


def test_shadow_and_canary_come_before_the_promotion_when_the_policy_asks_for_them(
    make: Make, world: AgentWorld
) -> None:
    world.decisions[START], world.compared = decision("retrain"), LEVEL
    make(shadow="7d", canary="7d").run(until=START + 3 * WEEK)
    stages = [call for call in world.calls if not call.startswith(("monitor", "compare"))]
    assert stages == ["retrain 07-01", "shadow parcels-07-01", "canary parcels-07-01 0.1", "promote parcels-07-01"]


def test_shadow_and_canary_are_compared_as_one_trial_to_its_planned_end(make: Make, world: AgentWorld) -> None:
    world.decisions[START], world.compared = decision("retrain"), LEVEL
    make(shadow="3d", canary="4d").run(until=START + 2 * WEEK)
    compared = [call for call in world.calls if call.startswith("compare")]
    assert compared == [f"compare parcels-07-01 07-01 {seen} of 07-08" for seen in ("07-04", "07-08", "07-08")]


@pytest.mark.parametrize("stage", ["shadow", "canary"])
def test_a_candidate_that_live_rows_show_to_be_worse_is_withdrawn(make: Make, world: AgentWorld, stage: str) -> None:
    world.decisions[START], world.compared = decision("retrain"), WORSE
    make(**{stage: "14d"}).run(until=START + 3 * WEEK)
    assert "withdraw parcels-07-01" in world.calls
    assert world.promotions() == [1]


@pytest.mark.parametrize("stage", ["shadow", "canary"])
def test_a_candidate_whose_trial_a_service_has_ended_is_withdrawn(
    make: Make, world: AgentWorld, store: Store, stage: str
) -> None:
    world.decisions[START], world.stopped = decision("retrain"), "the canary was ended by service 1: errors"
    make(**{stage: "14d"}).run(until=START + 3 * WEEK)
    assert world.promotions() == [1]
    assert (store.audit()[-1].action, store.audit()[-1].reason) == ("withdrawn", world.stopped)


def test_a_stage_that_is_over_before_the_next_check_is_judged_at_its_end(make: Make, world: AgentWorld) -> None:
    world.decisions[START], world.compared = decision("retrain"), WORSE
    make(shadow="2d").run(until=START + timedelta(days=3))
    assert "withdraw parcels-07-01" in world.calls
    assert world.promotions() == [1]


@pytest.mark.parametrize(
    ("rollout", "first", "back"),
    [({"shadow": "14d"}, "withdrawn", "parcels-first"), ({}, "superseded", "parcels-07-01")],
)
def test_a_release_that_a_person_hurries_past_one_on_its_way_is_rolled_back_all_the_same(
    make: Make, world: AgentWorld, store: Store, rollout: dict[str, str], first: str, back: str
) -> None:
    world.decisions = {START: decision("retrain"), START + WEEK: decision("rollback", "worse")}
    make(**rollout).run(until=START + timedelta(days=1))
    world.registry.promote(world.release("parcels-hurried"), "due tonight", "sam")
    make(**rollout).run(until=START + WEEK)
    champion = world.registry.champion()
    assert champion is not None
    assert champion.release_id == back
    assert _actions(store)[-3:] == [first, "rollback ordered", "rollback"]


def test_a_release_that_a_person_promotes_while_monitoring_runs_is_not_rolled_back_for_the_one_before(
    make: Make, world: AgentWorld, store: Store
) -> None:
    fix = world.release("parcels-fix")

    def promote(_: str) -> None:
        world.registry.promote(fix, "hotfix", "grace")

    world.fails, world.decisions[START] = promote, decision("rollback", "parcels-first is worse")
    make().run(until=START + WEEK)
    champion = world.registry.champion()
    assert champion is not None
    assert champion.release_id == "parcels-fix"
    assert _actions(store) == []
    assert world.calls == ["monitor 07-01", "monitor 07-08"]


def test_a_retraining_that_is_wanted_in_a_probation_waits_for_its_end(make: Make, world: AgentWorld) -> None:
    world.decisions = {START: decision("retrain"), START + WEEK: decision("retrain")}
    make().run(until=START + WEEK)
    assert [call for call in world.calls if call.startswith("retrain")] == ["retrain 07-01"]


def test_a_person_who_moves_the_champion_has_the_last_word(
    make: Make, world: AgentWorld, clock: ManualClock, store: Store
) -> None:
    world.decisions[START] = decision("retrain")
    make().run(once=True)
    world.registry.rollback("I know better", "ada")
    clock.at += WEEK
    make().run(once=True)
    assert _actions(store)[-1] == "superseded"
    assert world.promotions() == [1, 2]


@pytest.mark.parametrize("stage", ["shadow", "canary"])
@pytest.mark.parametrize("promoted", ["parcels-07-01", "parcels-hurried"])
def test_a_candidate_on_trial_is_taken_out_at_the_next_check_once_a_person_has_moved_the_champion(
    make: Make, world: AgentWorld, store: Store, stage: str, promoted: str
) -> None:
    world.decisions = {START: decision("retrain")}
    make(**{stage: "21d"}).run(until=START + timedelta(days=1))
    world.registry.promote(world.release(promoted), "due tonight", "sam")
    make(**{stage: "21d"}).run(until=START + WEEK)
    assert world.calls[-2:] == ["monitor 07-08", "withdraw parcels-07-01"]
    assert _actions(store)[-1] == "superseded"
    champion = world.registry.champion()
    assert champion is not None
    assert champion.release_id == promoted


def test_checks_that_were_missed_are_not_made_up_for_one_by_one(
    make: Make, world: AgentWorld, clock: ManualClock
) -> None:
    make().run(once=True)
    clock.at += 5 * WEEK + timedelta(days=1)
    make().run(once=True)
    assert world.calls == ["monitor 07-01", "monitor 08-05"]


def test_a_work_that_fails_is_tried_again_after_a_wait_that_doubles_and_people_are_told(
    make: Make, world: AgentWorld, said: list[str]
) -> None:
    failures = iter([True, True, False])

    def fail(what: str) -> None:
        if next(failures, False):
            raise ServingError(f"{what}: away")

    world.fails = fail
    make().run(until=START + timedelta(minutes=10))
    waits = [line for line in said if "again at" in line]
    assert [line[-16:] for line in waits] == ["2024-07-01 00:01", "2024-07-01 00:03"]
    assert world.alarms == [f"monitoring: monitoring failed ({n} in a row): monitor 07-01: away" for n in (1, 2)]
    assert world.calls == ["monitor 07-01"]


def test_a_retraining_that_fails_for_good_is_given_up_and_monitoring_goes_on(
    make: Make, world: AgentWorld, store: Store
) -> None:
    def fail(what: str) -> None:
        if what.startswith("retrain"):
            raise ServingError("no disk")

    world.fails, world.decisions[START] = fail, decision("retrain")
    make().run(until=START + WEEK)
    assert _actions(store) == ["retraining ordered", "retraining failed"]
    assert "monitor 07-08" in world.calls


@pytest.mark.parametrize(
    ("tries", "ends", "seconds"), [(5, "retraining failed", 500.0), (2, "retraining changed nothing", 202.0)]
)
def test_a_retraining_costs_what_it_took_with_its_failed_tries_whatever_came_of_it(
    make: Make, world: AgentWorld, store: Store, tries: int, ends: str, seconds: float
) -> None:
    left = iter(range(tries))

    def fail(what: str) -> None:
        if what.startswith("retrain") and next(left, None) is not None:
            raise RetrainingFailed("no disk", 100.0)

    world.fails, world.unchanged, world.decisions[START] = fail, True, decision("retrain")
    make().run(until=START + timedelta(days=1))
    assert store.audit()[-1].action == ends
    assert retrainings(store.audit()) == [(START, seconds)]


@pytest.mark.parametrize(
    ("fails", "told", "withdrawn", "at_next_check"),
    [
        ("shadow", "candidate: damaged", True, "monitor 07-08"),
        ("compare", "shadow: damaged", True, "monitor 07-08"),
        ("canary", "shadow: damaged", True, "monitor 07-08"),
        ("promote", "promoting: damaged", True, "monitor 07-15"),
        ("rollback", "rolling back: damaged", False, "monitor 07-22"),
    ],
)
def test_a_work_that_fails_for_good_is_given_up_leaves_nothing_on_trial_and_monitoring_goes_on(
    make: Make, world: AgentWorld, store: Store, fails: str, told: str, withdrawn: bool, at_next_check: str
) -> None:
    def fail(what: str) -> None:
        if what.startswith(fails):
            raise ReleaseError("damaged")

    world.fails, world.compared, world.decisions[START] = fail, LEVEL, decision("retrain")
    if fails == "rollback":
        world.decisions[START + 2 * WEEK] = decision("rollback", "worse")
    make(shadow="3d", canary="4d").run(until=START + 3 * WEEK)
    found = store.audit()[-1]
    assert (found.action, found.release, found.reason) == ("given up", "parcels-07-01", told)
    assert ("withdraw parcels-07-01" in world.calls) is withdrawn
    assert at_next_check in world.calls
    assert (store.agent_book.read().state or {})["phase"] == "watching"
    assert "it is given up" in world.alarms[-1]
    assert len(world.alarms) == 5


def test_a_candidate_that_cannot_be_taken_out_of_its_trial_is_not_given_up_yet(
    make: Make, world: AgentWorld, store: Store
) -> None:
    away = [True]

    def fail(what: str) -> None:
        if what.startswith("promote") or (what.startswith("withdraw") and away):
            raise RegistryError("away")

    world.fails, world.decisions[START] = fail, decision("retrain")
    make().run(until=START + timedelta(hours=3))
    assert (store.agent_book.read().state or {})["phase"] == "promoting"
    away.clear()
    make().run(until=START + timedelta(hours=12))
    assert _actions(store)[-1] == "given up"


def test_of_two_agents_one_leads_and_the_other_refuses_clearly(make: Make) -> None:
    from model_lifecycle.agent.lead import Lead

    agent = make()
    with Lead(agent._book, "the first"), pytest.raises(LeaseLost, match="another agent leads: the first, until"):
        make().run(once=True)
    make().run(once=True)


def test_an_agent_that_lost_the_lead_writes_nothing_more(store: Store) -> None:
    book = store.agent_book
    mine = book.lead("slow", timedelta(0))
    assert mine is not None
    assert book.lead("quick", timedelta(seconds=30)) is not None
    with pytest.raises(LeaseLost, match="no longer leads: found quick"):
        book.write(mine, 0, {"phase": "watching"})
    assert book.read().state is None


def test_a_lease_that_is_over_goes_to_the_next_who_asks(store: Store) -> None:
    book = store.agent_book
    first, second = book.lead("dead", timedelta(0)), book.lead("next", timedelta(seconds=30))
    assert first is not None
    assert second is not None
    assert second.fence == first.fence + 1
