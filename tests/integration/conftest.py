"""What the integration tests share: one finished run, made when the first of them asks for it."""

import fcntl

import pytest

from finished_project import FinishedRun, finish_a_run
from served_world import client, service, world

__all__ = ["client", "service", "world"]  # fixtures


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> FinishedRun:
    """A completed ``kedro run`` with a champion, one for all of pytest-xdist's processes.

    Read only: work on a copy of its data folder.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "finished"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            finish_a_run(folder)
            done.touch()
    return FinishedRun.of(folder)
