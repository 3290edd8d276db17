"""What the integration tests share: one finished run, made when the first of them asks for it."""

import pytest

from finished_project import FinishedRun, finish_a_run


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A completed ``kedro run`` with a champion. Read only: work on a copy of its data folder."""
    return finish_a_run(tmp_path_factory.mktemp("finished"))
