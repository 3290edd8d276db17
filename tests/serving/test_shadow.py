"""The shadow beside a running service: what it scores, and that it is no answer."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from model_lifecycle.registry import Registry
from model_lifecycle.releases import verify_release
from model_lifecycle.serving.settings import ServiceSettings
from model_lifecycle.serving.shadow import Shadow
from model_lifecycle.store import Store
from model_lifecycle.trials import Trials
from tiny_release import START, event, private_scorer, record, scorer, tiny_release, write_release

Start = Callable[..., Any]
END = START + timedelta(days=100)


@pytest.fixture
def registry(settings: ServiceSettings, release: Path) -> Registry:
    made = Registry(settings.registry, settings.registry_name)
    made.promote(made.register(release, verify_release(release).digest, {}, {}), "a test", "test")
    return made


@pytest.fixture
def version(registry: Registry, tmp_path: Path) -> int:
    path = tiny_release(tmp_path, "parcels-2", seed=8)
    return registry.register(path, verify_release(path).digest, {}, {})


@pytest.fixture
def trials(registry: Registry) -> Trials:
    return Trials(registry)


@pytest.fixture
def shadow(settings: ServiceSettings, registry: Registry) -> Iterator[Shadow]:
    made = Shadow(settings.model_copy(update={"release": None}), settled=timedelta(seconds=-1))
    yield made
    made.close()


def test_a_shadow_scores_what_was_answered_since_its_trial_began_once_and_answers_nothing(
    start: Start, store: Store, shadow: Shadow, trials: Trials, version: int
) -> None:
    store.append_events([event(number) for number in range(5)])
    api = start(release=None)
    api.predict(record(0))
    trials.begin("shadow", version, reason="a test", by="test")
    answers = api.predict(*(record(number) for number in range(1, 8)))
    assert shadow.step() == 7
    assert shadow.step() == 0
    scored = store.predictions_between(START, END, shadow=True)
    assert scored["decision_id"].tolist() == [answer["parcel"] for answer in answers]
    assert set(scored["release"]) == {"parcels-2"}
    answered = store.predictions_between(START, END)
    assert len(answered) == 8
    assert set(answered["role"]) == {"champion"}
    rows = answered.set_index("decision_id").loc[scored["decision_id"]]
    assert scored["inputs"].tolist() == rows["inputs"].tolist()
    assert scored["features"].tolist() == rows["features"].tolist()
    theirs = scorer("parcels-2", seed=8).predict(
        {name: _column([features[name] for features in scored["features"]]) for name in scored["features"][0]}
    )
    assert scored["score"].tolist() == pytest.approx(theirs.tolist(), abs=1e-12)


def _column(values: list[Any]) -> Any:
    import numpy as np

    return np.array(values, dtype=object if isinstance(values[0], str) else np.float64)


def test_a_shadow_that_was_killed_goes_on_where_it_was(
    start: Start, settings: ServiceSettings, store: Store, shadow: Shadow, trials: Trials, version: int
) -> None:
    api = start(release=None)
    trials.begin("shadow", version, reason="a test", by="test")
    api.predict(record(1), record(2))
    shadow.step()
    api.predict(record(3))
    again = Shadow(settings.model_copy(update={"release": None}), settled=timedelta(seconds=-1))
    try:
        assert again.step() == 1
    finally:
        again.close()
    assert len(store.predictions_between(START, END, shadow=True)) == 3


def test_a_damaged_shadow_is_refused_and_its_trial_ends(
    shadow: Shadow, trials: Trials, registry: Registry, version: int
) -> None:
    trials.begin("shadow", version, reason="a test", by="test")
    model = registry.version(version).path / "model" / "catboost.cbm"
    model.chmod(0o644)
    model.write_bytes(b"!")
    assert shadow.step() == 0
    assert trials.current("shadow") is None
    assert "catboost.cbm': changed" in trials.history()[-1].reason


def test_a_shadow_whose_files_are_away_stays_on_trial_and_scores_once_they_are_back(
    start: Start, store: Store, shadow: Shadow, trials: Trials, registry: Registry, version: int, tmp_path: Path
) -> None:
    api = start(release=None)
    trials.begin("shadow", version, reason="a test", by="test")
    api.predict(record(1))
    path = registry.version(version).path
    path.rename(tmp_path / "away")
    assert shadow.step() == 0
    assert trials.current("shadow") is not None
    (tmp_path / "away").rename(path)
    assert shadow.step() == 0  # not at once
    eventually(lambda: shadow.step() == 1)
    assert len(store.predictions_between(START, END, shadow=True)) == 1


def test_a_shadow_that_would_score_hashes_is_refused(
    shadow: Shadow, trials: Trials, registry: Registry, tmp_path: Path
) -> None:
    path = write_release(tmp_path, private_scorer("parcels-3"))
    trials.begin("shadow", registry.register(path, verify_release(path).digest, {}, {}), reason="a test", by="test")
    assert shadow.step() == 0
    assert trials.current("shadow") is None
    assert "the fields ['depot'] are hashed" in trials.history()[-1].reason
