"""A few of the worlds in which `make bench-gates` measures the gates, with bounds that chance alone does not break."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[3] / "benchmarks" / "gates" / "run.py"
WORLDS = 60


@pytest.fixture(scope="module")
def worlds() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("bench_gates", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_gates"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bench_gates"]


def _promoted(worlds: ModuleType, name: str) -> float:
    found: list[bool] = [worlds.verdict(seed, worlds.QUESTIONS[name])[0]["champion"] for seed in range(WORLDS)]
    return sum(found) / WORLDS


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("promoted_equal", 0.0, 0.15),
        ("promoted_at_margin", 0.0, 0.15),
        ("promoted_worse", 0.0, 0.05),
        ("power", 0.65, 1.0),
    ],
)
def test_the_champion_gate_errs_as_rarely_as_it_says(worlds: ModuleType, name: str, least: float, most: float) -> None:
    assert least <= _promoted(worlds, name) <= most


def test_a_good_release_passes_every_gate_more_often_than_not(worlds: ModuleType) -> None:
    passed = [all(worlds.verdict(seed, worlds.QUESTIONS["good"])[0].values()) for seed in range(12)]
    assert sum(passed) >= 8


@pytest.mark.parametrize("gain", [-0.02, -0.003, 0.0, 0.02])
def test_the_expected_gain_is_the_one_asked_for(worlds: ModuleType, gain: float) -> None:
    found = worlds.expected_loss(worlds.MODEL_ROW_ERROR) - worlds.expected_loss(worlds.row_error_for(gain))
    assert found == pytest.approx(gain, abs=1e-8)
