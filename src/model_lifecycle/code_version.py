"""Which code made a release."""

import hashlib
from functools import cache
from pathlib import Path

from model_lifecycle import __version__

_PACKAGE = Path(__file__).parent
_DIGITS = 12


@cache
def code_version() -> str:
    """Return the version of this package and a digest of its source, such as ``0.1.0+src.0d5b2f1c9a3e``.

    Any change of a source file is another version, committed or not: a release tells the code that made it, not the
    code that was meant. The part after the ``+`` is a local version as PEP 440 writes one.
    """
    return f"{__version__}+src.{source_digest(_PACKAGE)[:_DIGITS]}"


def source_digest(folder: Path) -> str:
    """Return the SHA-256 over the path and the content of each Python file below a folder, in order of the paths."""
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*.py"), key=lambda path: path.relative_to(folder).as_posix()):
        content.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        content.update(hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()
