"""Releases are moved by hand only when they are whole and proven, and past a failed gate only on a person's word."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from model_lifecycle.cli import cli
from model_lifecycle.contracts.records import AuditRecord
from model_lifecycle.registry import Registry, open_client
from model_lifecycle.releases import build_release, verify_release
from model_lifecycle.reporting.evidence import EvaluationEvidence, GateEvidence, IntervalEvidence
from model_lifecycle.store import Store

CASE = "parcels"
AS_OF = "2024-07-02T00:00:00+00:00"
BY = ("--by", "ada", "--reason", "needed before the season")


def figure(estimate: float) -> IntervalEvidence:
    half = abs(estimate) / 10
    return {
        "estimate": estimate, "lower": estimate - half, "upper": estimate + half, "level": 0.95, "n_blocks": 30,
        "n_effective": 15.0,
    }  # fmt: skip


def gate(name: str, passed: bool = True) -> GateEvidence:
    return {"gate": name, "passed": passed, "reason": "planted" if not passed else "fine", "figures": {}}


def evaluation(auc: float, failed: Sequence[str], window: str, rows: str) -> EvaluationEvidence:
    metrics = {"auc": figure(auc), "log_loss": figure(0.5)}
    end = f"{window[:-2]}30"
    evidence: Any = {
        "question": {
            "case": CASE, "question": "Which parcels?", "owner": "depot", "decision": "send", "target": "late",
            "unit": "EUR", "value_source": "an example", "payoffs": [], "rule": "act", "policies": [],
            "task": "binary", "loss": "log_loss", "ranking": "auc",
        },
        "split": {
            "as_of": f"{end}T00:00:00+00:00",
            "time_zone": "UTC",
            "parts": [
                {
                    "part": "test", "start": f"{window}T00:00:00+00:00", "end": f"{end}T00:00:00+00:00", "rows": 1200,
                    "labelled": 1100, "outcomes": {"positive": 300}, "unavailable": {},
                }
            ],
        },
        "subject": "trees",
        "baselines": ["constant"],
        "champion": None,
        "metrics": {"trees": metrics, "constant": metrics},
        "differences": [],
        "value": {"model": figure(2500.0)},
        "value_by_month": [],
        "sensitivity": [],
        "threshold": {"threshold": 0.4, "chosen_on": "the validation folds", "decisions": {"act": 0.25}},
        "calibration": {
            "bins": [], "expected_error": 0.0, "slope": None, "intercept": None, "in_the_large": figure(0.0),
            "miscalibration": {}, "value_lost": 0.0, "value_room": 0.0,
        },
        "slices": [],
        "gates": [gate(name, name not in failed) for name in ("leakage", "slices", "champion")],
        "importance": [],
        "leaderboard": [],
        "limits": [],
        "reproducibility": {
            "code_version": "0", "as_of": AS_OF, "seed": 0, "data_fingerprints": {"model_input_test": rows},
            "lock_digest": None,
        },
    }  # fmt: skip
    found: EvaluationEvidence = evidence
    return found


@dataclass(frozen=True)
class World:
    """A registry with releases of its own."""

    folder: Path

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'registry.db'}"

    @property
    def store_url(self) -> str:
        return f"sqlite:///{self.folder / 'store.db'}"

    def trail(self) -> list[AuditRecord]:
        """Return the audit trail beside the registry."""
        with Store.open(self.store_url) as store:
            return store.audit()

    @property
    def registry(self) -> Registry:
        return Registry(self.uri, CASE)

    def add(
        self,
        name: str,
        failed: Sequence[str] = (),
        proof: Sequence[GateEvidence] | None = (gate("package boots"), gate("parity")),
        *,
        auc: float = 0.75,
        window: str = "2024-06-01",
        rows: str = "aaaa",
        files: dict[str, bytes] | None = None,
        tags: dict[str, str] | None = None,
    ) -> int:
        """Write a release and register it."""
        written = {
            "evaluation.json": json.dumps(evaluation(auc, failed, window, rows)).encode(),
            "model_card.html": b"<p>card</p>",
        }
        info = {"created_as_of": "2024-07-01T00:00:00+00:00"}
        path = build_release(self.folder / "releases", name, written if files is None else files, info)
        told = {} if proof is None else {"proof": json.dumps(list(proof))}
        facts = told | (tags or {})
        return self.registry.register(path, verify_release(path).digest, {"auc": auc, "log_loss": 0.5}, facts)

    def damage(self, name: str) -> None:
        """Change one byte of the release."""
        card = self.folder / "releases" / name / "model_card.html"
        card.chmod(0o644)
        card.write_bytes(b"<p>Card</p>")

    def call(self, *arguments: str) -> Result:
        """Run ``release`` on this registry."""
        store = ("--store", self.store_url) if arguments[0] in ("promote", "rollback") else ()
        return CliRunner().invoke(cli, ["release", *arguments, "--registry", self.uri, *store])

    def refused(self, *arguments: str) -> str:
        """Run ``release``, expect exit code 1 and an untouched registry, and return the message."""
        before = (self.registry.champion(), self.registry.previous(), self.registry.history())
        done = self.call(*arguments)
        assert done.exit_code == 1, done.output
        assert (self.registry.champion(), self.registry.previous(), self.registry.history()) == before
        return done.output

    def champion(self) -> str | None:
        found = self.registry.champion()
        return found.release_id if found else None


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry file without a release; making one takes seconds, so tests copy it."""
    file = tmp_path_factory.mktemp("registry") / "registry.db"
    open_client(f"sqlite:///{file}")
    return file


@pytest.fixture
def world(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The release ``good-1`` in production, ``good-2`` registered after it."""
    monkeypatch.setenv("MODEL_LIFECYCLE_CASE", CASE)
    shutil.copy(empty, tmp_path / "registry.db")
    made = World(tmp_path)
    made.registry.promote(made.add("good-1"), "passed all 5 gates", "kedro run")
    made.add("good-2", auc=0.77)
    return made


# Reading


def test_the_list_tells_roles_gates_and_figures_newest_first(world: World) -> None:
    world.add("weak-3", ["slices"])
    lines = [line.split() for line in world.call("list").output.splitlines()]
    assert [line[0] for line in lines] == ["release", "weak-3", "good-2", "good-1"]
    assert lines[1][5:9] == ["1", "of", "5", "FAILED"]
    assert lines[2][5:] == ["all", "5", "passed", "0.5000", "0.770"]
    assert [line[1] for line in lines[1:]] == ["-", "-", "champion"]


def test_the_list_as_json_tells_the_same(world: World) -> None:
    world.add("weak-3", ["slices"])
    world.damage("good-2")
    weak, damaged, champion = json.loads(world.call("list", "--json").output)
    assert (weak["name"], weak["gates_passed"], weak["failed_gates"]) == ("weak-3", False, ["slices"])
    assert damaged["gates_passed"] is None
    assert "file 'model_card.html': changed" in damaged["problem"]
    assert (champion["role"], champion["gates_passed"], champion["problem"]) == ("champion", True, None)
    assert champion["figures"] == {"auc": 0.75, "log_loss": 0.5}
    assert champion["as_of"] == AS_OF


def test_a_case_without_a_release_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_LIFECYCLE_CASE", CASE)
    world = World(tmp_path)
    assert world.call("list").output == "case 'parcels' has no release yet; `kedro run` makes one\n"
    assert json.loads(world.call("list", "--json").output) == []
    assert "no release 'a'; expected a registered one, and there is none yet" in world.refused("show", "a")
    assert list(tmp_path.iterdir()) == []


def test_show_tells_verdict_gates_intervals_threshold_and_the_card(world: World) -> None:
    world.add("weak-3", ["slices"])
    told = world.call("show", "weak-3").output
    for expected in (
        "release    weak-3 (registered, version 3)",
        "verdict    FAILED: 4 of 5 gates passed",
        "tested on  2024-06-01 to 2024-06-30: 1,200 decisions, 1,100 with an observed outcome",
        "threshold  0.4000, chosen on the validation folds",
        f"card       {world.folder / 'releases' / 'weak-3' / 'model_card.html'}",
        "FAILED  slices: planted",
        "passed  parity: fine",
        "figures, 95% interval over 30 blocks of time",
        "0.750 [0.675, 0.825]",
        "  worth 15.0 independent blocks",
        "2,500 [2,250, 2,750]",
    ):
        assert expected in told


def test_show_tells_why_a_release_was_made_for_whom_and_what_it_replaced(world: World) -> None:
    reasons = {"order": "20240708T000000Z", "made_for": "agent", "made_because": "the loss rose"}
    version = world.add("new-3", tags=reasons)
    world.registry.promote(version, "the loss rose", "agent")
    told = world.call("show", "new-3").output
    assert "made for   agent, order 20240708T000000Z: the loss rose" in told
    assert "promote by agent: the loss rose; replaced good-1" in told
    world.registry.rollback("it was worse", "ada")
    told = world.call("show", "good-1").output
    assert "promote by kedro run: passed all 5 gates; it was the first" in told
    assert "rollback by ada: it was worse; withdrew new-3" in told


def test_show_tells_a_proof_that_was_not_kept(world: World) -> None:
    version = world.add("old-3", proof=None)
    assert "package boots, parity: no proof is kept" in world.call("show", "old-3").output
    world.registry.promote(version, "passed all 5 gates", "kedro run")
    told = world.call("show", "old-3").output
    assert "package boots, parity: passed before its promotion, the figures were not kept" in told
    assert "promote by kedro run: passed all 5 gates" in told


def test_a_damaged_release_is_not_shown_or_compared(world: World) -> None:
    world.damage("good-2")
    for arguments in (("show", "good-2"), ("compare", "good-1", "good-2")):
        told = world.refused(*arguments)
        assert "release 'good-2' cannot be used: " in told
        assert "file 'model_card.html': changed" in told


def test_a_name_that_is_not_registered_is_told_with_those_that_are(world: World) -> None:
    for arguments in (("show", "good"), ("compare", "good-1", "good"), ("promote", "good", *BY)):
        told = world.refused(*arguments)
        assert told == "Error: case 'parcels': no release 'good'; expected one of ['good-2', 'good-1']\n"


@pytest.mark.parametrize(
    ("window", "rows", "expected"),
    [
        ("2024-06-01", "aaaa", "Tested on the same rows with the same features (the fingerprints of model_input_test"),
        ("2024-06-01", "bbbb", "Tested on the same window, but not on the same table: the fingerprints"),
        ("2024-07-01", "aaaa", "Tested on different windows: the figures are not paired."),
    ],
)
def test_compare_says_how_far_figures_can_be_compared(world: World, window: str, rows: str, expected: str) -> None:
    world.add("other-3", auc=0.8, window=window, rows=rows)
    done = world.call("compare", "good-1", "other-3")
    assert done.exit_code == 0
    *table, note = done.output.splitlines()
    assert note.startswith(expected)
    assert note.endswith("they are not the interval of the difference.")
    auc = next(line for line in table if line.startswith("AUC"))
    assert re.split("  +", auc)[1:] == ["0.750 [0.675, 0.825]", "0.800 [0.720, 0.880]"]


# Promoting


def test_a_release_that_passed_is_promoted_by_hand_and_the_registry_knows_by_whom(world: World) -> None:
    done = world.call("promote", "good-2", *BY)
    expected = "good-2 is the champion: verified, replaces good-1, which a rollback brings back\n"
    assert (done.exit_code, done.output) == (0, expected)
    assert world.champion() == "good-2"
    move = world.registry.history()[-1]
    assert (move.by, move.reason, move.overridden) == ("ada", "needed before the season", ())


def test_promoting_the_champion_changes_nothing(world: World) -> None:
    done = world.call("promote", "good-1", *BY)
    assert (done.exit_code, done.output) == (0, "good-1 is the champion already; nothing is changed\n")
    assert len(world.registry.history()) == 1


def test_a_failed_gate_holds_a_release_back_with_its_reason(world: World) -> None:
    world.add("weak-3", ["slices", "champion"])
    told = world.refused("promote", "weak-3", *BY)
    assert told.startswith(
        "Error: 2 of 5 gates hold release 'weak-3' back:\n  slices: planted\n  champion: planted\nThe champion stays."
    )


def test_an_override_is_kept_and_told_ever_after(world: World) -> None:
    world.add("weak-3", ["slices", "champion"])
    done = world.call("promote", "weak-3", *BY, "--override")
    assert done.exit_code == 0, done.output
    assert done.output.endswith("overridden by ada: slices, champion\n")
    assert world.champion() == "weak-3"
    assert world.registry.history()[-1].overridden == ("slices", "champion")
    world.call("rollback", "--by", "grace", "--reason", "worse")
    assert world.champion() == "good-1"
    for arguments in (("list",), ("show", "weak-3")):
        told = world.call(*arguments).output
        assert "OVERRIDDEN by ada on " in told
        assert "UTC: slices, champion; needed before the season" in told
    (kept,) = json.loads(world.call("list", "--json").output)[0]["overrides"]
    assert (kept["by"], kept["gates"]) == ("ada", ["slices", "champion"])


@pytest.mark.parametrize(
    ("by", "reason", "found"), [("ada", "because", "7 characters"), (" ", "needed before the season", "by ''")]
)
def test_an_override_without_a_name_and_a_whole_reason_is_refused(
    world: World, by: str, reason: str, found: str
) -> None:
    world.add("weak-3", ["slices"])
    told = world.refused("promote", "weak-3", "--by", by, "--reason", reason, "--override")
    assert told.startswith("Error: the override is refused: found an override by ")
    assert found in told
    assert "expected a name and a reason of at least 10 characters" in told


@pytest.mark.parametrize("given", [("--by", "ada"), ("--reason", "needed before the season")])
@pytest.mark.parametrize("command", [("promote", "good-2"), ("rollback",)])
def test_nothing_moves_without_a_name_and_a_reason(
    world: World, command: tuple[str, ...], given: tuple[str, str]
) -> None:
    done = world.call(*command, *given)
    assert done.exit_code == 2
    assert "Missing option" in done.output
    assert world.champion() == "good-1"


def test_an_empty_name_is_refused(world: World) -> None:
    told = world.refused("promote", "good-2", "--by", " ", "--reason", "better")
    assert "promote by ' ' with a reason of 6 characters; expected a name and a reason" in told


@pytest.mark.parametrize("override", [(), ("--override",)])
def test_a_damaged_release_is_refused_always(world: World, override: tuple[str, ...]) -> None:
    world.damage("good-2")
    told = world.refused("promote", "good-2", *BY, *override)
    assert "release 'good-2' cannot be used: " in told
    assert "file 'model_card.html': changed" in told


@pytest.mark.parametrize("override", [(), ("--override",)])
@pytest.mark.parametrize(
    ("proof", "found"),
    [
        (None, "no proof"),
        ([gate("package boots"), gate("parity", False)], r"['parity: planted']"),
        ([gate("package boots")], "no proof"),
    ],
)
def test_a_release_that_is_not_proven_in_service_is_refused_always(
    world: World, proof: Sequence[GateEvidence] | None, found: str, override: tuple[str, ...]
) -> None:
    world.add("unproven-3", proof=proof)
    told = world.refused("promote", "unproven-3", *BY, *override)
    assert f"release 'unproven-3' is not proven in service: found {found}, expected ['package boots', 'parity']" in told
    assert told.endswith("this cannot be overridden\n")


@pytest.mark.parametrize("override", [(), ("--override",)])
@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"model.cbm": b"1"}, "no evaluation.json, so no gate is known"),
        ({"evaluation.json": b"{"}, "its evidence is no readable JSON"),
        ({"evaluation.json": b"{}"}, "evidence 'EvaluationEvidence': question: missing"),
    ],
)
def test_a_release_whose_gates_cannot_be_read_is_refused_always(
    world: World, files: dict[str, bytes], found: str, override: tuple[str, ...]
) -> None:
    world.add("mute-3", files=files)
    told = world.refused("promote", "mute-3", *BY, *override)
    assert "release 'mute-3' cannot be used: " in told
    assert found in told


# Rolling back


def test_a_rollback_brings_the_previous_release_back(world: World) -> None:
    world.call("promote", "good-2", *BY)
    done = world.call("rollback", "--by", "grace", "--reason", "complaints")
    expected = "good-1 is the champion again: verified, good-2 is withdrawn\n"
    assert (done.exit_code, done.output) == (0, expected)
    assert world.champion() == "good-1"
    move = world.registry.history()[-1]
    assert (move.action, move.by, move.reason) == ("rollback", "grace", "complaints")


def test_without_a_previous_release_a_rollback_is_refused(world: World) -> None:
    told = world.refused("rollback", *BY)
    assert "nothing to roll back to; champion is version 1 (good-1), previous is none" in told


def test_a_damaged_previous_release_is_not_brought_back(world: World) -> None:
    world.call("promote", "good-2", *BY)
    world.damage("good-1")
    assert "good-1, file 'model_card.html': changed" in world.refused("rollback", *BY)


def test_the_configured_registry_is_the_default(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[2]
    monkeypatch.chdir(root)
    monkeypatch.delenv("MODEL_LIFECYCLE_CASE")
    monkeypatch.setenv("MODEL_LIFECYCLE_DATA", str(world.folder / "none"))
    done = CliRunner().invoke(cli, ["release", "list"])
    assert done.output == "case 'flight_delays' has no release yet; `kedro run` makes one\n"


# The audit trail


def test_a_move_by_hand_stands_in_the_audit_trail_with_who_why_and_what_it_replaced(world: World) -> None:
    world.add("weak-3", ["slices"])
    world.call("promote", "weak-3", *BY, "--override")
    world.call("rollback", "--by", "grace", "--reason", "complaints")
    told = world.trail()[-2:]
    assert [(one.actor, one.action, one.release, one.reason) for one in told] == [
        ("ada", "promote", "weak-3", "needed before the season"),
        ("grace", "rollback", "good-1", "complaints"),
    ]
    assert (told[0].details["replaces"], told[0].details["overridden"]) == ("good-1", ["slices"])
    assert told[1].details["withdrawn"] == "weak-3"
    assert [one.at.isoformat() for one in told] == [move.at for move in world.registry.history()[-2:]]


def test_a_move_that_the_store_could_not_be_told_stands_and_is_told_by_the_next_command(world: World) -> None:
    (world.folder / "store.db").mkdir()
    done = world.call("promote", "good-2", *BY)
    assert done.exit_code == 1
    assert "good-2 is the champion: verified" in done.output
    assert "the audit trail does not tell it yet" in done.output
    (world.folder / "store.db").rmdir()
    for _ in range(2):
        world.call("promote", "good-2", *BY)
    assert [one.release for one in world.trail()] == ["good-1", "good-2"]


def test_without_a_store_beside_the_registry_the_move_is_made_and_said_not_to_be_in_the_trail(world: World) -> None:
    done = CliRunner().invoke(cli, ["release", "promote", "good-2", *BY, "--registry", world.uri])
    assert done.exit_code == 0
    assert "no audit trail is told: expected --store beside --registry" in done.output


def test_what_agent_and_runs_have_told_of_a_move_is_not_told_twice(world: World) -> None:
    moved = datetime(2013, 8, 1, tzinfo=UTC)
    with Store.open(world.store_url) as store:
        store.append_audit([AuditRecord(moved, "kedro run", "promote", "good-1", "as told", {"key": "good-1 2013"})])
    world.call("promote", "good-2", *BY)
    assert [(one.actor, one.release) for one in world.trail()] == [("kedro run", "good-1"), ("ada", "good-2")]
