"""The worlds of `make bench-backtest`."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "backtest" / "run.py"


@pytest.fixture(scope="session")
def worlds() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("bench_backtest", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_backtest"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bench_backtest"]
