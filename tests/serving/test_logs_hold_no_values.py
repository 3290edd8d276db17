"""What goes wrong beside the requests may quote a record: the log, the registry and `/model` must not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from model_lifecycle.registry import Registry
from model_lifecycle.releases import build_release, read_release, verify_release
from model_lifecycle.serving import live_history
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.serving.shadow import Shadow
from model_lifecycle.store import Store
from model_lifecycle.trials import Trials
from tiny_release import event, record, tiny_release

PLANTED = "Ada-Lovelace-1815"


def quotes(*_: object) -> Any:
    raise ValueError(f"could not convert string to float: {PLANTED!r}")


@pytest.fixture
def registry(settings: ServiceSettings, release: Path) -> Registry:
    made = Registry(settings.registry, settings.registry_name)
    made.promote(register(made, release), "a test", "test")
    return made


def register(registry: Registry, path: Path) -> int:
    return registry.register(path, verify_release(path).digest, {}, {})


@pytest.fixture
def live(start: Callable[..., Any], registry: Registry) -> Any:
    return start(release=None)


def told(live: Any, caplog: pytest.LogCaptureFixture) -> str:
    """Return all that was told of an error, and hold that something was."""
    eventually(lambda: "ERROR" in caplog.text or "WARNING" in caplog.text)
    history = Trials(Registry(live.settings.registry, live.settings.registry_name)).history()
    return f"{caplog.text}{live.ask('GET', '/model').text}{history}"


def test_a_canary_that_fails_on_a_record(
    live: Any, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trials = Trials(registry)
    version = register(registry, tiny_release(tmp_path, "parcels-2", seed=8))
    trials.begin("canary", version, share=1.0, reason="a test", by="test")
    eventually(lambda: live.service.model()["canary"] is not None)
    monkeypatch.setitem(live.service._canaries.current.release.scorer.__dict__, "columns", quotes)
    live.predict(*(record(number, depot=PLANTED) for number in range(9)))
    eventually(lambda: trials.current("canary") is None)
    assert "the last with ValueError at " in trials.history()[-1].reason
    assert PLANTED not in told(live, caplog)


def test_a_shadow_that_fails_on_a_record(
    live: Any,
    settings: ServiceSettings,
    store: Store,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    version = register(registry, tiny_release(tmp_path, "parcels-2", seed=8))
    Trials(registry).begin("shadow", version, reason="a test", by="test")
    live.predict(record(1, depot=PLANTED))
    shadow = Shadow(settings.model_copy(update={"release": None}))

    class Once:
        """Lets one try through; `run` waits on it between two."""

        tries = iter([False, True])

        def wait(self, _: float) -> bool:
            return next(self.tries)

    monkeypatch.setattr(store.__class__, "answers_after", quotes)
    monkeypatch.setattr("os.nice", lambda _: 0)
    shadow.run(Once())  # type: ignore[arg-type]
    shadow.close()
    assert "shadow: ValueError at " in caplog.text
    assert PLANTED not in told(live, caplog)


def test_an_event_that_cannot_be_read(
    live: Any, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live_history, "event_columns", quotes)
    store.append_events([event(1, depot=PLANTED)])
    eventually(lambda: "live history cannot be extended: ValueError at " in caplog.text)
    assert PLANTED not in told(live, caplog)


def test_a_release_whose_smoke_records_fail(
    live: Any, registry: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = read_release(tiny_release(tmp_path, "parcels-2"))
    smoke = json.loads(files["smoke.json"])
    smoke["features"]["weight"][0] = PLANTED
    files["smoke.json"] = json.dumps(smoke).encode()
    path = build_release(tmp_path / "bad", "parcels-2", files, {"created_as_of": "2024-03-01T00:00:00Z"})
    registry.promote(register(registry, path), "a test", "test")
    eventually(lambda: live.service.model()["refused"] is not None)
    assert "smoke request failed: ValueError" in live.service.model()["refused"]["reason"]
    assert PLANTED not in told(live, caplog)


def test_a_registry_whose_client_fails(
    live: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live.service._watch, "_source", quotes)
    eventually(lambda: live.service.model()["registry_unreachable"] is not None)
    monkeypatch.setattr(live.service._watch, "_beside", quotes)
    monkeypatch.setattr(live.service._watch, "look", lambda: None)
    eventually(lambda: "what stands beside the champion cannot be followed: ValueError at " in caplog.text)
    assert PLANTED not in told(live, caplog)
