"""The manifest of a release: which files it holds, their digests, and its own."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from model_lifecycle.errors import ReleaseError

MANIFEST_NAME = "manifest.json"
SCHEMA_VERSION = 1
# A name becomes a path, so only what no file system and no shell reads in another way.
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
_FILE_NAME = re.compile(rf"{_PART}(/{_PART})*")
_RELEASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
# Loading these runs whatever code their author put in.
_UNSAFE_SUFFIXES = (".pkl", ".pickle", ".joblib")


class FileEntry(BaseModel):
    """One file of a release: its SHA-256 as lower-case hex and its size in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]


class _Document(BaseModel):
    """What stands in ``manifest.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: int
    release_id: str
    created_as_of: AwareDatetime
    files: dict[str, FileEntry]
    info: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A verified manifest; ``digest`` (SHA-256 of the manifest's bytes) stands for the whole release."""

    release_id: str
    created_as_of: str
    files: Mapping[str, FileEntry]
    info: Mapping[str, JsonValue]
    digest: str


def sha256(content: bytes) -> str:
    """Return the SHA-256 of the bytes as lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def check_release_id(release_id: str) -> str:
    """Return the id when it may become the name of a folder.

    Raises
    ------
    ReleaseError
        If it holds anything but letters, digits, ``_``, ``.`` and ``-``, or does not start with one of the first two.
    """
    if not _RELEASE_ID.fullmatch(release_id):
        raise ReleaseError(
            f"release id {release_id!r} is refused; expected 1 to 100 letters, digits, '_', '.' or '-', "
            f"the first a letter or a digit"
        )
    return release_id


def check_file_names(release_id: str, names: Iterable[str]) -> None:
    """Refuse file names that could leave the folder, collide, or be loaded as a pickle.

    Raises
    ------
    ReleaseError
        Naming the release, the file and what was expected.
    """
    folded: dict[str, str] = {MANIFEST_NAME: MANIFEST_NAME}
    for name in names:
        where = f"release {release_id!r}, file {name!r}"
        if not _FILE_NAME.fullmatch(name):
            raise ReleaseError(f"{where}: not a plain relative path; expected parts of letters, digits, '_', '.', '-'")
        if name.lower().endswith(_UNSAFE_SUFFIXES):
            raise ReleaseError(f"{where}: pickles run code when they are loaded; expected none of {_UNSAFE_SUFFIXES}")
        if name.lower() in folded:
            raise ReleaseError(f"{where}: collides with {folded[name.lower()]!r}; expected names that differ")
        folded[name.lower()] = name
    for name in folded:
        for parent in PurePosixPath(name).parents:
            if str(parent) in folded:
                raise ReleaseError(f"release {release_id!r}: {folded[str(parent)]!r} is both a file and a folder")


def manifest_bytes(
    release_id: str, created_as_of: str, files: Mapping[str, bytes], info: Mapping[str, object]
) -> bytes:
    """Return the manifest as canonical JSON: the same content always gives the same bytes.

    Raises
    ------
    ReleaseError
        If ``created_as_of`` is no instant with a zone, or ``info`` is not JSON.
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "release_id": release_id,
        "created_as_of": created_as_of,
        "files": {name: {"sha256": sha256(content), "size": len(content)} for name, content in files.items()},
        "info": dict(info),
    }
    try:
        raw = (json.dumps(document, sort_keys=True, indent=2, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise ReleaseError(f"release {release_id!r}, info: {error}; expected finite JSON values") from error
    parse_manifest(raw, f"release {release_id!r}")
    return raw


def parse_manifest(raw: bytes, where: str) -> Manifest:
    """Read a manifest whose bytes are trusted, or whose every file will be checked against it.

    Raises
    ------
    ReleaseError
        If it is no JSON, of another schema version, or has missing, unknown or malformed fields.
    """
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ReleaseError(f"{where}: {MANIFEST_NAME} is not readable JSON ({error})") from error
    version = found.get("schema_version") if isinstance(found, dict) else None
    if version != SCHEMA_VERSION:
        raise ReleaseError(f"{where}: {MANIFEST_NAME} has schema version {version!r}, expected {SCHEMA_VERSION}")
    try:
        document = _Document.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ReleaseError(
            f"{where}: {MANIFEST_NAME}, {place}: {first['msg']}; found {first['input']!r:.80}"
        ) from error
    check_release_id(document.release_id)
    check_file_names(document.release_id, document.files)
    return Manifest(document.release_id, found["created_as_of"], document.files, document.info, sha256(raw))
