"""Floors of windows that depend on one another for a long time: shorter than a day, and the days persist."""

import numpy as np
import pytest
from scipy.signal import lfilter

from model_lifecycle.monitoring.floors import Floors, calibrated_floors, independent_windows

WINDOWS, FURTHER, EFFECTS, LEVEL = 200, 25, 20, 0.04
MEMORY = 0.85  # of neighbouring windows; 200 of them are worth some 32
WORLDS = 400
FEW, ODD = 26, 12  # windows of a reference of half a year, and effects that hardly ever move


def _calibrated(effects: np.ndarray) -> Floors | None:
    return calibrated_floors(effects, np.zeros(effects.shape[1]), LEVEL)


def _effects(rng: np.random.Generator) -> np.ndarray:
    """Return the effects of windows of a stationary reference, and of further windows right after it."""
    shocks = rng.standard_normal((WINDOWS + FURTHER + 100, EFFECTS)) * np.sqrt(1.0 - MEMORY**2)
    levels = lfilter([1.0], [1.0, -MEMORY], shocks, axis=0)[100:]
    return np.asarray(0.05 * np.abs(levels - levels[:WINDOWS].mean(axis=0)))


def test_further_windows_stay_below_the_floors_as_often_as_promised_although_neighbours_are_alike() -> None:
    rng = np.random.default_rng(3)
    raised = []
    for _ in range(WORLDS):
        effects = _effects(rng)
        found = _calibrated(effects[:WINDOWS])
        assert found is not None
        raised.append((effects[WINDOWS:] > found.floors).any(axis=1).mean())
    assert np.mean(raised) < LEVEL + 2.0 * np.std(raised) / np.sqrt(WORLDS)


def test_windows_that_persist_are_worth_fewer_independent_ones() -> None:
    worth = independent_windows(np.square(_effects(np.random.default_rng(4))[:WINDOWS]))
    assert 15 < np.median(worth) < 60


def test_of_a_few_windows_that_drift_apart_enough_are_left_to_judge_each() -> None:
    """One column wanders for the whole reference; the others calibrate all the same, and nothing is divided by zero."""
    rng = np.random.default_rng(5)
    for windows in range(8, 30):
        effects = 0.05 * np.abs(rng.standard_normal((windows, EFFECTS)))
        effects[:, 0] = np.linspace(0.0, 0.3, windows)
        found = _calibrated(effects)
        assert found is None or np.isfinite(found.floors).all()


def _with_odd_windows(rng: np.random.Generator) -> np.ndarray:
    """Return effects of independent windows, and of some more that move in one window of seven, and then far."""
    effects = 0.05 * np.abs(rng.standard_normal((FEW + FURTHER, EFFECTS + ODD)))
    burst = rng.random((FEW + FURTHER, ODD)) < 0.15
    effects[:, EFFECTS:] = np.where(burst, 0.1 * rng.uniform(1.0, 2.0, burst.shape), 0.002 * effects[:, EFFECTS:])
    return np.asarray(effects)


def test_odd_windows_of_some_effects_leave_the_floors_of_the_others_where_they_can_be_reached() -> None:
    rng = np.random.default_rng(6)
    alone, beside, raised = [], [], []
    for _ in range(WORLDS // 4):
        effects = _with_odd_windows(rng)
        without = _calibrated(effects[:FEW, :EFFECTS])
        found = _calibrated(effects[:FEW])
        assert without is not None
        assert found is not None
        alone.append(np.median(without.floors))
        beside.append(np.median(found.floors[:EFFECTS]))
        raised.append((effects[FEW:] > found.floors).any(axis=1).mean())
    assert np.median(beside) < 1.2 * np.median(alone)
    assert np.mean(raised) < LEVEL + 3.0 * np.std(raised) / np.sqrt(len(raised))


@pytest.mark.parametrize("windows", [FEW, WINDOWS])
def test_columns_with_an_outage_now_and_then_raise_no_more_alarms_than_promised(windows: int) -> None:
    """Many have none in the reference, and one in a further window."""
    rng = np.random.default_rng(7)
    raised = []
    for _ in range(100):
        effects = 0.05 * np.abs(rng.standard_normal((windows + FURTHER, EFFECTS + 50)))
        outage = rng.random((windows + FURTHER, 50)) < 0.04
        effects[:, EFFECTS:] = np.where(outage, rng.uniform(0.02, 0.15, outage.shape), 0.0)
        found = _calibrated(effects[:windows])
        assert found is not None
        assert np.median(found.floors[EFFECTS:]) < 0.4
        raised.append((effects[windows:] > found.floors).any(axis=1).mean())
    assert np.mean(raised) < LEVEL + 3.0 * np.std(raised) / np.sqrt(len(raised))
