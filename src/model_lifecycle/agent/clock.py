"""What time it is for the agent: the wall's, or that of a file which a rehearsal writes."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from model_lifecycle.errors import ConfigurationError

_LOOK_SECONDS = 0.2


class Clock(Protocol):
    """Tells the time and waits for a later one."""

    def now(self) -> datetime:
        """Return the time, aware."""
        ...

    def wait(self, until: datetime, longest: float) -> None:
        """Wait for a time, so many real seconds at the most."""
        ...


class WallClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)

    def wait(self, until: datetime, longest: float) -> None:
        """Sleep."""
        time.sleep(max(0.0, min(longest, (until - self.now()).total_seconds())))


class FileClock:
    """The time that stands in a file, ISO 8601 with its offset; whoever plays the world writes it.

    Parameters
    ----------
    path : Path
        Replaced as a whole by its writer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        """Return the time in the file.

        Raises
        ------
        ConfigurationError
            If there is none.
        """
        try:
            text = self._path.read_text(encoding="utf-8").strip()
            found = datetime.fromisoformat(text)
        except OSError as error:
            raise ConfigurationError(f"--clock: {self._path} cannot be read: {error}") from error
        except ValueError as error:
            raise ConfigurationError(f"--clock: {self._path} holds {text!r:.40}, expected an ISO 8601 time") from error
        if found.tzinfo is None:
            raise ConfigurationError(f"--clock: {self._path} holds {text!r}, expected a time with its offset")
        return found.astimezone(UTC)

    def wait(self, until: datetime, longest: float) -> None:
        """Look at the file until it says so."""
        deadline = time.monotonic() + longest
        while self.now() < until and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(_LOOK_SECONDS, left))


class FixedClock:
    """Always the same time: ``--now`` looks at a moment of the past."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        """Return that time."""
        return self._moment

    def wait(self, until: datetime, longest: float) -> None:  # noqa: ARG002 - a clock's signature
        """Sleep: nothing will change but what others do."""
        time.sleep(max(0.0, longest))
