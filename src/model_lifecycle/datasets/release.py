"""Releases as the catalog sees them: an immutable folder, and a pointer to the one of this run."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from model_lifecycle.datasets.atomic import write_atomically
from model_lifecycle.releases.build import build_release
from model_lifecycle.releases.packed import PackedRelease, WrittenRelease
from model_lifecycle.releases.verify import verify_release


class ReleaseDataset(AbstractDataset[PackedRelease, WrittenRelease]):
    """Writes a release folder whole or not at all, and remembers which one belongs to this run.

    Parameters
    ----------
    root : str
        Folder of all releases of a case.
    pointer : str
        JSON file that names the release of the last run.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(self, root: str, pointer: str, metadata: dict[str, Any] | None = None) -> None:
        self._root = Path(root)
        self._pointer = Path(pointer)
        self.metadata = metadata

    def save(self, data: PackedRelease) -> None:
        """Write the folder, then the pointer; the same content, which has the same name, changes nothing."""
        path = build_release(self._root, data.release_id, data.files, data.info)
        digest = verify_release(path).digest
        content = {"release_id": data.release_id, "digest": digest}
        write_atomically(self._pointer, json.dumps(content, indent=2).encode())

    def load(self) -> WrittenRelease:
        """Return the release of the last run, verified."""
        found = json.loads(self._pointer.read_bytes())
        path = self._root / found["release_id"]
        verify_release(path, found["digest"])
        return WrittenRelease(found["release_id"], path, found["digest"])

    def _exists(self) -> bool:
        return self._pointer.exists()

    def _describe(self) -> dict[str, Any]:
        return {"root": str(self._root), "pointer": str(self._pointer)}
