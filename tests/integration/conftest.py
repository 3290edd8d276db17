"""What the integration tests share: one finished run, made when the first of them asks for it."""

import pytest
from filelock import FileLock

from finished_project import FinishedRun, finish_a_run


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> FinishedRun:
    """A completed ``kedro run`` with a champion. Read only: work on a copy of its data folder."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent  # the folder of all of pytest's processes
    with FileLock(shared / "finished.lock"):
        return finish_a_run(shared / "finished")
