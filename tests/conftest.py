"""What several tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from small_project import FILES, Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A small Kedro project with three pipelines: one counts rows, one is refused, one has a bug."""
    small = Project(tmp_path)
    small.write(FILES)
    yield small
    small.stop()
