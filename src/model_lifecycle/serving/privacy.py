"""Private inputs in the prediction log: a keyed hash in the place of the value, and no feature that repeats it."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from model_lifecycle.errors import ServingError
from model_lifecycle.serving.keys import write_private

PRIVACY_KEY = "privacy_key"  # its file stands beside that of the API keys
_PREFIX = "private:"
_HEX_DIGITS = 32


class Pseudonyms:
    """Replaces values by HMAC-SHA256 under a key of this installation: the same value is the same pseudonym.

    Without the key, nobody can try values until one fits, as they could with a plain hash of a name.

    Parameters
    ----------
    path : Path
        File of mode 600 with the key; made when it is first needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key = b""

    def prepare(self) -> None:
        """Read the key, or make one.

        Raises
        ------
        ServingError
            If the file cannot be read or written, or holds no key.
        """
        if not self._path.exists():
            try:
                write_private(self._path, secrets.token_hex(32) + "\n")
            except ServingError:
                if not self._path.exists():  # another replica was first otherwise
                    raise
        try:
            key = bytes.fromhex(self._path.read_text().strip())
        except (OSError, ValueError) as error:
            raise ServingError(f"{self._path}: not the key of private fields ({error})") from error
        if len(key) < 32:
            raise ServingError(f"{self._path}: a key of {len(key)} bytes, expected 32 or more")
        self._key = key

    def hidden(self, private: frozenset[str], inputs: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        """Return inputs as they may be logged, `private` ones as keyed hashes."""
        if not self._key:
            self.prepare()
        return [{name: self._told(name, value, private) for name, value in one.items()} for one in inputs]

    def _told(self, name: str, value: object, private: frozenset[str]) -> object:
        if name not in private or value is None:
            return value
        # The name is hashed as well, so that equal values of two fields cannot be matched.
        digest = hmac.new(self._key, f"{name}\0{value}".encode(), hashlib.sha256).hexdigest()
        return _PREFIX + digest[:_HEX_DIGITS]
