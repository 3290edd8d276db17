import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from model_lifecycle.errors import RegistryError, ReleaseError
from model_lifecycle.registry import Registry
from model_lifecycle.releases import build_release, read_release, verify_release
from model_lifecycle.serving.champion import RefusedPause
from model_lifecycle.serving.preflight import check_release
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.store import Store
from tiny_release import record, tiny_release

Start = Callable[..., Any]

EMPTY = "the event history is empty; `python -m model_lifecycle backfill` fills it"


@pytest.fixture
def registry(settings: ServiceSettings) -> Registry:
    return Registry(settings.registry, settings.registry_name)


def promote(registry: Registry, path: Path) -> None:
    version = registry.register(path, verify_release(path).digest, {}, {})
    registry.promote(version, "a test", "test")


@pytest.fixture
def live(start: Start, registry: Registry, release: Path) -> Any:
    promote(registry, release)
    return start(release=None)


def test_a_promotion_changes_the_release_that_answers(live: Any, registry: Registry, tmp_path: Path) -> None:
    assert live.predict(record(1))[0]["release"] == "parcels-1"
    promote(registry, tiny_release(tmp_path, "parcels-2", threshold=0.99))
    eventually(lambda: bool(live.predict(record(1))[0]["release"] == "parcels-2"))
    answer = live.predict(record(1))[0]
    assert (answer["threshold"], answer["decision"]) == (0.99, "leave")
    assert live.ask("GET", "/model").json()["swaps"] == 1


def test_a_rollback_brings_the_release_before_back(live: Any, registry: Registry, tmp_path: Path) -> None:
    promote(registry, tiny_release(tmp_path, "parcels-2"))
    eventually(lambda: bool(live.service.model()["release"] == "parcels-2"))
    registry.rollback("a test", "test")
    eventually(lambda: bool(live.service.model()["release"] == "parcels-1"))


def test_the_history_goes_on_over_a_swap(live: Any, registry: Registry, tmp_path: Path) -> None:
    before = live.service._watch.champion.history
    promote(registry, tiny_release(tmp_path, "parcels-2"))
    eventually(lambda: bool(live.service.model()["release"] == "parcels-2"))
    assert live.service._watch.champion.history is before
    assert live.service.ready()[0]


def test_a_damaged_release_is_refused_and_the_old_one_answers_on(
    live: Any, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny_release(tmp_path, "parcels-2")
    version = registry.register(path, verify_release(path).digest, {}, {})
    model = path / "model" / "catboost.cbm"
    model.chmod(0o644)
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    # The registry verifies, too: the damage came just after that.
    monkeypatch.setattr("model_lifecycle.registry.verify_release", lambda *_: None)
    registry.promote(version, "a test", "test")
    eventually(lambda: live.service.model()["refused"] is not None)
    assert live.predict(record(1))[0]["release"] == "parcels-1"
    assert "catboost.cbm': changed" in live.ask("GET", "/model").json()["refused"]["reason"]
    ready = live.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()["warnings"]) == (200, ["a newer release was refused, see /model", EMPTY])
    assert str(tmp_path) not in ready.text


def test_a_release_whose_files_were_away_is_taken_once_they_are_back(
    live: Any, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny_release(tmp_path, "parcels-2")
    version = registry.register(path, verify_release(path).digest, {}, {})
    path.rename(tmp_path / "away")
    # The registry verifies, too: the disk went away just after that.
    monkeypatch.setattr("model_lifecycle.registry.verify_release", lambda *_: None)
    registry.promote(version, "a test", "test")
    eventually(lambda: live.service.model()["refused"] is not None)
    assert "no folder" in live.service.model()["refused"]["reason"]
    assert live.predict(record(1))[0]["release"] == "parcels-1"
    (tmp_path / "away").rename(path)
    eventually(lambda: bool(live.service.model()["release"] == "parcels-2"))
    assert live.service.model()["refused"] is None


def test_what_stays_refused_is_tried_again_more_and_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    now, pause = 0, RefusedPause()
    tried: list[int] = []
    monkeypatch.setattr("model_lifecycle.serving.champion.time.monotonic", lambda: now)
    for now in range(200):
        if not pause.lasts("a release"):
            tried.append(now)
            pause.begin("a release")
    assert tried == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    assert not pause.lasts("another release")


def test_a_release_that_fails_its_own_smoke_records_is_refused(live: Any, registry: Registry, tmp_path: Path) -> None:
    files = read_release(tiny_release(tmp_path, "parcels-2"))
    smoke = json.loads(files["smoke.json"])
    smoke["predictions"][1] += 1e-6
    files["smoke.json"] = json.dumps(smoke).encode()
    promote(registry, build_release(tmp_path / "bad", "parcels-2", files, {"created_as_of": "2024-03-01T00:00:00Z"}))
    eventually(lambda: live.service.model()["refused"] is not None)
    assert "smoke predictions differ" in live.service.model()["refused"]["reason"]
    promote(registry, tiny_release(tmp_path / "good", "parcels-3"))
    eventually(lambda: bool(live.service.model()["release"] == "parcels-3"))
    assert live.service.model()["refused"] is None


def test_a_release_without_smoke_records_is_not_served_and_its_store_is_closed(
    start: Start, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Store] = []
    close = Store.close

    def counted(store: Store) -> None:
        closed.append(store)
        close(store)

    monkeypatch.setattr(Store, "close", counted)
    files = {name: content for name, content in read_release(release).items() if name != "smoke.json"}
    path = build_release(tmp_path, "parcels-9", files, {"created_as_of": "2024-03-01T00:00:00Z"})
    with pytest.raises(ReleaseError, match=r"no smoke\.json, expected records with their scores"):
        start(release=path)
    assert len(closed) == 1


def test_a_registry_that_cannot_be_read_is_told_and_the_release_answers_on(
    live: Any, settings: ServiceSettings
) -> None:
    Path(settings.registry.removeprefix("sqlite:///")).write_bytes(b"no database" * 1000)
    eventually(lambda: live.service.model()["registry_unreachable"] is not None)
    assert live.predict(record(1))[0]["release"] == "parcels-1"
    assert live.ask("GET", "/readyz").json()["warnings"] == ["the registry cannot be read, see /model", EMPTY]


def test_without_a_champion_the_start_is_refused_before_anything_runs(settings: ServiceSettings) -> None:
    with pytest.raises(RegistryError, match=r"no champion; `make run` makes one.*registry\.db, model 'parcels'\)$"):
        check_release(settings.model_copy(update={"release": None}))


def test_a_fixed_release_that_is_not_there_is_refused_before_anything_runs(
    settings: ServiceSettings, tmp_path: Path
) -> None:
    with pytest.raises(ReleaseError, match="no folder, expected a release folder"):
        check_release(settings.model_copy(update={"release": tmp_path / "nothing"}))


def test_a_mistake_in_the_registrys_client_does_not_end_the_watch(
    live: Any, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(live.service._watch, "_source", lambda: 1 / 0)
        eventually(lambda: live.service.model()["registry_unreachable"] is not None)
    promote(registry, tiny_release(tmp_path, "parcels-2"))
    eventually(lambda: bool(live.service.model()["release"] == "parcels-2"))
