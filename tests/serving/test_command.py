import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_lifecycle.serving.ports import free_ports
from model_lifecycle.serving.settings import FOLDERS
from orphans import abandoned_folder, orphan

ROOT = Path(__file__).resolve().parents[2]


def serve(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end: in these tests it never gets as far as Ray."""
    paths = ("--store", f"sqlite:///{folder}/store.db", "--registry", f"sqlite:///{folder}/registry.db")
    environment = {name: value for name, value in os.environ.items() if name != "MODEL_LIFECYCLE_API_KEY"}
    return subprocess.run(
        [sys.executable, "-m", "model_lifecycle", "serve", "--key-hash", str(folder / "key"), *paths, *options],
        cwd=ROOT,
        env={**environment, "MODEL_LIFECYCLE_DATA": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_one_clear_error(tmp_path: Path, release: Path, taken: int) -> None:
    done = serve(tmp_path, "--port", str(taken), "--release", str(release))
    assert done.returncode == 1
    place = f"127.0.0.1:{taken} cannot be used (Address already in use)"
    assert done.stderr == f"Error: {place}; stop what listens there, or choose another --port\n"
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_away_is_one_clear_error_before_anything_is_started(tmp_path: Path, release: Path) -> None:
    away = "postgresql://ada@127.0.0.1:1/parcels"
    done = serve(tmp_path, "--port", str(free_ports(1)[0]), "--release", str(release), "--store", away)
    assert done.returncode == 1
    assert "ada@127.0.0.1:1/parcels: cannot open it: " in done.stderr
    assert "Connection refused" in done.stderr
    assert done.stdout == ""  # no key was made
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_port_that_a_killed_service_left_taken_is_freed_before_it_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        monkeypatch.setenv("TMPDIR", place)
        abandoned = abandoned_folder(Path(place), FOLDERS)
        with orphan(abandoned) as port:
            done = serve(tmp_path, "--port", str(port))
        assert done.stderr.startswith("Error: the registry has no champion")
        assert not abandoned.exists()


def test_no_champion_is_one_clear_error(tmp_path: Path) -> None:
    done = serve(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: the registry has no champion; `make run` makes one")
    assert len(done.stderr.splitlines()) == 1


def test_a_damaged_release_is_one_clear_error_and_no_key_is_made(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    done = serve(tmp_path, "--release", str(tmp_path / "release"))
    assert done.returncode == 1
    assert "file 'manifest.json': missing" in done.stderr
    assert not (tmp_path / "key").exists()


def test_a_start_that_others_can_reach_is_refused_without_a_key(tmp_path: Path, release: Path) -> None:
    done = serve(tmp_path, "--host", "0.0.0.0", "--release", str(release))  # noqa: S104 - it is refused
    assert done.returncode == 1
    assert "needs an API key before it starts" in done.stderr
