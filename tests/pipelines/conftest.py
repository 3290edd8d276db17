"""One run of the nodes on invented parcels, shared by the tests of all stages."""

import pytest

from parcels import Stages, run_stages


@pytest.fixture(scope="session")
def stages() -> Stages:
    """What every node handed on; not to be changed by a test."""
    return run_stages()
