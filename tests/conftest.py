"""What several tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from small_project import FILES, Project

# A busy machine makes an example slow, not wrong. Under CI the examples are the same each time; elsewhere new ones.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A small Kedro project with three pipelines: one counts rows, one is refused, one has a bug."""
    small = Project(tmp_path)
    small.write(FILES)
    yield small
    small.stop()
