"""API keys: made on first start or by ``kedro keys``, shown once, kept as salted hashes with what each may do.

A key is 256 random bits, so one round of SHA-256 is as hard to turn round as the key is to guess; a slow password
hash would only cost every request its milliseconds.
"""

import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import sys
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from model_lifecycle.errors import ServingError
from model_lifecycle.locking import take_lock
from model_lifecycle.private_folder import make_private_folder

logger = logging.getLogger(__name__)

KEY_ENVIRONMENT_VARIABLE = "MODEL_LIFECYCLE_API_KEY"
MINIMUM_LENGTH = 24
SCOPES = ("predict", "feedback", "admin")
ALL_SCOPES = frozenset(SCOPES)
FIRST_KEY = "first"
LOOK_SECONDS = 1.0
_PREFIX = "mlk_"
_ROOT = 0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class KeyHash:
    """One key as it is kept: its name, a salted SHA-256, and what it may do."""

    salt: bytes
    digest: bytes
    name: str = FIRST_KEY
    scopes: frozenset[str] = ALL_SCOPES
    created: str = ""

    @classmethod
    def of(
        cls, key: str, name: str = FIRST_KEY, scopes: Collection[str] = SCOPES, salt: bytes | None = None
    ) -> "KeyHash":
        """Return the hash of a key, under a new salt unless one is given.

        Raises
        ------
        ServingError
            If the name or a scope is refused.
        """
        if not _NAME.fullmatch(name):
            raise ServingError(f"key name {name!r}: expected 1 to 64 letters, digits, '_', '.' or '-'")
        if not scopes or not ALL_SCOPES.issuperset(scopes):
            raise ServingError(f"key {name!r}: scopes {sorted(scopes)}, expected one or more of {list(SCOPES)}")
        salt = secrets.token_bytes(16) if salt is None else salt
        created = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(salt, hashlib.sha256(salt + key.encode()).digest(), name, frozenset(scopes), created)


def generate_key() -> str:
    """Return a new key of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


class KeyRing:
    """The keys that a running service takes: those of the file, read again when it changes, and perhaps a given one.

    A file that cannot be read leaves the keys as they were, and the log says so.

    Parameters
    ----------
    path : Path
        The file; it may be absent if a key is given.
    given : KeyHash, optional
        One more key.
    """

    def __init__(self, path: Path, given: KeyHash | None = None) -> None:
        self._path = path
        self._given = () if given is None else (given,)
        self._version: tuple[int, ...] | None = None
        self._refused: str | None = None
        self._look_at = 0.0
        self._by_salt: list[tuple[bytes, list[KeyHash]]] = []
        self._take(())
        if path.exists() or given is None:
            self._version = _version(path)
            self._take(read_keys(path))

    def scopes(self, key: bytes) -> frozenset[str] | None:
        """Return what a key may do, None for a stranger; the time does not tell where two keys differ."""
        if time.monotonic() >= self._look_at:
            self._look()
        found = None
        for salt, keys in self._by_salt:
            digest = hashlib.sha256(salt + key).digest()
            for one in keys:
                if hmac.compare_digest(digest, one.digest):
                    found = one.scopes
        return found

    def _take(self, keys: Iterable[KeyHash]) -> None:
        by_salt: dict[bytes, list[KeyHash]] = {}
        for one in (*self._given, *keys):
            by_salt.setdefault(one.salt, []).append(one)
        self._by_salt = list(by_salt.items())

    def _look(self) -> None:
        self._look_at = time.monotonic() + LOOK_SECONDS
        version = _version(self._path)
        if version is None or version == self._version:
            return
        try:
            self._take(read_keys(self._path))
        except ServingError as error:  # what cannot be read now is tried again at each look
            if str(error) != self._refused:
                logger.error("the keys stay as they were: %s", error)
            self._refused = str(error)
        else:
            self._version, self._refused = version, None


def _version(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)


def read_keys(path: Path) -> list[KeyHash]:
    """Read the keys of a file.

    Raises
    ------
    ServingError
        If the file cannot be read, is not such a file, others than its owner can read it, or the owner is neither this
        process's user nor root.
    """
    try:
        _check_owner_and_mode(path)
        document = json.loads(path.read_text())
        salt = bytes.fromhex(document["salt"])
        # A file with one key and no name is of the first version.
        found = document["keys"] if "keys" in document else [{"sha256": document["sha256"]}]
        return [
            KeyHash(
                salt,
                bytes.fromhex(one["sha256"]),
                str(one.get("name", FIRST_KEY)),
                ALL_SCOPES & frozenset(one.get("scopes", SCOPES)),
                str(one.get("created", "")),
            )
            for one in found
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServingError(f"{path}: not the hashes of API keys ({error}); delete it and start again") from error


def _check_owner_and_mode(path: Path) -> None:
    if sys.platform == "win32":
        return
    status, user = path.stat(), os.geteuid()
    if status.st_mode & 0o077:
        raise ServingError(f"{path}: mode {status.st_mode & 0o777:o}, expected 600 (chmod 600 {path})")
    # Root, in a container say, is given files of whoever runs it.
    if user != _ROOT and status.st_uid not in (user, _ROOT):
        found = f"belongs to user {status.st_uid}, expected {user} or {_ROOT}"
        raise ServingError(f"{path}: {found} (chown {user} {path})")


def add_key(path: Path, name: str, scopes: Collection[str]) -> str:
    """Add a key to the file, which is made when absent, and return it; nothing else ever tells it.

    Raises
    ------
    ServingError
        If the name is taken or refused, a scope is unknown, or the file is refused.
    """
    key = generate_key()
    with _locked(path):
        keys = read_keys(path) if path.exists() else []
        if name in {one.name for one in keys}:
            raise ServingError(f"{path}: there is a key {name!r}; revoke it first, or choose another name")
        _write(path, [*keys, KeyHash.of(key, name, scopes, keys[0].salt if keys else None)])
    return key


def revoke_key(path: Path, name: str) -> None:
    """Take a key out of the file.

    Raises
    ------
    ServingError
        If there is none of that name, or it is the only one, or the file is refused.
    """
    with _locked(path):
        keys = read_keys(path)
        left = [one for one in keys if one.name != name]
        if len(left) == len(keys):
            raise ServingError(f"{path}: no key {name!r}, expected one of {[one.name for one in keys]}")
        if not left:
            raise ServingError(f"{path}: {name!r} is the only key; add another one first")
        _write(path, left)


def _locked(path: Path) -> IO[str]:
    make_private_folder(path.parent)
    return take_lock(path.with_name(path.name + ".lock"))


def _write(path: Path, keys: Collection[KeyHash]) -> None:
    """Write the file beside its place and rename it: a running service reads the old one or the new one."""
    document = {
        "salt": next(iter(keys)).salt.hex(),
        "keys": [
            {"name": one.name, "sha256": one.digest.hex(), "scopes": sorted(one.scopes), "created": one.created}
            for one in keys
        ],
    }
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    write_private(new, json.dumps(document, indent=1) + "\n")
    new.replace(path)


def write_private(path: Path, content: str) -> None:
    """Create a file of mode 600.

    Raises
    ------
    ServingError
        If it exists or cannot be written.
    """
    try:
        make_private_folder(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
    except OSError as error:
        raise ServingError(f"{path}: cannot be written ({error.strerror})") from error


def key_for_start(hash_file: Path, client_file: Path | None, loopback: bool) -> tuple[KeyHash | None, str | None]:
    """Return the hash of a key that this service takes besides those of its file, and a key that has just been made.

    The former is that of the environment variable ``MODEL_LIFECYCLE_API_KEY``, which is taken out of the environment,
    so that no process of the service inherits it. Without it, and without a file, one is made with a first key in it.

    Parameters
    ----------
    hash_file : Path
        Where the hashes are kept.
    client_file : Path, optional
        Where a new key is left for this user's own tools, readable for this user alone. The service never reads it.
    loopback : bool
        Whether the service can be reached from this machine alone; otherwise a key must be there already.

    Raises
    ------
    ServingError
        If the key is too weak, a file is refused, there is no key and others could reach the service, or the new key
        would take the place of one that another service may have left.
    """
    given = os.environ.pop(KEY_ENVIRONMENT_VARIABLE, None)
    if given is not None:
        if len(given) < MINIMUM_LENGTH:
            raise ServingError(
                f"{KEY_ENVIRONMENT_VARIABLE} has {len(given)} characters, expected {MINIMUM_LENGTH} random ones or more"
            )
        return KeyHash.of(given, "environment"), None
    if hash_file.exists():
        read_keys(hash_file)
        return None, None
    if not loopback:
        raise ServingError(
            f"a service that others can reach needs an API key before it starts: set {KEY_ENVIRONMENT_VARIABLE}, or "
            f"make one with `python -m model_lifecycle keys add <name> --scope admin` ({hash_file})"
        )
    if client_file is not None and client_file.exists() and not _beside(client_file, hash_file):
        raise ServingError(
            f"{client_file}: is there, and not beside {hash_file}: it may be of another service; delete it if it is "
            f"not, or let `client_key` name another place"
        )
    key = add_key(hash_file, FIRST_KEY, SCOPES)
    if client_file is not None:
        client_file.unlink(missing_ok=True)  # it lies beside the hash that it belonged to, which is gone
        write_private(client_file, key + "\n")
    return None, key


def _beside(one: Path, other: Path) -> bool:
    return one.parent.resolve() == other.parent.resolve()


def client_key(path: Path) -> str:
    """Return the key that a local client uses: from the environment, or else from its file.

    Raises
    ------
    ServingError
        If there is none.
    """
    key = os.environ.get(KEY_ENVIRONMENT_VARIABLE)
    if key:
        return key
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ServingError(f"no API key: {KEY_ENVIRONMENT_VARIABLE} is not set and {path} cannot be read") from error
