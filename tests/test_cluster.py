"""A cluster of one's own, and what it does not leave behind."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from model_lifecycle.cluster import kill_remains, private_environment, private_folder, remove_abandoned, spread
from model_lifecycle.errors import ClusterError, ServingError
from model_lifecycle.serving.ports import check_port_free
from orphans import abandoned_folder, orphan

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("model_lifecycle.cluster._MAX_FOLDER_LENGTH", 1_000)
    return tmp_path


def test_the_folder_of_a_process_that_was_killed_is_taken_away_and_one_in_use_stays(place: Path) -> None:
    abandoned_folder(place, "mlb-")
    (place / "mlb-of-someone-else").mkdir()
    with private_folder("mlb-") as one:
        with private_folder("mlb-") as two:
            assert sorted(place.iterdir()) == sorted([one, two, place / "mlb-of-someone-else"])
        assert one.is_dir()
    assert list(place.iterdir()) == [place / "mlb-of-someone-else"]


def test_links_and_folders_of_other_users_are_not_touched(place: Path) -> None:
    precious = place / "precious"
    precious.write_text("kept", encoding="utf-8")
    planted, linked = place / "mlb-planted", place / "mlb-linked"
    planted.mkdir()
    (planted / ".lock").symlink_to(precious)
    (place / "elsewhere").mkdir()
    (place / "elsewhere" / ".lock").write_text("kept", encoding="utf-8")
    linked.symlink_to(place / "elsewhere")
    with private_folder("mlb-"):
        pass
    assert precious.read_text(encoding="utf-8") == (place / "elsewhere" / ".lock").read_text(encoding="utf-8") == "kept"
    assert planted.is_dir()


@pytest.mark.skipif(not hasattr(os, "chown") or os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_stays(place: Path) -> None:
    theirs = place / "mlb-theirs"
    theirs.mkdir()
    (theirs / ".lock").touch()
    os.chown(theirs, 65534, 65534)
    with private_folder("mlb-"):
        pass
    assert (theirs / ".lock").read_bytes() == b""


@LINUX
def test_what_outlives_ray_is_told_by_its_environment_and_killed(place: Path) -> None:
    def started(folder: Path) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", "input()"],
            stdin=subprocess.PIPE,
            env={**os.environ, **private_environment(folder)},
        )

    with private_folder("mlb-") as ours, private_folder("mlb-") as another, ExitStack() as stack:
        mine, theirs = (stack.enter_context(started(folder)) for folder in (ours, another))
        stack.callback(theirs.kill)
        kill_remains(ours)
        assert mine.wait(10) == -signal.SIGKILL
        assert theirs.poll() is None


@LINUX
def test_what_a_killed_process_left_running_goes_with_its_folder_and_the_port_is_free_at_once(place: Path) -> None:
    with private_folder("mlb-") as used, orphan(abandoned_folder(place, "mlb-")) as port, orphan(used) as held:
        remove_abandoned("mlb-")
        check_port_free("127.0.0.1", port)
        with pytest.raises(ServingError, match=f"{held} cannot be used"):
            check_port_free("127.0.0.1", held)
        assert list(place.iterdir()) == [used]


@LINUX
def test_a_process_that_only_names_the_folder_is_not_killed(place: Path) -> None:
    abandoned = abandoned_folder(place, "mlb-")
    shell = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={**os.environ, "PWD": str(abandoned)}
    )
    try:
        remove_abandoned("mlb-")
        assert not abandoned.exists()
        assert shell.poll() is None
    finally:
        shell.kill()
        shell.communicate()


def _never(_: object) -> Callable[[object], Iterator[dict[str, object]]]:
    raise AssertionError("nothing is to be done")


def test_without_items_no_cluster_is_started() -> None:
    assert list(spread([], _never, None, 2, "nowhere:1")) == []


def test_a_cluster_that_is_not_there_is_told_and_the_environment_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: object) -> None:
        raise ConnectionError(f"no cluster at {options['address']}")

    import ray

    monkeypatch.setattr(ray, "init", refuse)
    before = dict(os.environ)
    with pytest.raises(ClusterError, match=r"^Ray cluster host:1 could not be reached: no cluster at host:1$"):
        list(spread([{}], _never, None, 2, "host:1"))
    assert dict(os.environ) == before
