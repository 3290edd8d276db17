import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from model_lifecycle.datasets.atomic import write_atomically

SOURCES = str(Path(__file__).parents[2] / "src")
# Writes 200 MB again and again over the file of its first argument.
WRITER = """
import sys
from pathlib import Path
from model_lifecycle.datasets.atomic import write_atomically
print("ready", flush=True)
while True:
    write_atomically(Path(sys.argv[1]), b"n" * 200_000_000)
"""


def test_a_file_is_written_with_its_folders_and_can_be_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    write_atomically(path, b"{}")
    write_atomically(path, b"[]")
    assert path.read_bytes() == b"[]"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in path.parent.iterdir()] == ["b.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.json"
    write_atomically(path, b"old")

    def interrupted(handle: int, mode: str) -> None:
        os.close(handle)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fdopen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["b.json"]


def test_a_writer_that_is_killed_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "b.bin"
    write_atomically(path, b"old")
    command, place = [sys.executable, "-c", WRITER, str(path)], {"PYTHONPATH": SOURCES}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=place) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(0.05)
        writer.kill()
    content = path.read_bytes()
    assert content == b"old" or (len(content) == 200_000_000 and content.count(b"n") == len(content))
