"""The version that a release is stamped with."""

from pathlib import Path

import pytest

from model_lifecycle import __version__
from model_lifecycle.code_version import code_version, source_digest


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "one.py").write_text("x = 1\n")
    (tmp_path / "inner" / "two.py").write_text("y = 2\n")
    return tmp_path


def test_it_is_the_package_version_and_a_digest_of_the_source() -> None:
    version, _, digest = code_version().partition("+src.")
    assert version == __version__
    assert len(digest) == 12
    assert int(digest, 16) >= 0


@pytest.mark.parametrize(
    ("file", "text"),
    [("one.py", "x = 2\n"), ("inner/two.py", "y = 3\n"), ("inner/new.py", "")],
    ids=["top", "deep", "new"],
)
def test_any_change_of_a_source_file_is_another_version(package: Path, file: str, text: str) -> None:
    before = source_digest(package)
    (package / file).write_text(text)
    assert source_digest(package) != before


def test_a_renamed_file_is_another_version(package: Path) -> None:
    before = source_digest(package)
    (package / "one.py").rename(package / "three.py")
    assert source_digest(package) != before


def test_what_is_no_source_does_not_count(package: Path) -> None:
    before = source_digest(package)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "one.pyc").write_bytes(b"\0")
    assert source_digest(package) == before
