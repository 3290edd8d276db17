"""Verify and read a release: nothing of it is parsed or returned before its digest has been checked."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from model_lifecycle.errors import ReleaseError
from model_lifecycle.releases.manifest import MANIFEST_NAME, Manifest, parse_manifest, sha256

# A manifest lists a few dozen files; a larger one is damage or an attack, and is not read into memory.
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
# Links are not followed, and a named pipe in the place of a file must not hang the reader.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def verify_release(path: Path, digest: str | None = None) -> Manifest:
    """Check a release folder whole.

    Parameters
    ----------
    path : Path
        The release folder.
    digest : str, optional
        The digest that the registry knows. Without it the folder is only checked against its own manifest,
        which finds damage but not a forgery.

    Returns
    -------
    Manifest

    Raises
    ------
    ReleaseError
        If a file is missing, extra, changed or a link, a path leaves the folder, the digest is another, or the
        manifest is unreadable or of another version.
    """
    manifest = _verified_manifest(path, digest)
    for _ in _verified_files(path, manifest):
        pass
    return manifest


def read_release(path: Path, digest: str | None = None) -> dict[str, bytes]:
    """Return the files of a release, each read once: the bytes returned are the bytes that were checked.

    Parameters
    ----------
    path, digest
        As for `verify_release`.

    Returns
    -------
    dict of str to bytes
        By name, without the manifest.

    Raises
    ------
    ReleaseError
        As `verify_release`.
    """
    return dict(_verified_files(path, _verified_manifest(path, digest)))


def _verified_manifest(path: Path, digest: str | None) -> Manifest:
    where = f"release folder {path}"
    if path.is_symlink() or not path.is_dir():
        raise ReleaseError(f"{where}: {'a link' if path.is_symlink() else 'no folder'}, expected a release folder")
    raw = _read_file(path, MANIFEST_NAME, MAX_MANIFEST_BYTES)
    if digest is not None and sha256(raw) != digest:
        raise ReleaseError(f"{where}: digest {sha256(raw)}, expected {digest}")
    manifest = parse_manifest(raw, where)
    if manifest.release_id != path.name:
        raise ReleaseError(f"{where}: holds release {manifest.release_id!r}, expected {path.name!r}")
    _check_listing(path, manifest)
    return manifest


def _check_listing(path: Path, manifest: Manifest) -> None:
    """Refuse whatever stands in the folder and not in the manifest; missing files show when they are read."""
    files = {MANIFEST_NAME, *manifest.files}
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    for entry in _walk(path):
        name = Path(entry.path).relative_to(path).as_posix()
        if entry.is_symlink():
            raise ReleaseError(f"release folder {path}, {name!r}: a link, expected a regular file")
        expected = folders if entry.is_dir(follow_symlinks=False) else files
        if name not in expected:
            raise ReleaseError(f"release folder {path}, {name!r}: not in {MANIFEST_NAME}, expected nothing beside it")


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise ReleaseError(f"release folder {folder}: cannot be listed ({error.strerror})") from error
    for entry in found:
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))


def _verified_files(path: Path, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    for name, entry in manifest.files.items():
        content = _read_file(path, name, entry.size)
        if (len(content), sha256(content)) != (entry.size, entry.sha256):
            raise ReleaseError(
                f"release folder {path}, file {name!r}: changed; found {len(content)} bytes with sha256 "
                f"{sha256(content)}, expected {entry.size} bytes with {entry.sha256}"
            )
        yield name, content


def _read_file(path: Path, name: str, limit: int) -> bytes:
    """Read one regular file of the folder; `limit` bounds what a damaged folder can make us hold in memory."""
    where = f"release folder {path}, file {name!r}"
    try:
        descriptor = os.open(path / name, _OPEN_FLAGS)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ReleaseError(f"{where}: not a regular file")
            if status.st_size > limit:
                raise ReleaseError(
                    f"{where}: changed or too large; found {status.st_size} bytes, expected at most {limit}"
                )
            return file.read(limit + 1)
    except FileNotFoundError as error:
        raise ReleaseError(f"{where}: missing") from error
    except OSError as error:
        kind = "a link, expected a regular file" if (path / name).is_symlink() else f"unreadable ({error.strerror})"
        raise ReleaseError(f"{where}: {kind}") from error
