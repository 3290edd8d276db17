"""A release before and after it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PackedRelease:
    """A release before it is written: its name, its files and the facts of its manifest."""

    release_id: str
    files: Mapping[str, bytes]
    info: Mapping[str, object]


@dataclass(frozen=True)
class WrittenRelease:
    """A release on disk; the digest stands for every byte of it."""

    release_id: str
    path: Path
    digest: str
