import shutil
from pathlib import Path

import pytest

from model_lifecycle.errors import RegistryError, ReleaseError
from model_lifecycle.registry import Registry
from model_lifecycle.releases import build_release, verify_release
from model_lifecycle.trials import Trials


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry file with three releases, the first of them champion; making one takes seconds, so tests copy it."""
    folder = tmp_path_factory.mktemp("filled")
    registry = Registry(f"sqlite:///{folder / 'registry.db'}", "demo")
    for number in range(1, 4):
        info = {"created_as_of": "2013-06-01T00:00:00+00:00"}
        path = build_release(folder, f"release-{number}", {"model.cbm": bytes([number])}, info)
        registry.register(path, verify_release(path).digest, {}, {})
    registry.promote(1, "the first", "test")
    return folder / "registry.db"


@pytest.fixture
def registry(filled: Path, tmp_path: Path) -> Registry:
    return Registry(f"sqlite:///{shutil.copy(filled, tmp_path / 'registry.db')}", "demo")


@pytest.fixture
def trials(registry: Registry) -> Trials:
    return Trials(registry)


def test_a_trial_is_seen_by_others_until_it_ends(trials: Trials, registry: Registry) -> None:
    trials.begin("canary", 2, share=0.25, reason="better on the hold-out", by="agent")
    trials.begin("shadow", 3, reason="first look", by="agent")
    others = Trials(Registry(registry.uri, registry.name))
    seen = [others.current("canary"), others.current("shadow")]
    assert [(trial.entry.version, trial.share) for trial in seen if trial] == [(2, 0.25), (3, 1.0)]
    assert trials.end("canary", reason="errors", by="service") is not None
    assert (others.current("canary"), others.current("shadow") is not None) == (None, True)


def test_the_history_tells_what_began_and_ended_and_why(trials: Trials) -> None:
    trials.begin("canary", 2, share=0.1, reason="better", by="agent")
    trials.begin("canary", 2, share=0.5, reason="going well", by="agent")
    trials.end("canary", reason="p99 of 80 ms above 50 ms", by="service")
    assert [(move.action, move.version, move.share, move.by, move.reason) for move in trials.history()] == [
        ("begin", 2, 0.1, "agent", "better"),
        ("begin", 2, 0.5, "agent", "going well"),
        ("end", 2, 0.5, "service", "p99 of 80 ms above 50 ms"),
    ]


def test_trials_leave_the_history_of_the_champion_alone(trials: Trials, registry: Registry) -> None:
    trials.begin("shadow", 2, reason="first look", by="agent")
    assert [move.action for move in registry.history()] == ["promote"]


def test_the_end_of_one_release_does_not_end_the_trial_of_the_next(trials: Trials) -> None:
    trials.begin("canary", 2, share=0.1, reason="better", by="agent")
    trials.begin("canary", 3, share=0.1, reason="better still", by="agent")
    assert trials.end("canary", version=2, reason="too late", by="service") is None
    trial = trials.current("canary")
    assert trial is not None
    assert trial.entry.version == 3


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan")])
def test_a_share_beyond_its_range_is_refused(trials: Trials, share: float) -> None:
    with pytest.raises(RegistryError, match=rf"canary: share {share}, expected more than 0 and at most 1"):
        trials.begin("canary", 2, share=share, reason="r", by="b")


def test_the_champion_is_put_on_no_trial(trials: Trials) -> None:
    with pytest.raises(RegistryError, match="shadow: version 1 beside champion version 1, expected another release"):
        trials.begin("shadow", 1, reason="r", by="b")


def test_a_trial_without_a_reason_is_refused(trials: Trials) -> None:
    with pytest.raises(RegistryError, match="begin a shadow by 'b' with a reason of 0 characters"):
        trials.begin("shadow", 2, reason="", by="b")
    assert trials.current("shadow") is None


def test_a_damaged_release_is_put_on_no_trial(trials: Trials, registry: Registry) -> None:
    model = registry.version(3).path / "model.cbm"
    before = model.read_bytes()
    model.chmod(0o644)
    model.write_bytes(b"!")
    try:
        with pytest.raises(ReleaseError, match="changed"):
            trials.begin("shadow", 3, reason="r", by="b")
    finally:
        model.write_bytes(before)
    assert trials.current("shadow") is None
