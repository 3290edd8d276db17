"""The counts by which Jepsen judges a set: what was to be added, what was told to be, and what is there at the end."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class SetCounts:
    """Nothing may be lost, unexpected or there twice; what was not acknowledged may be there once (`recovered`)."""

    attempted: int
    acknowledged: int
    read: int
    lost: int
    recovered: int
    unexpected: int
    duplicates: int


def count(attempted: Collection[str], acknowledged: Collection[str], read: Collection[str]) -> SetCounts:
    """Compare."""
    tried, told, found = set(attempted), set(acknowledged), set(read)
    return SetCounts(
        attempted=len(tried),
        acknowledged=len(told),
        read=len(found),
        lost=len(told - found),
        recovered=len(found & tried - told),
        unexpected=len(found - tried),
        duplicates=len(read) - len(found),
    )
