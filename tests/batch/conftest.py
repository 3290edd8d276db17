"""A world whose workers run in the test's own process."""

from pathlib import Path

import pytest

from batch_world import BatchWorld, spread_here


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BatchWorld:
    """Folders, a release, a store; workers without Ray."""
    monkeypatch.setattr("model_lifecycle.batch.run.spread", spread_here)
    return BatchWorld(tmp_path)
