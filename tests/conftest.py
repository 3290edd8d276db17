"""What several tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from http_server import http_server
from postgresql_server import postgresql, postgresql_url
from small_project import FILES, Project

__all__ = ["http_server", "postgresql", "postgresql_url"]  # fixtures

# A busy machine makes an example slow, not wrong. Under CI the examples are the same each time; elsewhere new ones.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")

# A shell script's background job ignores Ctrl-C and hands that on; the processes that tests interrupt must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A small Kedro project with three pipelines: one counts rows, one is refused, one has a bug."""
    small = Project(tmp_path)
    small.write(FILES)
    yield small
    small.stop()
