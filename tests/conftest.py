"""What several tests share."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it publishes no types

from fault_table import fault_table, pytest_terminal_summary
from http_server import http_server
from model_lifecycle import registry
from postgresql_server import postgresql, postgresql_url
from small_disk import small_disk
from small_project import FILES, Project

__all__ = [
    "fault_table",
    "http_server",
    "postgresql",
    "postgresql_url",
    "pytest_terminal_summary",
    "small_disk",
]  # fixtures, and a hook

# A busy machine makes an example slow, not wrong. Under CI the examples are the same each time; elsewhere new ones.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")

# A shell script's background job ignores Ctrl-C, and what nohup starts a hangup; both hand that on. The processes that
# tests interrupt must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Their tests share nothing but the finished run, which is made once for all processes (tests/integration/conftest.py).
_APART = ("integration/test_bad_input.py",)
_ON_ONE_SERVICE = ("integration/test_serving.py", "integration/test_serving_security.py")


class _Apart(LoadScopeScheduling):  # type: ignore[misc]  # for the same reason
    """Keeps the tests of a file together, and those of one service, but not those that share nothing."""

    def _split_scope(self, nodeid: str) -> str:
        scope = str(super()._split_scope(nodeid))
        if scope.endswith(_ON_ONE_SERVICE):
            return "on one service"
        return nodeid if scope.endswith(_APART) else scope


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Apart:
    """Tell pytest-xdist how tests are spread over processes."""
    return _Apart(config, log)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Take one process more than cores: the tests of services wait a good part of their time."""
    return min(os.cpu_count() or 1, 4) + 1


# Long ones that need no finished run: what the other processes do while one makes it.
_MEANWHILE = {"backtest", "cases", "monitoring", "statistics"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: one makes the finished run, and those that need it come when it is about there."""
    resting = [item for item in items if "finished_run" in getattr(item, "fixturenames", ())]
    first, later = resting[:1], set(resting[1:])
    # A file that is kept together would wait for the run as soon as its first test, which may need none, is taken.
    waiting = {item.path for item in later if not str(item.path).endswith(_APART)}

    def turn(item: pytest.Item) -> int:
        if item in first:
            return 0
        if item in later or item.path in waiting:
            return 3
        return 1 if "integration" in item.path.parts else 2 if _MEANWHILE.intersection(item.path.parts) else 4

    items.sort(key=turn)


@pytest.fixture(scope="session", autouse=True)
def _registry_made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MLflow takes seconds to make a registry's tables: a process makes them once, its other registries are copies."""
    made, create = tmp_path_factory.mktemp("empty") / "registry.db", registry._create_file

    def copy(file: Path) -> None:
        if not made.exists():
            create(made)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(made, file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_create_file", copy)
        yield


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A small Kedro project with three pipelines: one counts rows, one is refused, one has a bug."""
    small = Project(tmp_path)
    small.write(FILES)
    yield small
    small.stop()
