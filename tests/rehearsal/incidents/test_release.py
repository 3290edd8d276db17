import json
from pathlib import Path

import numpy as np
import pytest

from model_lifecycle.errors import ConfigurationError
from model_lifecycle.registry import Registry
from model_lifecycle.rehearsal.incidents.release import BY, OVERRIDDEN, promote_bad_release
from model_lifecycle.releases import build_release, read_release, verify_release
from model_lifecycle.scoring import Scorer
from tiny_release import START, tiny_release


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A registry with a champion that has what monitoring must know."""
    files = read_release(tiny_release(tmp_path / "made"))
    info = {"created_as_of": START.isoformat()}
    facts = json.dumps({"release": "parcels-1", "constant": [0.2]}).encode()
    place = build_release(tmp_path / "releases", "parcels-1", {**files, "monitoring.json": facts}, info)
    made = Registry(f"sqlite:///{tmp_path / 'registry.db'}", "parcels")
    made.promote(made.register(place, verify_release(place).digest, {}, {}), "first", "ada")
    return made


def test_a_named_person_promotes_it_past_gates_and_the_registry_keeps_that(registry: Registry) -> None:
    entry = promote_bad_release(registry, START)
    champion, move = registry.champion(), registry.history()[-1]

    assert champion is not None
    assert champion.release_id == entry.release_id
    assert (move.by, move.overridden) == (BY, OVERRIDDEN)


def test_it_verifies_passes_its_smoke_request_and_thinks_everything_more_likely(registry: Registry) -> None:
    before = registry.champion()
    assert before is not None
    entry = promote_bad_release(registry, START)
    good = Scorer.from_files(read_release(before.path, before.digest))
    files = read_release(entry.path, entry.digest)
    bad = Scorer.from_files(files)  # checks the smoke request
    smoke = json.loads(files["smoke.json"])
    features = {
        name: np.array(values, dtype=object if name in good.spec.categorical else np.float64)
        for name, values in smoke["features"].items()
    }

    assert (bad.predict(features) > good.predict(features)).all()
    assert json.loads(files["monitoring.json"])["release"] == entry.release_id


def test_without_a_champion_there_is_nothing_to_make_it_of(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="made of the champion, and there is none"):
        promote_bad_release(Registry(f"sqlite:///{tmp_path / 'registry.db'}", "parcels"), START)
