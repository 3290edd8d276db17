"""What a policy hears, when it acts, and what it knows at that moment."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from model_lifecycle.backtest.production import Release, Review
from model_lifecycle.backtest.walk import Rules, Walk, walk
from model_lifecycle.backtest.watch import Watch
from model_lifecycle.contracts.backtest import TriedPolicy
from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.errors import StatisticError
from model_lifecycle.monitoring.verdict import Drift, FeatureDrift
from model_lifecycle.tasks import task_of

FAR = FeatureDrift(
    feature="signal", effect=0.5, floor=0.1, calibrated=True, p_value=0.0, adjusted_p_value=0.0, stability_index=1.0,
    drifted=True,
)  # fmt: skip


def _walk(worlds: ModuleType, production: Any, world: Any, policy: PolicySpec | None = None, **tried: Any) -> Walk:
    watch = Watch(world.live(), production, task_of(worlds.QUESTION), worlds.MONITORING)
    first = production.train(world.schedule().start, TriedPolicy(trigger="never"))
    rules = Rules(world.schedule(), worlds.MONITORING, policy or worlds.POLICY)
    return walk(TriedPolicy.model_validate(tried), first, rules, production, watch)


@pytest.fixture(scope="module")
def short(worlds: ModuleType) -> Any:
    return worlds.World(1, days=170)


def test_a_calendar_retrains_at_each_period_and_ships_when_it_is_not_gated(worlds: ModuleType, short: Any) -> None:
    found = _walk(worlds, worlds.Learner(short), short, trigger="calendar", every="month", gated=False)
    assert [since for since, _ in found.timeline] == [worlds.LIVE, *short.schedule().calendar("month")]
    assert found.events[0].reasons == ("every month",)


def test_a_window_is_judged_only_a_label_delay_after_its_end(worlds: ModuleType, short: Any) -> None:
    production, delay = worlds.Learner(short), timedelta(days=30)
    watch = Watch(short.live(), production, task_of(worlds.QUESTION), worlds.MONITORING, delay)
    timeline, at = [(worlds.LIVE, production.train(worlds.LIVE, TriedPolicy(trigger="never")))], worlds.LIVE + 2 * delay
    found = watch.history(timeline, at, worlds.POLICY, drift=False)
    assert {one.maturity.mature for one in found if one.end > at - delay} == {False}
    assert any(one.maturity.mature for one in found if one.end <= at - delay)


def test_a_rejected_challenger_never_answers_and_its_reason_is_kept(worlds: ModuleType, short: Any) -> None:
    production = worlds.Learner(short)
    production.review = lambda challenger, champion: Review({"slices": "too weak"}, 2.0)  # noqa: ARG005
    found = _walk(worlds, production, short, trigger="calendar", every="month")
    assert len(found.timeline) == 1
    assert found.count("rejected") == found.retrainings() == 2
    assert found.events[0].reasons == ("every month", "slices: too weak")
    assert found.events[0].seconds == 3.0


def test_a_retraining_that_fails_leaves_the_champion_and_says_why(worlds: ModuleType, short: Any) -> None:
    production = worlds.Learner(short)
    learn = production.train

    def train(as_of: datetime, policy: TriedPolicy) -> Release:
        if as_of > worlds.LIVE:
            raise StatisticError("test window: no observed outcome")
        return learn(as_of, policy)  # type: ignore[no-any-return]

    production.train = train
    found = _walk(worlds, production, short, trigger="calendar", every="month")
    assert (found.count("failed"), len(found.timeline)) == (2, 1)
    assert found.events[0].reasons[-1] == "test window: no observed outcome"


def test_drift_retrains_once_the_cooldown_is_over(worlds: ModuleType, short: Any) -> None:
    production = worlds.Learner(short)
    production.drift = lambda release, rows: Drift(features=(FAR,))  # noqa: ARG005
    found = _walk(worlds, production, short, trigger="drift", gated=False)
    at = [since for since, _ in found.timeline]
    assert found.events[0].reasons == ("drifted: signal",)
    assert len(at) > 3
    assert {later - earlier for earlier, later in itertools.pairwise(at)} == {timedelta(days=14)}


@pytest.mark.parametrize(("importance", "retrains"), [(0.6, True), (0.01, False)])
def test_the_configured_policy_retrains_for_drift_of_what_matters_where_it_is_to(
    worlds: ModuleType, short: Any, importance: float, retrains: bool
) -> None:
    production = worlds.Learner(short)
    learn = production.train

    def train(as_of: datetime, policy: TriedPolicy) -> Release:
        made: Release = learn(as_of, policy)
        return replace(made, facts=made.facts.model_copy(update={"importance": {"signal": importance}}))

    production.train = train
    production.drift = lambda release, rows: Drift(features=(FAR,))  # noqa: ARG005
    policy = PolicySpec.model_validate(worlds.POLICY.model_dump() | {"drift": {"action": "retrain"}})
    found = _walk(worlds, production, short, policy, trigger="configured", gated=False)
    told = [event.at for event in found.events if event.kind != "alarm" and "drifted in 2 windows" in event.reasons[0]]
    assert bool(told) is retrains
    assert not told or told[0] == worlds.LIVE + 2 * worlds.MONITORING.window


def test_only_the_configured_policy_retrains_by_age(worlds: ModuleType, short: Any) -> None:
    old: dict[str, Any] = {"limits": {"maximum_age": "45d"}}
    assert _walk(worlds, worlds.Learner(short), short, trigger="configured", gated=False, **old).retrainings() > 0
    assert _walk(worlds, worlds.Learner(short), short, trigger="performance", gated=False).retrainings() == 0


def test_a_label_counts_from_its_own_time_on(worlds: ModuleType, short: Any) -> None:
    production, live = worlds.Learner(short), short.live()
    watch = Watch(live, production, task_of(worlds.QUESTION), worlds.MONITORING)
    first = production.train(worlds.LIVE, TriedPolicy(trigger="never"))
    early, late = worlds.LIVE + timedelta(days=7), worlds.LIVE + timedelta(days=14)
    timeline = [(worlds.LIVE, first)]
    (newest,) = watch.history(timeline, early, worlds.POLICY, drift=False)
    assert not newest.maturity.mature  # labels take two days: of seven days five are labelled
    assert newest.maturity.observed == 5 * short.per_day
    before, _ = watch.history(timeline, late, worlds.POLICY, drift=False)
    assert before.performance is not None
    assert before.performance.rows == 7 * short.per_day
    assert watch.state(timeline, early, worlds.LIVE).new_labels == 5 * short.per_day
    assert np.isfinite(before.performance.figures["value_per_1000"].estimate)
