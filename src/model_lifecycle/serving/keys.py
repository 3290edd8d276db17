"""The API key: made on first start, shown once, kept as a salted hash.

The key is 256 random bits, so one round of SHA-256 is as hard to turn round as the key is to guess; a slow password
hash would only cost every request its milliseconds.
"""

import hashlib
import hmac
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from model_lifecycle.errors import ServingError

KEY_ENVIRONMENT_VARIABLE = "MODEL_LIFECYCLE_API_KEY"
MINIMUM_LENGTH = 24
_PREFIX = "mlk_"


@dataclass(frozen=True, slots=True)
class KeyHash:
    """A salted SHA-256 of a key."""

    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, key: str) -> "KeyHash":
        """Return the hash of a key under a new salt."""
        salt = secrets.token_bytes(16)
        return cls(salt, hashlib.sha256(salt + key.encode()).digest())

    def matches(self, key: bytes) -> bool:
        """Tell whether this is the key, in a time that does not depend on where they differ."""
        return hmac.compare_digest(hashlib.sha256(self.salt + key).digest(), self.digest)


def generate_key() -> str:
    """Return a new key of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def write_key_hash(path: Path, key: str) -> KeyHash:
    """Write the salted hash of a key to a file that only its owner can read, never over another."""
    hashed = KeyHash.of(key)
    write_private(path, json.dumps({"salt": hashed.salt.hex(), "sha256": hashed.digest.hex()}) + "\n")
    return hashed


def read_key_hash(path: Path) -> KeyHash:
    """Read the hash.

    Raises
    ------
    ServingError
        If the file cannot be read, is not such a file, or others than its owner can read it.
    """
    try:
        if sys.platform != "win32" and path.stat().st_mode & 0o077:
            raise ServingError(f"{path}: mode {path.stat().st_mode & 0o777:o}, expected 600 (chmod 600 {path})")
        document = json.loads(path.read_text())
        return KeyHash(bytes.fromhex(document["salt"]), bytes.fromhex(document["sha256"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServingError(f"{path}: not the hash of an API key ({error}); delete it and start again") from error


def write_private(path: Path, content: str) -> None:
    """Create a file of mode 600.

    Raises
    ------
    ServingError
        If it exists or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
    except OSError as error:
        raise ServingError(f"{path}: cannot be written ({error.strerror})") from error


def key_for_start(hash_file: Path, client_file: Path | None, loopback: bool) -> tuple[KeyHash, str | None]:
    """Return the hash of the key that this service asks for, and the key itself when it has just been made.

    The key is the one in the environment variable ``MODEL_LIFECYCLE_API_KEY``, or else the one whose hash is kept, or
    else a new one. The variable is taken out of the environment, so that no process of the service inherits it.

    Parameters
    ----------
    hash_file : Path
        Where the hash is kept.
    client_file : Path, optional
        Where a new key is left for this user's own tools, readable for this user alone. The service never reads it.
    loopback : bool
        Whether the service can be reached from this machine alone; otherwise a key must be there already.

    Raises
    ------
    ServingError
        If the key is too weak, a file is refused, or there is no key and others could reach the service.
    """
    given = os.environ.pop(KEY_ENVIRONMENT_VARIABLE, None)
    if given is not None:
        if len(given) < MINIMUM_LENGTH:
            raise ServingError(
                f"{KEY_ENVIRONMENT_VARIABLE} has {len(given)} characters, expected {MINIMUM_LENGTH} random ones or more"
            )
        return KeyHash.of(given), None
    if hash_file.exists():
        return read_key_hash(hash_file), None
    if not loopback:
        raise ServingError(
            f"a service that others can reach needs an API key before it starts: set {KEY_ENVIRONMENT_VARIABLE}, or "
            f"start once on 127.0.0.1 to have one made in {hash_file}"
        )
    key = generate_key()
    if client_file is not None:
        client_file.unlink(missing_ok=True)  # it belongs to a hash that is gone
        write_private(client_file, key + "\n")
    return write_key_hash(hash_file, key), key


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
