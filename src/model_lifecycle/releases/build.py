"""Write a release: whole or not at all, and never changed afterwards."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from model_lifecycle.errors import ReleaseError
from model_lifecycle.releases.manifest import (
    MANIFEST_NAME,
    check_file_names,
    check_release_id,
    manifest_bytes,
    sha256,
)
from model_lifecycle.releases.verify import verify_release

_READ_ONLY = 0o444


def build_release(root: Path, release_id: str, files: Mapping[str, bytes], info: Mapping[str, object]) -> Path:
    """Write the folder ``root/release_id`` in one step and return it.

    The folder is written beside its place, flushed to the disk and renamed: an interrupted build leaves no
    release. Building the same content again returns the folder that is there.

    Parameters
    ----------
    root : Path
        Where the releases live; created when missing.
    release_id : str
        1 to 100 letters, digits, ``_``, ``.`` or ``-``.
    files : mapping of str to bytes
        By relative path, such as ``model.cbm`` or ``state/history.json``.
    info : mapping
        JSON facts kept in the manifest. ``created_as_of``, an ISO 8601 instant with its zone, is required.

    Returns
    -------
    Path

    Raises
    ------
    ReleaseError
        If the id or a file name is refused, the id exists with other content, or the disk refuses.
    """
    check_release_id(release_id)
    check_file_names(release_id, files)
    created_as_of = info.get("created_as_of")
    if not isinstance(created_as_of, str):
        raise ReleaseError(
            f"release {release_id!r}, info: 'created_as_of' is {created_as_of!r}, expected an ISO 8601 instant"
        )
    facts = {name: value for name, value in info.items() if name != "created_as_of"}
    manifest = manifest_bytes(release_id, created_as_of, files, facts)
    place = root / release_id
    try:
        if not os.path.lexists(place):
            _write_whole(place, {**files, MANIFEST_NAME: manifest})
    except OSError as error:
        raise ReleaseError(f"release {release_id!r}: cannot write {place} ({error})") from error
    found = verify_release(place).digest
    if found != sha256(manifest):
        raise ReleaseError(
            f"release {release_id!r} exists in {place} with digest {found}; releases never change, so other content "
            f"with digest {sha256(manifest)} is refused: expected another id"
        )
    return place


def _write_whole(place: Path, files: Mapping[str, bytes]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    # The name's leading dot keeps an interrupted build out of listings, and is refused as a release id.
    building = Path(tempfile.mkdtemp(prefix=f".building-{place.name}-", dir=place.parent))
    try:
        for name, content in files.items():
            _write_file(building / name, content)
        building.chmod(0o755)  # mkdtemp keeps others out, but the service may run as another user
        for folder in [building, *(entry for entry in building.rglob("*") if entry.is_dir())]:
            _flush_folder(folder)
        _rename(building, place)
        _flush_folder(place.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(_READ_ONLY)


def _rename(building: Path, place: Path) -> None:
    try:
        building.rename(place)
    except OSError:
        # Another builder was first; the caller compares what stands there with what it wanted.
        if not place.is_dir():
            raise


def _flush_folder(folder: Path) -> None:
    """Make the names in the folder survive a power cut; Windows has no such call and does not need it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
