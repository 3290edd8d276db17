"""Errors of the registry's client become this package's, without the passwords that they quote."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from model_lifecycle.errors import RegistryError

_PASSWORD = re.compile(r"://[^/@\s]*@")


@contextmanager
def translated(where: str, what: str) -> Iterator[None]:
    """Raise every error of the client as a `RegistryError` that says where it was and what it was about to do."""
    try:
        yield
    except RegistryError:
        raise
    except Exception as error:
        told = " ".join(str(error).split())
        text = without_password(told)
        # The client's own errors quote the URL: one that tells the password is not passed on as the cause.
        cause = error if text == told else None
        raise RegistryError(f"{where}: cannot {what}: {text:.500}") from cause


def without_password(text: str) -> str:
    """Return the text with user and password left out of every URL in it."""
    return _PASSWORD.sub("://***@", text)
