"""How honest monitoring is: false alarms, power, delay of the performance trigger, speed and memory.

Every figure comes from the product's own functions on seeded worlds whose days depend on one another, as do the rows of
a day (`worlds.py`). A cell of the first table draws several references, calibrates a profile from each as a release
does, and judges stationary windows that follow; nominally 5% of them raise an alarm of any feature. `--quick` takes a
tenth of the windows, `--cells 50x20 50000x200` measures the false alarms of these cells alone, `--power` everything but
false alarms and speed. Last line: one JSON object.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import binomtest
from worlds import START, World

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.concept import judge_concept, watch_errors
from model_lifecycle.monitoring.drift import feature_drift
from model_lifecycle.monitoring.holdout import HoldoutErrors, holdout_errors
from model_lifecycle.monitoring.logged import LoggedColumns
from model_lifecycle.monitoring.performance import holdout_figures, judge_performance
from model_lifecycle.monitoring.policy import breaches
from model_lifecycle.monitoring.profile import ReferenceProfile
from model_lifecycle.monitoring.quality import check_quality
from model_lifecycle.monitoring.reference import build_reference_profile
from model_lifecycle.monitoring.verdict import ErrorStream, Figure
from model_lifecycle.tasks import task_of

LIMIT = 0.07
LEVEL = 0.05  # nominal
WEEKS_A_YEAR = 52
WINDOWS = 26  # whole windows in a reference: half a year of weeks
LIVE = 25  # windows judged by one reference, two windows apart
SHIFTS = (0.1, 0.3, 1.0)
POWER_SIZES = (500, 5_000)
POWER_WORLDS = 200
SPEED_ROWS, SPEED_FEATURES = 1_000_000, 20

ROWS_A_DAY, DAY_US = 150, 86_400_000_000
POLICY = PolicySpec.model_validate({"cooldown": "14d", "maximum_age": "180d", "consecutive_windows": 2})
TASK = task_of(
    BusinessQuestion.model_validate(
        {
            "question": "Which orders shall we act on?",
            "owner": "benchmark",
            "task": "binary",
            "decision": "act",
            "decision_id": "decision_id",
            "decision_time": "decision_time",
            "label_time": "label_time",
            "target": "target",
            "outcome": "outcome",
            "outcome_reason": "reason",
            "value": {
                "unit": "minutes",
                "source": "invented for the benchmark",
                "act": {"positive": 30, "negative": -10, "unavailable": 5},
                "leave": {"positive": 0, "negative": 0, "unavailable": 0},
            },
            "success": {"minimum_value_per_1000": 1},
        }
    )
)

Change = Callable[[dict[str, np.ndarray], np.random.Generator], None]


@dataclass(frozen=True)
class Cell:
    """Windows of a size: how many rows a day, features, whole windows in a reference, and references."""

    size: int
    features: int
    rows_a_day: int
    windows: int
    references: int

    def is_named(self, name: str) -> bool:
        """Tell whether the cell is meant by rows x features, or rows x features x rows a day."""
        return f"{self.size}x{self.features}x{self.rows_a_day}x".startswith(f"{name}x")


def cells(scale: float) -> list[Cell]:
    """Return what is tried: windows of a week, and windows of a tenth of a day."""

    def weekly(size: int, features: int, references: int) -> Cell:
        return Cell(size, features, round(size / 7), WINDOWS, max(2, round(references * scale)))

    found = [weekly(size, features, 40) for size in (50, 500) for features in (5, 20, 200)]
    found += [weekly(5_000, features, 40) for features in (5, 20)]
    found += [weekly(5_000, 200, 20), weekly(50_000, 5, 20), weekly(50_000, 20, 20), weekly(50_000, 200, 12)]
    return [*found, *(Cell(size, 20, 10 * size, 600, max(2, round(20 * scale))) for size in (50, 500))]


def _spec(cell: Cell) -> MonitoringSpec:
    return MonitoringSpec(window=timedelta(seconds=round(86_400 * cell.size / cell.rows_a_day)))


def _reference(cell: Cell, seed: int) -> tuple[World, ReferenceProfile]:
    world = World(seed, cell.features, cell.rows_a_day, 0, cell.size * cell.windows)
    profile = build_reference_profile(world, world.times(), world.spec(), _spec(cell))
    return world, ReferenceProfile.model_validate(profile)


def alarms(task: tuple[Cell, int]) -> tuple[int, int]:
    """Return how many stationary windows after one reference raised an alarm, and how many there were."""
    cell, seed = task
    world, profile = _reference(cell, seed)
    raised = 0
    for number in range(LIVE):
        first = cell.size * (cell.windows + 2 + 3 * number)
        drift = feature_drift(replace(world, first=first, rows=cell.size), None, profile, _spec(cell))
        raised += bool(drift.drifted()) or (drift.joint is not None and drift.joint.drifted)
    return raised, LIVE


def _shift(sigmas: float) -> Change:
    def change(columns: dict[str, np.ndarray], _: np.random.Generator) -> None:
        columns["f0"] = columns["f0"] + sigmas

    return change


def _rare(columns: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Give 5% of the rows to a category that one row in 70 had."""
    names = columns["f4"].copy()
    names[rng.random(names.size) < 0.05] = "level 7"
    columns["f4"] = names


def _missing(columns: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Lose a tenth of a column's values."""
    columns["f0"] = np.where(rng.random(columns["f0"].size) < 0.1, np.nan, columns["f0"])


def _paired(columns: dict[str, np.ndarray], _: np.random.Generator) -> None:
    """Let two unrelated columns move together: each keeps its own values, in the order of the other's half the time."""
    first, second = columns["f0"], columns["f5"]
    half = np.arange(first.size) % 2 == 0
    ranks = np.argsort(np.argsort(first[half]))
    columns["f5"] = second.copy()
    columns["f5"][half] = np.sort(second[half])[ranks]


CHANGES: Mapping[str, Change] = {
    **{f"shift {sigmas:g}": _shift(sigmas) for sigmas in SHIFTS},
    "rare category": _rare,
    "missing share": _missing,
    "correlation only": _paired,
}


def power(task: tuple[int, int]) -> dict[str, bool]:
    """Return which changes of one feature of twenty an alarm of that feature finds in one world."""
    size, seed = task
    cell = Cell(size, 20, round(size / 7), WINDOWS, 1)
    world, profile = _reference(cell, 10_000 + seed)
    live = replace(world, first=cell.size * (cell.windows + 2), rows=cell.size)
    rng = np.random.default_rng(seed)
    found = {}
    for name, change in CHANGES.items():
        columns = dict(live.items())
        change(columns, rng)
        changed = "f4" if change is _rare else "f0"
        drift = feature_drift(columns, None, profile, _spec(cell))
        if change is _paired:
            found[name] = drift.joint is not None and drift.joint.drifted
        else:
            found[name] = changed in {one.feature for one in drift.drifted()}
    return found


def trigger(seed: int) -> tuple[int, int | None]:
    """Play a year of a model that stays as good as on its hold-out, and half a year of one that lost its skill.

    Returns in how many weeks of the first two windows in a row breach a limit of the policy, and after how many weeks
    those of the second do, None when never.
    """
    rng = np.random.default_rng([seed, 5])
    held = _traffic(1.0, 8, rng)
    target, score, times = (held[name].to_numpy() for name in ("value", "score", "time"))
    facts = ChampionFacts(
        release="r1",
        trained_until=datetime(2024, 1, 1, tzinfo=UTC),
        constant=(float(target.mean()),),
        holdout={name: Figure.model_validate(one) for name, one in holdout_figures(TASK, target, score, times).items()},
        reference_profile=_reference(Cell(50, 1, 50, 10, 1), 0)[1],
    )

    def breached(skill: float, weeks: int) -> list[bool]:
        rows = _traffic(skill, weeks, rng)
        windows = [rows[rows["week"] == week] for week in range(weeks)]
        return [bool(breaches(judge_performance(one, facts, TASK, timedelta(days=7)), POLICY)) for one in windows]

    quiet = [all(two) for two in pairwise(breached(1.0, 52))]
    lost = [all(two) for two in pairwise(breached(0.2, 26))]
    return sum(quiet), lost.index(True) + 2 if any(lost) else None


def concept(seed: int) -> dict[str, float]:
    """Return how often concept drift is told where there is none and where there is some, in one world.

    The hold-out has four weeks. Windows are weeks, the streams of errors five of them.
    """
    rng = np.random.default_rng([seed, 11])
    held = _traffic(1.0, 4, rng)
    target, score, times = (held[name].to_numpy() for name in ("value", "score", "time"))
    facts = ChampionFacts(
        release="r1",
        trained_until=datetime(2024, 1, 1, tzinfo=UTC),
        constant=(float(target.mean()),),
        holdout={},
        reference_profile=_reference(Cell(50, 1, 50, 10, 1), 0)[1],
        errors=HoldoutErrors.model_validate(holdout_errors(TASK, target, score, times)),
    )

    def weeks(rows: pd.DataFrame) -> list[pd.DataFrame]:
        return [part for _, part in rows.groupby("week")]

    def drifted(windows: list[pd.DataFrame]) -> float:
        return float(np.mean([judge_concept(one, facts, TASK, LEVEL)[0].drifted for one in windows]))

    def streamed(windows: list[pd.DataFrame]) -> ErrorStream:
        return watch_errors(windows, facts, TASK, MonitoringSpec(window=timedelta(days=7)).adwin_delta, LEVEL)

    quiet, lost = weeks(_traffic(1.0, 25, rng)), weeks(_traffic(0.2, 2, rng))
    moments = ("time", "decision_time", "label_time")
    late = [one.assign(**{name: one[name] + pd.Timedelta(days=21) for name in moments}) for one in lost]
    streams, changed = [streamed(quiet[first : first + 5]) for first in range(0, 25, 5)], streamed([*quiet[:3], *late])
    return {
        "stationary": drifted(quiet),
        "inputs moved by 0.5": drifted(weeks(_traffic(1.0, 5, rng, moved=0.5))),
        "skill lost": drifted(lost),
        "stream, stationary": float(np.mean([one.confirmed for one in streams])),
        "stream, ADWIN alone": float(np.mean([bool(one.seen) for one in streams])),
        "stream, skill lost": float(changed.confirmed),
    }


def _traffic(skill: float, weeks: int, rng: np.random.Generator, moved: float = 0.0) -> pd.DataFrame:
    """Return labelled predictions whose level follows the days; the model expects a skill of 1."""
    day = np.repeat(np.arange(7 * weeks), ROWS_A_DAY)
    signal = rng.standard_normal(day.size) + moved
    chance = expit(-1.2 + 0.2 * World.days(rng, 0.56, 7 * weeks)[0][day] + skill * signal)
    times = START + (day * DAY_US).astype("timedelta64[us]")
    aware = pd.Series(times).dt.tz_localize("UTC")
    return pd.DataFrame(
        {
            "time": times,
            "week": day // 7,
            "decision_time": aware,
            "label_time": aware,
            "release": "r1",
            "score": expit(-1.2 + signal),
            "threshold": 0.25,
            "outcome": "observed",
            "value": (rng.random(day.size) < chance).astype(np.float64),
        }
    )


def speed() -> dict[str, float]:
    """Judge a window of a million rows of twenty features, data quality and drift: seconds and the process's peak."""
    cell = Cell(100_000, SPEED_FEATURES, 14_000, 10, 1)
    world, profile = _reference(cell, 1)
    live = dict(replace(world, first=cell.size * 12, rows=SPEED_ROWS).items())
    spec = _spec(cell)
    began = time.perf_counter()
    check_quality(LoggedColumns(live, {}), SPEED_ROWS, {}, profile, spec)
    feature_drift(live, None, profile, spec)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0}


def _measured_speed() -> dict[str, float]:
    """Measure in a process of its own, so that the peak is that of this alone."""
    done = subprocess.run([sys.executable, __file__, "--speed"], capture_output=True, text=True, check=True)  # noqa: S603 - this very file
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _false_alarms(pool: ProcessPoolExecutor, scale: float, names: Sequence[str]) -> list[dict[str, Any]]:
    """Measure the cells of these names, or all."""
    sys.stdout.write("   rows features rows a day  alarms  95% bounds     windows\n")
    rows = []
    for number, cell in enumerate(cells(scale)):
        if names and not any(cell.is_named(name) for name in names):
            continue
        began = time.perf_counter()
        seeds = [(cell, 1_000 * number + seed) for seed in range(cell.references)]
        found = list(pool.map(alarms, seeds))
        raised, windows = (sum(part) for part in zip(*found, strict=True))
        bounds = binomtest(raised, windows).proportion_ci(0.95, "exact")
        row = {**cell.__dict__, "raised": raised, "judged": windows, "share": raised / windows, "upper": bounds.high}
        rows.append(row)
        sys.stdout.write(
            f"{cell.size:>7,} {cell.features:>8} {cell.rows_a_day:>10,} {raised / windows:>7.1%} "
            f"[{bounds.low:5.1%}, {bounds.high:5.1%}] {windows:>7,} {time.perf_counter() - began:>6.0f} s\n"
        )
        sys.stdout.flush()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the windows")
    parser.add_argument("--cells", nargs="+", default=(), metavar="ROWSxFEATURES", help="false alarms of these alone")
    parser.add_argument(
        "--power", action="store_true", help="power, and the triggers of performance and concept, alone"
    )
    parser.add_argument("--speed", action="store_true", help="seconds and memory of a window of a million rows alone")
    asked = parser.parse_args()
    if asked.speed:
        sys.stdout.write(json.dumps(speed()) + "\n")
        return
    scale = 0.1 if asked.quick else 1.0
    if unknown := [name for name in asked.cells if not any(cell.is_named(name) for cell in cells(scale))]:
        tried = ", ".join(f"{cell.size}x{cell.features}x{cell.rows_a_day}" for cell in cells(scale))
        parser.error(f"--cells: no {', '.join(unknown)}; expected some of {tried}")
    worlds = max(20, round(POWER_WORLDS * scale))
    with ProcessPoolExecutor(2) as pool:
        rows = [] if asked.power else _false_alarms(pool, scale, asked.cells)
        if asked.cells:
            sys.stdout.write(json.dumps({"false_alarms": rows}) + "\n")
            return
        detected: dict[str, dict[str, float]] = {}
        for size in POWER_SIZES:
            drifted = pd.DataFrame(list(pool.map(power, [(size, seed) for seed in range(worlds)])))
            detected[f"{size}"] = {str(name): float(share) for name, share in drifted.mean().items()}
            sys.stdout.write(f"power at {size:,} rows, one of 20 features changed: {detected[f'{size}']}\n")
        triggered = list(pool.map(trigger, range(worlds)))
        told = pd.DataFrame(list(pool.map(concept, range(worlds)))).mean()
        sys.stdout.write(f"concept drift told: {told.round(3).to_dict()}\n")
    delays = [delay for _, delay in triggered if delay is not None]
    found = {
        "power": detected,
        "trigger_false_alarms_per_year": float(np.mean([false for false, _ in triggered])),
        "trigger_weeks_to_detect": float(np.median(delays)) if delays else None,
        "trigger_detected": len(delays) / len(triggered),
        "concept": {str(name): float(share) for name, share in told.items()},
    }
    if asked.power:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    measured = _measured_speed()
    share = sum(row["raised"] for row in rows) / sum(row["judged"] for row in rows)
    result = {
        "false_alarm_max": max(row["upper"] for row in rows),
        "alarms_per_year": WEEKS_A_YEAR * share,
        "power_0.3": detected[f"{POWER_SIZES[-1]}"]["shift 0.3"],
        "seconds_1e6x20": measured["seconds"],
        "peak_mib": measured["peak_mib"],
        "limit": LIMIT,
        **found,
        "false_alarms": rows,
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
