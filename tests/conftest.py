"""What several tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it publishes no types

from http_server import http_server
from postgresql_server import postgresql, postgresql_url
from small_disk import small_disk
from small_project import FILES, Project

__all__ = ["http_server", "postgresql", "postgresql_url", "small_disk"]  # fixtures

# A busy machine makes an example slow, not wrong. Under CI the examples are the same each time; elsewhere new ones.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")

# A shell script's background job ignores Ctrl-C and hands that on; the processes that tests interrupt must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# What rests on one finished run of the whole job goes to one process, and first, since it takes longest.
_ON_ONE_RUN = ("test_bad_input.py", "test_batch_scoring.py", "test_notebooks.py")


class _Together(LoadScopeScheduling):  # type: ignore[misc]  # for the same reason
    """Keeps the tests of a file together, and all files that share the finished run."""

    def _split_scope(self, nodeid: str) -> str:
        scope = str(super()._split_scope(nodeid))
        return (
            "on one finished run" if scope.startswith("tests/integration/") and scope.endswith(_ON_ONE_RUN) else scope
        )


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Together:
    """Tell pytest-xdist how tests are spread over processes."""
    return _Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the integration tests."""
    items.sort(key=lambda item: "integration" not in item.path.parts)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A small Kedro project with three pipelines: one counts rows, one is refused, one has a bug."""
    small = Project(tmp_path)
    small.write(FILES)
    yield small
    small.stop()
