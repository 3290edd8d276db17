import shutil
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from model_lifecycle.errors import RegistryError, ReleaseError
from model_lifecycle.registry import Registry, ReleaseEntry
from model_lifecycle.releases import build_release, verify_release

SOURCE = str(Path(__file__).parents[1] / "src")


def make_release(root: Path, number: int) -> tuple[Path, str]:
    info = {"created_as_of": "2013-06-01T00:00:00+00:00"}
    path = build_release(root, f"release-{number}", {"model.cbm": bytes([number])}, info)
    return path, verify_release(path).digest


def version_of(entry: ReleaseEntry | None) -> int | None:
    return None if entry is None else entry.version


def state(registry: Registry) -> tuple[int | None, int | None]:
    """Champion and previous, as a process that has just started sees them."""
    fresh = Registry(registry.uri, registry.name)
    return version_of(fresh.champion()), version_of(fresh.previous())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry file with four releases and no champion; making one takes seconds, so tests copy it."""
    folder = tmp_path_factory.mktemp("filled")
    registry = Registry(f"sqlite:///{folder / 'registry.db'}", "demo")
    for number in range(1, 5):
        assert registry.register(*make_release(folder, number), {"auc": 0.7 + number / 100}, {"run": "r"}) == number
    return folder / "registry.db"


@pytest.fixture
def registry(filled: Path, tmp_path: Path) -> Registry:
    return Registry(f"sqlite:///{shutil.copy(filled, tmp_path / 'registry.db')}", "demo")


class Crash(BaseException):
    """The end of the process, at a place of the test's choice."""


def crash_at(registry: Registry, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Let the real client write, until its `call`-th write."""
    client = registry._client()
    done = 0

    def counted(name: str) -> None:
        real = getattr(client, name)

        def write(*arguments: object) -> object:
            nonlocal done
            done += 1
            if done == call:
                raise Crash
            return real(*arguments)

        monkeypatch.setattr(client, name, write)

    for name in ("set_registered_model_tag", "set_registered_model_alias", "delete_registered_model_alias"):
        counted(name)


# Reading and registering


def test_a_registry_that_was_never_written_has_no_champion_and_makes_no_file(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'folder' / 'registry.db'}", "demo")
    assert (registry.champion(), registry.previous(), registry.history()) == (None, None, [])
    assert list(tmp_path.iterdir()) == []


def test_an_entry_tells_what_was_registered(registry: Registry, filled: Path) -> None:
    entry = registry.promote(2, "better", "ada")
    path = filled.parent / "release-2"
    assert registry.champion() == entry
    assert (entry.version, entry.release_id, entry.path) == (2, "release-2", path)
    assert entry.digest == verify_release(path).digest
    assert (entry.metrics, entry.tags) == ({"auc": 0.72}, {"run": "r"})


def test_the_same_release_keeps_its_version(registry: Registry, filled: Path) -> None:
    assert registry.register(*make_release(filled.parent, 3), {}, {}) == 3
    assert registry.register(*make_release(filled.parent, 5), {}, {}) == 5


def test_a_release_that_is_not_the_one_is_not_registered(registry: Registry, filled: Path, tmp_path: Path) -> None:
    path, digest = make_release(tmp_path, 1)
    with pytest.raises(ReleaseError, match=rf"digest {digest}, expected {'0' * 64}"):
        registry.register(path, "0" * 64, {}, {})
    (path / "model.cbm").unlink()
    with pytest.raises(ReleaseError, match=r"file 'model.cbm': missing"):
        registry.register(path, digest, {}, {})


def test_a_version_of_another_program_is_refused(registry: Registry) -> None:
    registry._client().create_model_version("demo", source="s3://bucket/model")
    with pytest.raises(RegistryError, match=r"version 5 has no tag 'model_lifecycle.release_id'; it was not"):
        registry.promote(5, "better", "ada")
    assert registry.champion() is None


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "it's", "."])
def test_a_name_that_is_not_plain_is_refused(name: str) -> None:
    with pytest.raises(RegistryError, match=r"registry name .* is refused"):
        Registry("sqlite:///registry.db", name)


# Moving


def test_promotion_keeps_the_champion_before_as_previous(registry: Registry) -> None:
    assert state(registry) == (None, None)
    registry.promote(1, "first", "ada")
    assert state(registry) == (1, None)
    registry.promote(3, "better", "ada")
    assert state(registry) == (3, 1)


def test_promoting_the_champion_again_changes_nothing(registry: Registry) -> None:
    registry.promote(1, "first", "ada")
    registry.promote(2, "better", "ada")
    registry.promote(2, "again", "ada")
    assert state(registry) == (2, 1)
    assert len(registry.history()) == 2


def test_rollbacks_go_back_one_by_one_and_never_forward(registry: Registry) -> None:
    for version in (1, 2, 3):
        registry.promote(version, "better", "ada")
    assert registry.rollback("worse", "policy").version == 2
    assert state(registry) == (2, 1)
    assert registry.rollback("worse still", "policy").version == 1
    assert state(registry) == (1, None)
    with pytest.raises(RegistryError, match=r"nothing to roll back to; champion is version 1 \(release-1\), previous"):
        registry.rollback("worse still", "policy")
    assert state(registry) == (1, None)


@pytest.mark.parametrize(
    ("promoted", "then"),
    [
        ((1, 3, 1), [(3, None)]),
        ((2, 1, 3, 1), [(3, 2), (2, None)]),
        ((3, 1, 3, 1), [(3, None)]),
        ((1, 2, 1, 3), [(1, 2)]),
    ],
)
def test_a_rollback_passes_by_a_release_that_one_before_it_has_withdrawn(
    registry: Registry, promoted: tuple[int, ...], then: list[tuple[int, int | None]]
) -> None:
    for version in promoted:
        registry.promote(version, "better", "ada")
    for expected in then:
        registry.rollback("worse", "policy")
        assert state(registry) == expected


def test_a_release_that_is_promoted_again_after_its_withdrawal_is_gone_back_to(registry: Registry) -> None:
    for version in (1, 2):
        registry.promote(version, "better", "ada")
    registry.rollback("worse", "policy")
    for version in (2, 3):
        registry.promote(version, "mended", "ada")
    registry.promote(4, "better", "ada")
    registry.rollback("worse", "policy")
    assert state(registry) == (3, 2)


def test_the_history_tells_who_moved_what_and_why(registry: Registry) -> None:
    registry.promote(1, "first", "ada")
    registry.promote(2, "better", "grace")
    registry.rollback("worse", "policy")
    told = [(move.action, move.from_version, move.to_version, move.by, move.reason) for move in registry.history()]
    assert told == [
        ("promote", None, 1, "ada", "first"),
        ("promote", 1, 2, "grace", "better"),
        ("rollback", 2, 1, "policy", "worse"),
    ]


@pytest.mark.parametrize(("reason", "by"), [("", "ada"), ("  ", "ada"), ("better", ""), ("x" * 2001, "ada")])
def test_a_move_without_a_name_and_a_reason_is_refused(registry: Registry, reason: str, by: str) -> None:
    with pytest.raises(RegistryError, match=r"promote by '.*' with a reason of \d+ characters; expected a name and"):
        registry.promote(1, reason, by)
    assert registry.champion() is None


def test_a_version_that_does_not_exist_is_not_promoted(registry: Registry) -> None:
    registry.promote(1, "first", "ada")
    with pytest.raises(RegistryError, match=r"cannot read version 9: .*version=9\) not found"):
        registry.promote(9, "better", "ada")
    assert state(registry) == (1, None)


def test_the_history_tells_which_gates_were_overridden(registry: Registry) -> None:
    registry.promote(1, "first", "ada")
    registry.promote(2, "needed before the season", "ada", ["slices", "champion"])
    assert [move.overridden for move in registry.history()] == [(), ("slices", "champion")]


def test_all_releases_are_listed_newest_first(registry: Registry, tmp_path: Path) -> None:
    assert [entry.release_id for entry in registry.releases()] == [f"release-{number}" for number in (4, 3, 2, 1)]
    assert Registry(registry.uri, "another").releases() == []
    assert Registry(f"sqlite:///{tmp_path / 'none.db'}", "demo").releases() == []
    assert not (tmp_path / "none.db").exists()


def test_no_alias_moves_to_a_damaged_release(registry: Registry, tmp_path: Path) -> None:
    numbers = [registry.register(*make_release(tmp_path / "own", number), {}, {}) for number in (7, 8)]
    for number in numbers:
        registry.promote(number, "better", "ada")
    for number in (7, 8):
        (tmp_path / "own" / f"release-{number}" / "model.cbm").unlink()
    with pytest.raises(ReleaseError, match=r"release-7, file 'model.cbm': missing"):
        registry.rollback("worse", "policy")
    with pytest.raises(ReleaseError, match=r"release-7, file 'model.cbm': missing"):
        registry.promote(numbers[0], "worse", "ada")
    assert state(registry) == (numbers[1], numbers[0])
    assert len(registry.history()) == 2


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_promotion_that_was_cut_off_leaves_a_champion_and_is_completed_by_the_next_try(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    registry.promote(1, "first", "ada")
    registry.promote(2, "better", "ada")
    with monkeypatch.context() as patch:
        crash_at(registry, patch, call)
        with pytest.raises(Crash):
            registry.promote(3, "better still", "ada")
    assert state(registry) == (2, 1)
    registry.promote(3, "better still", "ada")
    assert state(registry) == (3, 2)


@pytest.mark.parametrize(("call", "left"), [(1, (3, 2)), (2, (3, 2)), (3, (2, 1))])
def test_a_rollback_that_was_cut_off_leaves_a_champion_and_is_completed_by_the_next_try(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, call: int, left: tuple[int, int]
) -> None:
    for version in (1, 2, 3):
        registry.promote(version, "better", "ada")
    with monkeypatch.context() as patch:
        crash_at(registry, patch, call)
        with pytest.raises(Crash):
            registry.rollback("worse", "policy")
    assert state(registry) == left
    assert registry.rollback("worse", "policy").version == 2
    assert state(registry) == (2, 1)


# Speed, quiet, trouble


@pytest.mark.slow
def test_polling_the_champion_is_cheap_whatever_the_history(registry: Registry) -> None:
    for number in range(100):
        registry.promote(1 + number % 2, "better", "ada")

    def poll() -> float:
        start = time.perf_counter()
        registry.champion()
        return time.perf_counter() - start

    # The fastest of many: on a busy machine the others measure its other work.
    assert min(poll() for _ in range(50)) < 0.010


FIRST_USE = """
import sys
from pathlib import Path
from model_lifecycle.registry import Registry
assert not [name for name in sys.modules if name.startswith("mlflow")]
registry = Registry(sys.argv[1], "demo")
assert registry.champion() is None
assert not [name for name in sys.modules if name.startswith("mlflow")]
registry.register(Path(sys.argv[2]), sys.argv[3], {"auc": 0.7}, {})
registry.promote(1, "first", "ada")
assert registry.champion().version == 1
"""


def test_first_use_says_nothing_reports_to_nobody_and_leaves_one_file(tmp_path: Path) -> None:
    path, digest = make_release(tmp_path / "releases", 1)
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FIRST_USE, "sqlite:///new/registry.db", path, digest],
        env={"PYTHONPATH": SOURCE, "HOME": str(home)},
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []
    assert [str(file.relative_to(work)) for file in work.rglob("*")] == ["new", "new/registry.db"]


@pytest.mark.slow
def test_processes_that_make_the_registry_at_once_share_it(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'registry.db'}"
    path, digest = make_release(tmp_path / "releases", 1)
    command = "import sys; from pathlib import Path; from model_lifecycle.registry import Registry; "
    command += "Registry(sys.argv[1], sys.argv[4]).register(Path(sys.argv[2]), sys.argv[3], {}, {})"

    def run(name: str) -> None:
        arguments = [sys.executable, "-c", command, uri, str(path), digest, name]
        subprocess.run(arguments, env={"PYTHONPATH": SOURCE, "HOME": str(tmp_path)}, check=True, timeout=120)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, ["left", "right"]))
    for name in ("left", "right"):
        assert Registry(uri, name).promote(1, "first", "ada").release_id == "release-1"


def test_a_damaged_file_is_refused_at_once_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    path.write_bytes(b"name,value\n" * 500)
    with pytest.raises(RegistryError, match=r"registry sqlite:.*model 'demo': cannot read the alias 'champion': file"):
        Registry(f"sqlite:///{path}", "demo").champion()
    assert path.read_bytes() == b"name,value\n" * 500


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    registry = Registry(f"sqlite:///{tmp_path / 'file' / 'registry.db'}", "demo")
    with pytest.raises(RegistryError, match=r"cannot register release 'release-1': .*file"):
        registry.register(*make_release(tmp_path / "releases", 1), {}, {})


def test_a_server_that_is_not_there_is_told_soon_and_its_password_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    password = "secret".swapcase()  # a traceback quotes this file
    with pytest.raises(RegistryError, match=r"registry http://\*\*\*@127.0.0.1:1, model 'demo': cannot read") as caught:
        Registry(f"http://ada:{password}@127.0.0.1:1", "demo").champion()
    assert password not in "".join(traceback.format_exception(caught.value))
