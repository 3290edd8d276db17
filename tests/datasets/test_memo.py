"""The memo of a back-test: whole or not at all, never of another version, bounded by what is used."""

import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from kedro.io import DatasetError

from model_lifecycle.datasets.installed import installed_version
from model_lifecycle.datasets.memo import MemoDataset, MemoFolder

SOURCE = str(Path(__file__).resolve().parents[2] / "src")
FILES = {"a.json": b"{}", "folder/b.bin": bytes(range(256))}


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    MemoFolder(tmp_path).write("key", FILES)
    assert MemoFolder(tmp_path).read("key") == FILES
    assert MemoFolder(tmp_path).read("another") is None


def test_what_another_version_has_left_is_not_read(tmp_path: Path) -> None:
    MemoFolder(tmp_path, "1").write("key", FILES)
    assert MemoFolder(tmp_path, "2").read("key") is None


def test_a_damaged_entry_is_none(tmp_path: Path) -> None:
    MemoFolder(tmp_path).write("key", FILES)
    file = next(tmp_path.glob("*.zip"))
    file.write_bytes(file.read_bytes()[:40])
    assert MemoFolder(tmp_path).read("key") is None


def test_a_run_that_ends_removes_what_it_did_not_use(tmp_path: Path) -> None:
    before = MemoFolder(tmp_path)
    for key in ("old", "kept"):
        before.write(key, FILES)
    now = MemoFolder(tmp_path)
    now.read("kept")
    now.write("new", FILES)
    now.forget_others()
    assert [MemoFolder(tmp_path).read(key) is not None for key in ("old", "kept", "new")] == [False, True, True]


def test_an_entry_outlives_the_process_that_is_killed_behind_it(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from model_lifecycle.datasets.memo import MemoFolder\n"
        "MemoFolder(Path(sys.argv[1])).write('key', {'a': b'1'})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], env={"PYTHONPATH": SOURCE}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert MemoFolder(tmp_path).read("key") == {"a": b"1"}


def test_the_dataset_hands_out_the_memo_and_is_never_saved(tmp_path: Path) -> None:
    dataset = MemoDataset(str(tmp_path))
    assert dataset.exists()
    dataset.load().write("key", FILES)
    assert dataset.load().read("key") == FILES
    with pytest.raises(DatasetError, match="entry by entry, never saved"):
        dataset.save(object())  # type: ignore[arg-type]


def test_packages_that_ray_brings_along_once_it_is_imported_are_no_other_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = installed_version.__wrapped__()
    (tmp_path / "brought-1.0.dist-info").mkdir()
    (tmp_path / "brought-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert version("brought") == "1.0"
    assert installed_version.__wrapped__() == before
