"""The service's own log lines, out of the processes that Ray starts to the error output of the command.

In a replica Ray puts ``sys.stderr`` and its own loggers behind a buffer of a thousand records, which goes with the
process. So the package's logger writes into a named pipe in the service's private folder, and the command passes on
what it reads there. A pipe and not a file: the line about a full disk must get through, and nothing grows. Whoever
writes never waits: what finds the pipe full, or nobody who reads, is dropped.
"""

import logging
import math
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PACKAGE = __name__.partition(".")[0]
FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"  # as the runs' (conf/logging.yml)
LEVEL = logging.INFO
_PIPE = "log"
# So much is written in one piece, whoever else writes; POSIX promises 512 bytes everywhere.
_WHOLE_BYTES = getattr(select, "PIPE_BUF", 512)
# What is tried every second fails every second while the store is away.
_REPEATED_SECONDS = 10.0
_LAST_SECONDS = 2.0  # for what is still in the pipe; all who write have ended by then


class _Repeated(logging.Filter):
    """Holds back what the same logger has just told."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, tuple[str, float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be told."""
        message, now = record.getMessage(), time.monotonic()
        before, at = self._told.get(record.name, ("", -math.inf))
        if message == before and now < at + _REPEATED_SECONDS:
            return False
        self._told[record.name] = (message, now)
        return True


class PipeHandler(logging.Handler):
    """Writes lines into a named pipe, and never waits; the same line again is told every ten seconds.

    Parameters
    ----------
    pipe : Path
        Somebody reads it.

    Raises
    ------
    OSError
        If it is not there, or nobody reads it.
    """

    def __init__(self, pipe: Path) -> None:
        super().__init__(LEVEL)
        self.setFormatter(logging.Formatter(FORMAT))
        self.addFilter(_Repeated())
        self._pipe = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, line by line."""
        try:
            lines = self.format(record).splitlines()
        except Exception:
            self.handleError(record)
            return
        for line in lines:
            with suppress(OSError):  # full, or nobody reads any more
                os.write(self._pipe, line.encode(errors="replace")[: _WHOLE_BYTES - 1] + b"\n")

    def close(self) -> None:
        """Give the pipe back."""
        pipe, self._pipe = self._pipe, -1  # its number may soon be another file's
        with suppress(OSError):
            os.close(pipe)
        super().close()


def send_lines(folder: Path) -> None:
    """Send the package's log lines of this process to the command; where that has no pipe, they stay with Ray."""
    logger = logging.getLogger(PACKAGE)
    if any(isinstance(handler, PipeHandler) for handler in logger.handlers):
        return
    with suppress(OSError):
        logger.addHandler(PipeHandler(folder / _PIPE))
        logger.setLevel(LEVEL)


@contextmanager
def told_lines(folder: Path, output: IO[str] | None = None) -> Iterator[None]:
    """Pass on what `send_lines` sends from other processes, and this one's own lines, until the end.

    Parameters
    ----------
    folder : Path
        Private to this service.
    output : text stream, optional
        Where to; ``sys.stderr`` by default.
    """
    output = output or sys.stderr
    if not hasattr(os, "mkfifo"):  # Windows
        yield
        return
    pipe = folder / _PIPE
    os.mkfifo(pipe, 0o600)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # without it, this waits for one who writes
    own = PipeHandler(pipe)  # as long as it is open, whoever reads waits for more
    os.set_blocking(reading, True)
    passing = threading.Thread(target=_pass_on, args=(reading, output), name="log-lines", daemon=True)
    passing.start()
    logger = logging.getLogger(PACKAGE)
    before = logger.level
    logger.addHandler(own)
    logger.setLevel(LEVEL)
    try:
        yield
    finally:
        logger.removeHandler(own)
        logger.setLevel(before)
        own.close()
        passing.join(_LAST_SECONDS)


def _pass_on(reading: int, output: IO[str]) -> None:
    with open(reading, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            with suppress(OSError, ValueError):  # the output is gone: those who write must not notice
                output.write(line)
                output.flush()
