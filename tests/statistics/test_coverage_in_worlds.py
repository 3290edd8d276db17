"""A few of the worlds in which `make bench-coverage` tries the intervals; chance alone breaks no bound."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "coverage" / "run.py"


@pytest.fixture(scope="module")
def worlds() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("bench_coverage", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_coverage"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bench_coverage"]


def test_the_figures_of_dependent_days_are_covered_where_days_alone_are_not(worlds: ModuleType) -> None:
    rows = worlds.measure(("AR(1) 0.56", 30, 100))
    assert [row["figure"] for row in rows] == ["series", "log loss", "difference", "AUC"]
    for row in rows:
        assert row["coverage"]["days"] < 0.85
        assert row["coverage"]["chosen"] > 0.85
        assert row["lower"] < row["coverage"]["chosen"] < row["upper"]


def test_a_month_of_strong_dependence_is_mostly_insufficient_evidence(worlds: ModuleType) -> None:
    series = worlds.measure(("AR(1) 0.8", 30, 100))[0]
    assert series["insufficient"] > 0.7


def test_shapes_that_no_method_assumes_are_series_only(worlds: ModuleType) -> None:
    for shape in set(worlds.SHAPES) - set(worlds.ASSUMED):
        assert len(worlds.daily(shape, 30, 2, 0)) == 1


@pytest.mark.parametrize("shape", ["AR(1) 0.56", "MA(2)", "AR(2) 0.3, 0.3", "0.7 under noise", "skewed"])
def test_a_series_has_a_mean_of_0_and_a_variance_of_1(worlds: ModuleType, shape: str) -> None:
    drawn = worlds.SHAPES[shape](4_000, 30, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(0.0, abs=0.05)
    assert drawn.var() == pytest.approx(1.0, abs=0.1)
