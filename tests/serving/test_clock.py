"""The wall clock jumps by an hour, forth or back: what goes by it, and what does not."""

import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest

from eventually import eventually
from model_lifecycle.registry import Registry
from model_lifecycle.releases import verify_release
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.serving.shadow import Shadow
from model_lifecycle.store import Store
from model_lifecycle.trials import Trials
from tiny_release import START, event, record, tiny_release

HOUR = timedelta(hours=1)
END = START + timedelta(days=100)


class Clock(datetime):
    """What the service takes for the time."""

    ahead = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + cls.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    for name, module in list(sys.modules.items()):
        if name.startswith(("model_lifecycle.serving", "model_lifecycle.trials")) and hasattr(module, "datetime"):
            monkeypatch.setattr(module, "datetime", Clock)
    monkeypatch.setattr(Clock, "ahead", timedelta(0))
    return Clock


@pytest.fixture
def trials(settings: ServiceSettings, release: Path, tmp_path: Path) -> Trials:
    """A champion, and a shadow on trial beside it."""
    registry = Registry(settings.registry, settings.registry_name)
    for path in (release, tiny_release(tmp_path, "parcels-2", seed=8)):
        version = registry.register(path, verify_release(path).digest, {}, {})
        if path == release:
            registry.promote(version, "a test", "test")
    made = Trials(registry)
    made.begin("shadow", version, reason="a test", by="test")
    return made


@pytest.fixture
def shadow(settings: ServiceSettings, trials: Trials) -> Iterator[Shadow]:
    made = Shadow(settings.model_copy(update={"release": None}), settled=timedelta(0))
    yield made
    made.close()


def all_are_scored_once(shadow: Shadow, store: Store) -> bool:
    shadow.step()
    scored = store.predictions_between(START, END, shadow=True).prediction_id.str.partition("-")[0]
    return bool(sorted(scored) == sorted(store.predictions_between(START, END).prediction_id))


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_shadow_scores_every_answer_once(
    start: Callable[..., Any], store: Store, shadow: Shadow, clock: type[Clock], jump: timedelta
) -> None:
    api = start(release=None)
    api.predict(record(1), record(2))
    eventually(lambda: all_are_scored_once(shadow, store))
    for ahead in (jump, timedelta(0)):
        clock.ahead = ahead
        shadow.step()  # nothing yet, and it must notice all the same
        api.predict(record(3), record(4))
        eventually(lambda: all_are_scored_once(shadow, store))


def test_a_shadow_that_starts_after_the_clock_was_set_back_scores_every_answer_once(
    start: Callable[..., Any], settings: ServiceSettings, store: Store, shadow: Shadow, clock: type[Clock]
) -> None:
    api = start(release=None)
    clock.ahead = HOUR
    api.predict(record(1))
    eventually(lambda: all_are_scored_once(shadow, store))
    clock.ahead = timedelta(0)
    api.predict(record(2))
    again = Shadow(settings.model_copy(update={"release": None}), settled=timedelta(0))
    try:
        eventually(lambda: all_are_scored_once(again, store))
    finally:
        again.close()


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_requests_are_answered_and_keys_and_readiness_hold(
    start: Callable[..., Any], store: Store, clock: type[Clock], jump: timedelta
) -> None:
    store.append_events([event(1)])
    api = start()
    keyed = {"headers": {"Idempotency-Key": "k-1"}, "json": record(1)}
    first = api.ask("POST", "/predict", **keyed).json()
    clock.ahead = jump
    assert api.ask("POST", "/predict", **keyed).json() == first
    answers = api.predict(*(record(number) for number in range(2, 50)))
    store.append_events([event(2)])
    eventually(lambda: api.predict(record(1))[0]["history"]["watermark"] == 2)
    assert api.ask("GET", "/readyz").json()["history"] == "followed"
    assert len({first["prediction_id"], *(one["prediction_id"] for one in answers)}) == 49


def test_a_decision_without_a_time_is_decided_by_the_clock(
    start: Callable[..., Any], store: Store, clock: type[Clock]
) -> None:
    api = start()
    before = Clock.now(START.tzinfo)
    clock.ahead = -HOUR
    api.predict(record(1, asked_at=None))
    (decided,) = store.predictions_between(before - 2 * HOUR, before + HOUR).decision_time
    assert before - HOUR <= decided < before
