"""A canary that earns less than the champion, by the outcomes in the log."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_lifecycle.contracts.records import LabelRecord
from model_lifecycle.registry import Registry
from model_lifecycle.releases import verify_release
from model_lifecycle.serving.canary_value import ValueWatch
from model_lifecycle.serving.settings import CanaryLimits, ServiceSettings
from model_lifecycle.store import Store
from model_lifecycle.trials import Trials
from tiny_release import START, record, tiny_release

Start = Callable[..., Any]
LIMITS = CanaryLimits(value_entities=50, latency_seconds=30)
EVERYTHING, NOTHING = 0.0, 2.0  # thresholds: act on all, on none


@pytest.fixture
def registry(settings: ServiceSettings) -> Registry:
    return Registry(settings.registry, settings.registry_name)


def served(start: Start, registry: Registry, folder: Path, canary: float, champion: float) -> Any:
    """Serve a champion with one threshold and a canary, for half of the decisions, with another."""
    for name, threshold in (("champion", champion), ("canary", canary)):
        path = tiny_release(folder, f"parcels-{name}", threshold=threshold, seed=len(name))
        version = registry.register(path, verify_release(path).digest, {}, {})
        if name == "champion":
            registry.promote(version, "a test", "test")
    Trials(registry).begin("canary", version, share=0.5, reason="a test", by="test")
    api = start(release=None, canary=LIMITS)
    api.service._watch._look_beside()  # the canary answers from the first request on
    return api


def outcomes(store: Store, answers: Sequence[dict[str, Any]], late: float) -> None:
    """Tell what became of decisions."""
    draw = np.random.default_rng(3).uniform(size=len(answers))
    store.append_labels(
        [
            LabelRecord(
                one["parcel"], START + timedelta(days=20), "observed", float(luck < late), None, datetime.now(UTC)
            )
            for one, luck in zip(answers, draw, strict=True)
        ]
    )


def watch(settings: ServiceSettings) -> ValueWatch:
    return ValueWatch(settings.model_copy(update={"release": None, "canary": LIMITS}))


def test_a_canary_that_earns_less_is_withdrawn_with_the_figures(
    start: Start, settings: ServiceSettings, registry: Registry, store: Store, tmp_path: Path
) -> None:
    api = served(start, registry, tmp_path, canary=NOTHING, champion=EVERYTHING)
    answers = api.predict(*(record(number) for number in range(400)))
    outcomes(store, answers, late=0.9)  # acting gains 7 on each that is late, and costs 5
    why = watch(settings).look()
    assert why is not None
    assert re.match(r"earns [56]\.\d+ EUR a decision less than the champion \(at least [45]\.\d+ with 99% ", why)
    last = Trials(registry).history()[-1]
    assert (last.action, last.by, last.reason) == ("end", "service value", why)
    assert Trials(registry).current("canary") is None


@pytest.mark.parametrize(
    ("canary", "champion", "decisions", "labelled"),
    [
        (EVERYTHING, NOTHING, 400, 400),  # it earns more
        (EVERYTHING, EVERYTHING, 400, 400),  # as much
        pytest.param(NOTHING, EVERYTHING, 60, 60, marks=pytest.mark.slow),  # less, by few decisions
        (NOTHING, EVERYTHING, 400, 60),  # less, by few outcomes
    ],
)
def test_a_canary_stays_on_trial_while_it_does_not_surely_earn_less(
    start: Start,
    settings: ServiceSettings,
    registry: Registry,
    store: Store,
    tmp_path: Path,
    canary: float,
    champion: float,
    decisions: int,
    labelled: int,
) -> None:
    api = served(start, registry, tmp_path, canary, champion)
    answers = api.predict(*(record(number) for number in range(decisions)))
    outcomes(store, answers[:labelled], late=0.9)
    assert watch(settings).look() is None
    assert Trials(registry).current("canary") is not None


def test_what_was_answered_before_the_trial_and_what_is_asked_again_count_for_nothing(
    start: Start, settings: ServiceSettings, registry: Registry, store: Store, tmp_path: Path
) -> None:
    api = served(start, registry, tmp_path, canary=NOTHING, champion=EVERYTHING)
    answers = api.predict(*(record(number) for number in range(60)))
    for _ in range(9):
        api.predict(*(record(number) for number in range(60)))
    outcomes(store, answers, late=0.9)
    assert watch(settings).look() is None
    version = Trials(registry).current("canary").entry.version  # type: ignore[union-attr]  # it was just looked at
    more = api.predict(*(record(number) for number in range(60, 400)))
    outcomes(store, more, late=0.9)
    Trials(registry).end("canary", reason="a test", by="test")
    Trials(registry).begin("canary", version, share=0.5, reason="a test", by="test")
    assert watch(settings).look() is None


def test_without_a_trial_nothing_is_judged(settings: ServiceSettings, registry: Registry, release: Path) -> None:
    registry.promote(registry.register(release, verify_release(release).digest, {}, {}), "a test", "test")
    assert watch(settings).look() is None
