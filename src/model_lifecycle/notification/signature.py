"""Signatures as Standard Webhooks define them (https://www.standardwebhooks.com), the symmetric kind ``v1``."""

import base64
import binascii
import hashlib
import hmac

from model_lifecycle.errors import ConfigurationError

_PREFIX = "whsec_"
_SHORTEST = 24  # bytes, as the specification asks


def signing_key(secret: str, where: str) -> bytes:
    """Return the key of a secret ``whsec_<base64>``.

    Raises
    ------
    ConfigurationError
        If it is not of that form, or shorter than 24 bytes. The secret itself is never told.
    """
    try:
        key = base64.b64decode(secret.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.strip().startswith(_PREFIX) or len(key) < _SHORTEST:
        raise ConfigurationError(f"{where}: expected {_PREFIX} and at least {_SHORTEST} bytes in base64")
    return key


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of the header ``webhook-signature``: HMAC-SHA256 over ``id.timestamp.body``.

    Examples
    --------
    >>> key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "example")
    >>> signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"
