"""Where a back-test keeps what it has computed, so that a run that was killed goes on where it was."""

from collections.abc import Mapping
from typing import Protocol


class Memo(Protocol):
    """Files by key; a write is whole or not at all."""

    def read(self, key: str) -> dict[str, bytes] | None:
        """Return what was kept under a key, None where there is nothing."""
        ...

    def write(self, key: str, files: Mapping[str, bytes]) -> None:
        """Keep files under a key."""
        ...

    def forget_others(self) -> None:
        """Remove all that was neither read nor written since this was opened."""
        ...


class InMemory:
    """A memo that lasts as long as the process."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, bytes]] = {}

    def read(self, key: str) -> dict[str, bytes] | None:
        """Return what was kept under a key, None where there is nothing."""
        return self._kept.get(key)

    def write(self, key: str, files: Mapping[str, bytes]) -> None:
        """Keep files under a key."""
        self._kept[key] = dict(files)

    def forget_others(self) -> None:
        """Keep everything."""
