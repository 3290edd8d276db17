"""Build, verify and read a release: an immutable, checksummed folder. Bytes and digests; no models."""

from model_lifecycle.releases.build import build_release
from model_lifecycle.releases.manifest import FileEntry, Manifest
from model_lifecycle.releases.verify import read_release, verify_release

__all__ = ["FileEntry", "Manifest", "build_release", "read_release", "verify_release"]
