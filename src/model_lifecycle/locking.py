"""A folder that one process at a time writes to."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from model_lifecycle.errors import RunLocked

RUN_LOCK = ".run.lock"  # in the data folder: of runs that write to it


def take_lock(path: Path) -> IO[str]:
    """Take the lock of a folder; closing what is returned gives it back.

    The operating system holds it and drops it when the process dies, however it dies, so nothing is ever left to
    clean up.

    Parameters
    ----------
    path : Path
        A file in the folder; it is made.

    Raises
    ------
    RunLocked
        If another process has it, with that process's id and when it started.
    OSError
        If the file cannot be opened, or is a link: what it points to would be emptied.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = open(path, "a+", encoding="utf-8", opener=_no_link)  # noqa: SIM115 - the caller closes it
    try:
        _lock(handle)
    except OSError:
        holder = _holder(handle)
        handle.close()
        raise RunLocked(f"another run holds {path.parent}: {holder}; wait for its end or stop it") from None
    handle.truncate(0)
    json.dump({"pid": os.getpid(), "started": datetime.now(UTC).isoformat(timespec="seconds")}, handle)
    handle.flush()
    return handle


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _holder(handle: IO[str]) -> str:
    """Describe who holds the lock; a holder that is just writing its name is described as such."""
    handle.seek(0)
    try:
        found = json.load(handle)
        return f"process {found['pid']}, since {found['started']}"
    except (ValueError, KeyError, TypeError, OSError):
        return "a process that has just started"


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: IO[str]) -> None:
        handle.seek(1 << 30)  # far behind the text, which stays readable for others
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: IO[str]) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
