"""The champion moves once, after every gate, and never else."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from model_lifecycle.contracts.gates import COMPARED_TAG
from model_lifecycle.contracts.override import NO_OVERRIDE, OverrideSpec
from model_lifecycle.contracts.policy import TrainingWindow
from model_lifecycle.contracts.retraining import RetrainingOrder
from model_lifecycle.contracts.trail import promoted_at
from model_lifecycle.datasets.champion import ChampionDataset
from model_lifecycle.datasets.event_history import EventHistoryDataset
from model_lifecycle.datasets.registered import registered_releases
from model_lifecycle.datasets.release import ReleaseDataset
from model_lifecycle.errors import GateBlocked, ReleaseError
from model_lifecycle.pipelines.deployment.nodes.packing import pack_release, select_history, select_parity_rows
from model_lifecycle.pipelines.deployment.nodes.promotion import promoter, publish_history, summarise, tell_trail
from model_lifecycle.pipelines.deployment.nodes.proof import Proof
from model_lifecycle.registry import Registry, open_client
from model_lifecycle.releases.packed import WrittenRelease
from model_lifecycle.reporting.evidence import GateEvidence
from model_lifecycle.store import Store
from parcels import CASE, CONFIGURATION, GATES, MONITORING, QUESTION_WITH_SLICE, RUN, Stages
from tiny_release import SPEC

PROOF: list[GateEvidence] = [
    {"gate": "package boots", "passed": True, "reason": "answered", "figures": {}},
    {"gate": "parity", "passed": True, "reason": "equal", "figures": {}},
]


OVERRIDE = OverrideSpec(by="ada", reason="needed before the season")


def _write(
    stages: Stages,
    folder: Path,
    scorer: Any = None,
    champion: Any = None,
    evidence: Any = None,
    override: OverrideSpec = NO_OVERRIDE,
) -> WrittenRelease:
    parity = select_parity_rows(stages.primary, stages.test, SPEC, QUESTION_WITH_SLICE, GATES)
    packed = pack_release(
        scorer or stages.challenger, evidence or stages.evidence, "<p>card</p>", "# card", stages.profile, stages.test,
        parity, stages.plan, MONITORING, RUN, champion, CONFIGURATION, override,
    )  # fmt: skip
    dataset = ReleaseDataset(str(folder / "releases"), str(folder / "release.json"))
    dataset.save(packed)
    return dataset.load()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry file without a release; making one takes seconds, so tests copy it."""
    file = tmp_path_factory.mktemp("registry") / "registry.db"
    open_client(f"sqlite:///{file}")
    return file


@pytest.fixture
def folder(empty: Path, tmp_path: Path) -> Path:
    """A folder with an empty registry."""
    shutil.copy(empty, tmp_path / "registry.db")
    return tmp_path


def _uri(folder: Path) -> str:
    return f"sqlite:///{folder / 'registry.db'}"


def _promote(
    stages: Stages,
    folder: Path,
    release: WrittenRelease,
    proof: Any = PROOF,
    evidence: Any = None,
    digest: str = "",
    override: OverrideSpec = NO_OVERRIDE,
    order: RetrainingOrder | None = None,
) -> Any:
    proven = Proof(digest=digest or release.digest, gates=proof)
    return promoter(CASE)(release, evidence or stages.evidence, proven, _uri(folder), RUN, override, order)


def _against(stages: Stages, release: WrittenRelease) -> Any:
    """Return the evidence of the stages as if that release had been in production."""
    return {**stages.evidence, "compared_with": release.release_id}


def _failed(stages: Stages, *gates: str) -> Any:
    """Return the evidence of the stages with failures planted."""
    evidence: Any = copy.deepcopy(stages.evidence)
    for gate in evidence["gates"]:
        if gate["gate"] in gates:
            gate.update(passed=False, reason="planted")
    return evidence


def test_the_first_release_becomes_the_champion_and_a_second_identical_run_changes_nothing(
    stages: Stages, folder: Path
) -> None:
    release = _write(stages, folder)
    first = _promote(stages, folder, release)
    assert (first["promoted"], first["reason"], first["version"]) == (True, "the first champion", "1")
    champion = ChampionDataset(_uri(folder), CASE).load()
    assert champion is not None
    assert (
        champion.entry.metrics["log_loss"]
        == stages.figures["metrics"][stages.verdict["challenger"]]["log_loss"]["estimate"]
    )

    again = _write(stages, folder, champion=champion)
    assert again == release
    second = _promote(stages, folder, again)
    made: dict[str, object] = {
        "by": "kedro run", "reason": f"passed all 13 gates as of {RUN.as_of.isoformat()}", "replaces": None,
        "overridden": [],
    }  # fmt: skip
    assert second == {
        **first, "promoted": False, "reason": "it was the champion already: same data, configuration and seed",
        "made_champion": made,
    }  # fmt: skip
    registry = Registry(_uri(folder), CASE)
    assert len(registry.history()) == 1
    assert registry.previous() is None


def test_a_run_that_was_killed_before_it_told_its_promotion_is_told_by_the_same_run_made_again_once(
    stages: Stages, folder: Path
) -> None:
    first, second = _write(stages, folder), _write(stages, folder, stages.fitted["trees"])
    evidence = _against(stages, first)
    told = tell_trail(_promote(stages, folder, first), RUN, [])
    _promote(stages, folder, second, evidence=evidence)  # and killed
    again = _promote(stages, folder, second, evidence=evidence)
    (entry,) = tell_trail(again, RUN, told)
    assert (entry.actor, entry.action, entry.details["replaces"]) == ("kedro run", "promote", first.release_id)
    assert promoted_at([*told, entry], second.release_id) == RUN.as_of
    assert tell_trail(again, RUN, [*told, entry]) == []


def test_an_identical_release_from_another_folder_leaves_the_champion_where_it_is(stages: Stages, folder: Path) -> None:
    release = _write(stages, folder)
    _promote(stages, folder, release)
    copied = _write(stages, folder / "copy")
    assert copied.digest == release.digest
    assert not _promote(stages, folder, copied)["promoted"]
    champion = Registry(_uri(folder), CASE).champion()
    assert champion is not None
    assert champion.path == release.path


def test_another_model_replaces_the_champion_which_becomes_the_previous_one(stages: Stages, folder: Path) -> None:
    first, second = _write(stages, folder), _write(stages, folder, stages.fitted["trees"])
    assert first.release_id != second.release_id
    _promote(stages, folder, first)
    found = _promote(stages, folder, second, evidence=_against(stages, first))
    assert (found["promoted"], found["reason"]) == (True, f"replaces {first.release_id}")
    registry = Registry(_uri(folder), CASE)
    champion, previous = registry.champion(), registry.previous()
    assert champion is not None
    assert previous is not None
    assert (champion.release_id, previous.release_id) == (second.release_id, first.release_id)


@pytest.mark.parametrize("override", [NO_OVERRIDE, OVERRIDE])
def test_a_release_that_was_compared_with_another_champion_than_the_one_in_production_is_held_back(
    stages: Stages, folder: Path, override: OverrideSpec
) -> None:
    first, second = _write(stages, folder), _write(stages, folder, stages.fitted["trees"])
    _promote(stages, folder, first)
    before = (folder / "registry.db").read_bytes()
    told = rf"its gates compared it with no champion, and {first.release_id} is in production now; run again"
    with pytest.raises(GateBlocked, match=told):
        _promote(stages, folder, second, override=override)
    gone = {**stages.evidence, "compared_with": "parcels-gone"}
    with pytest.raises(GateBlocked, match=f"with parcels-gone, and {first.release_id} is in production now"):
        _promote(stages, folder, second, evidence=gone, override=override)
    assert (folder / "registry.db").read_bytes() == before


def test_an_order_of_somebody_else_registers_the_release_with_the_champion_that_it_was_compared_with(
    stages: Stages, folder: Path
) -> None:
    first, second = _write(stages, folder), _write(stages, folder, stages.fitted["trees"])
    _promote(stages, folder, first)
    order = RetrainingOrder(
        order="1", as_of=RUN.as_of, requester="agent", reason="loss", training=TrainingWindow(), refit=False,
        promote=False,
    )  # fmt: skip
    evidence = {**stages.evidence, "compared_with": "parcels-gone"}
    outcome = _promote(stages, folder, second, evidence=evidence, order=order)
    assert (outcome["promoted"], outcome["champion"]) == (False, first.release_id)
    assert Registry(_uri(folder), CASE).version(int(outcome["version"])).tags[COMPARED_TAG] == "parcels-gone"


@pytest.mark.parametrize("blocked", ["package boots", "parity", "leakage"])
def test_a_failed_gate_leaves_the_registry_untouched(stages: Stages, folder: Path, blocked: str) -> None:
    champion, challenger = _write(stages, folder), _write(stages, folder, stages.fitted["trees"])
    _promote(stages, folder, champion)
    before = (folder / "registry.db").read_bytes()
    evidence: Any = copy.deepcopy(stages.evidence)
    proof = copy.deepcopy(PROOF)
    for gate in (*evidence["gates"], *proof):
        if gate["gate"] == blocked:
            gate.update(passed=False, reason="planted")
    with pytest.raises(GateBlocked, match=rf"1 .*gates (in service )?hold .*\n  {blocked}: planted$"):
        _promote(stages, folder, challenger, proof, evidence)
    assert (folder / "registry.db").read_bytes() == before


def test_an_override_ships_the_release_with_its_failed_gates_and_the_registry_keeps_who_why_and_which(
    stages: Stages, folder: Path
) -> None:
    evidence = _failed(stages, "leakage", "slices")
    release = _write(stages, folder, evidence=evidence, override=OVERRIDE)
    outcome = _promote(stages, folder, release, evidence=evidence, override=OVERRIDE)
    told = "the first champion; ada overrides leakage, slices: needed before the season"
    assert (outcome["promoted"], outcome["reason"]) == (True, told)
    (move,) = Registry(_uri(folder), CASE).history()
    assert (move.by, move.reason, move.overridden) == ("ada", "needed before the season", ("leakage", "slices"))
    champion = ChampionDataset(_uri(folder), CASE).load()
    assert champion is not None
    assert champion.info["override"] == {
        "by": "ada", "reason": "needed before the season", "gates": ["leakage", "slices"],
    }  # fmt: skip
    kept = json.loads(champion.files["evaluation.json"])["gates"]
    assert [gate["gate"] for gate in kept if not gate["passed"]] == ["leakage", "slices"]


def test_an_override_of_nothing_changes_no_byte_and_no_word(stages: Stages, folder: Path) -> None:
    release = _write(stages, folder, override=OVERRIDE)
    assert release.digest == _write(stages, folder / "other").digest
    _promote(stages, folder, release, override=OVERRIDE)
    (move,) = Registry(_uri(folder), CASE).history()
    assert (move.by, move.overridden) == ("kedro run", ())


@pytest.mark.parametrize("blocked", ["package boots", "parity"])
def test_the_proof_in_service_cannot_be_overridden(stages: Stages, folder: Path, blocked: str) -> None:
    evidence = _failed(stages, "leakage")
    release = _write(stages, folder, evidence=evidence, override=OVERRIDE)
    proof: Any = [{**gate, "passed": gate["gate"] != blocked} for gate in PROOF]
    with pytest.raises(GateBlocked, match=rf"1 of 2 gates in service hold release parcels-.* back:\n  {blocked}: "):
        _promote(stages, folder, release, proof, evidence, override=OVERRIDE)
    with pytest.raises(GateBlocked, match="is not proven: found the proof of digest other"):
        _promote(stages, folder, release, evidence=evidence, digest="other", override=OVERRIDE)
    assert Registry(_uri(folder), CASE).champion() is None


def test_what_a_release_has_shown_in_service_is_registered_with_it(stages: Stages, folder: Path) -> None:
    _promote(stages, folder, _write(stages, folder))
    (found,) = registered_releases(Registry(_uri(folder), CASE))
    assert (found.proof, found.proven, found.problem, found.failed) == (PROOF, True, None, [])
    assert found.role == "champion"


def test_the_proof_of_another_release_does_not_count(stages: Stages, folder: Path) -> None:
    release = _write(stages, folder)
    with pytest.raises(
        GateBlocked, match=rf"release {release.release_id} is not proven: found the proof of digest other"
    ):
        _promote(stages, folder, release, digest="other")
    assert Registry(_uri(folder), CASE).champion() is None


def test_a_blocked_first_run_makes_no_registry(stages: Stages, tmp_path: Path) -> None:
    release = _write(stages, tmp_path)
    with pytest.raises(GateBlocked, match=r"1 of 2 gates in service hold release parcels-.* back"):
        _promote(stages, tmp_path, release, [{**PROOF[0], "passed": False}, PROOF[1]])
    assert not (tmp_path / "registry.db").exists()
    assert ChampionDataset(_uri(tmp_path), CASE).load() is None


def test_a_release_that_was_changed_after_its_proof_is_refused(stages: Stages, folder: Path) -> None:
    release = _write(stages, folder)
    card = release.path / "model_card.md"
    card.chmod(0o644)
    card.write_bytes(b"# Card")
    with pytest.raises(ReleaseError, match=r"file 'model_card.md': changed"):
        _promote(stages, folder, release)
    assert Registry(_uri(folder), CASE).champion() is None


def test_a_champion_whose_release_is_gone_is_an_error_and_not_no_champion(stages: Stages, folder: Path) -> None:
    release = _write(stages, folder)
    _promote(stages, folder, release)
    release.path.rename(folder / "away")
    with pytest.raises(DatasetError, match="no folder, expected a release folder") as refused:
        ChampionDataset(_uri(folder), CASE).load()
    assert isinstance(refused.value.__cause__, ReleaseError)


def test_events_are_published_once_however_often_a_run_is_repeated(stages: Stages, folder: Path) -> None:
    outcome = _promote(stages, folder, _write(stages, folder))
    url = f"sqlite:///{folder / 'store.db'}"
    history = select_history(stages.events, SPEC)
    for _ in range(2):
        EventHistoryDataset(url).save(publish_history(history, outcome))
    with Store.open(url) as store:
        found = store.events_after(0, 10_000)
    assert len(found) == len(history)
    known = [record.known_at for _, record in found]
    assert known == sorted(known)
    assert {name for _, record in found for name in record.payload} == {"depot", "late"}


def test_without_a_champion_nothing_is_published(stages: Stages) -> None:
    outcome: Any = {"champion": None}
    with pytest.raises(GateBlocked, match="no champion, so there is no service to backfill"):
        publish_history(stages.events, outcome)


def test_the_summary_tells_a_promotion_from_a_champion_that_stays(stages: Stages, folder: Path) -> None:
    release = _write(stages, folder)
    first = summarise(
        stages.evidence, Proof(digest="", gates=PROOF), _promote(stages, folder, release), {"model card": "card.html"}
    )
    second = summarise(
        stages.evidence, Proof(digest="", gates=PROOF), _promote(stages, folder, release), {"model card": "card.html"}
    )
    assert "promoted to champion: the first champion" in first
    assert "NOT promoted: it was the champion already: same data, configuration and seed" in second
    assert "gates: all 13 passed" in first
