"""What a memory of computed things depends on besides its inputs: this package and all that is installed."""

import hashlib
import sys
import sysconfig
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


@cache
def installed_version() -> str:
    """Return the SHA-256 over this package's source, Python's version and all installed packages'."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(_PACKAGE)} ".encode() + path.read_bytes())
    # Not all of sys.path: Ray, once imported, has packages of its own there.
    places = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    digest.update(repr(sorted({f"{found.name} {found.version}" for found in distributions(path=places)})).encode())
    return digest.hexdigest()
