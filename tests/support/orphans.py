"""A process that listens and has lost its parent, as HAProxy does when its service is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from model_lifecycle.cluster import private_environment

_PROGRAM = """
import os, socket, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
if os.fork() == 0:
    print(os.getpid(), listener.getsockname()[1], flush=True)
    time.sleep(120)
os._exit(0)
"""


@contextmanager
def orphan(folder: Path) -> Iterator[int]:
    """Start one with the environment of a private folder, and yield the port that it holds."""
    parent = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdout=subprocess.PIPE,
        env={**os.environ, **private_environment(folder)},
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pid, port = map(int, parent.stdout.readline().split())
    try:
        yield port
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def abandoned_folder(place: Path, prefix: str) -> Path:
    """Make a private folder whose process is gone."""
    made = place / f"{prefix}abandoned"
    made.mkdir()
    (made / ".lock").write_text("{}", encoding="utf-8")
    return made
