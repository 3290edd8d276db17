"""How often the fairness gate and the search for weak slices err, in seeded months whose days are alike.

Fairness: groups of which one gets more, by a known gap. Weak slices: predictions that are right, but for a planted
slice. The product's own nodes judge. Last line: one JSON object of shares with Clopper-Pearson bounds.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import binomtest, norm

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion, Slice
from model_lifecycle.contracts.gates import FairnessLimits, GateLimits
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.weak_slices import WeakSliceSpec
from model_lifecycle.pipelines.evaluation.nodes.fairness import compare_groups, treated_alike
from model_lifecycle.pipelines.evaluation.nodes.weak_slices import find_weak_slices
from model_lifecycle.statistics.coverage import autoregressions
from model_lifecycle.tasks import task_of

WORLDS = 200
DAYS = 30
ROWS_A_DAY = 300  # of 900 in the flagship
DAY_SPREAD, DAY_MEMORY = 0.5, 0.33  # of a day's log-odds, as `make bench-gates` has them
SELECTED = 0.3
GROUPS = (500, 2_000, 4_500)  # decisions on the smaller group, of 9,000
GAPS = (0.0, 0.05, 0.1)
PARITY = FairnessLimits(demographic_parity_ratio=None, equalized_odds_difference=None)

QUESTION = BusinessQuestion.model_validate(
    {
        "question": "Which of the simulated decisions will have a positive outcome?",
        "owner": "benchmarks",
        "task": "binary",
        "decision": "act",
        "decision_id": "id",
        "decision_time": "decided",
        "label_time": "labelled",
        "target": "target",
        "outcome": "outcome",
        "outcome_reason": "reason",
        "value": {
            "unit": "minutes",
            "source": "simulated, as the flagship's",
            "act": {"positive": 30, "negative": -10, "unavailable": 0},
            "leave": {"positive": 0, "negative": 0, "unavailable": 0},
        },
        "success": {"minimum_value_per_1000": 1},
        "slices": [Slice(column="group", kind="sensitive").model_dump()],
    }
)
RUN = RunSpec.model_validate({"as_of": "2024-07-01T00:00:00Z"})


def scores(target: np.ndarray, **columns: np.ndarray) -> pd.DataFrame:
    """Return a month's scores, as `score_test` makes them."""
    seconds = np.arange(len(target)) * (DAYS * 86_400 / len(target))
    return pd.DataFrame(
        {
            model_input.DECISION_TIME: pd.Timestamp("2024-06-01", tz="UTC") + pd.to_timedelta(seconds, unit="s"),
            model_input.OUTCOME: model_input.OBSERVED,
            model_input.TARGET: target,
            **columns,
        }
    )


def passes(seed: int, smaller: int, gap: float, limits: FairnessLimits) -> bool:
    """Tell whether the gate passes where the smaller group is acted on more often by the gap."""
    draw, rows = np.random.default_rng([seed, 1]), DAYS * ROWS_A_DAY
    day = np.repeat(np.arange(DAYS), ROWS_A_DAY)
    signal = draw.normal(size=rows) + DAY_SPREAD * autoregressions(1, DAYS, DAY_MEMORY, draw)[0][day]
    other = draw.uniform(size=rows) < smaller / rows
    lowest = np.hypot(1.0, DAY_SPREAD) * norm.isf(SELECTED + gap * other)
    table = scores(
        (draw.uniform(size=rows) < expit(signal - 1.4)).astype(float),
        row_slice_group=np.where(other, "b", "a"),
        prediction_m=expit(signal - 1.4),
        action_m=(signal >= lowest).astype(float),
    )
    gates = GateLimits(fairness=limits.model_copy(update={"minimum_rows": 50}))
    question = QUESTION.model_copy(update={"slices": (Slice(column="group", kind="sensitive", minimum_rows=300),)})
    return treated_alike(compare_groups(table, "m", question, gates), gates).passed


def month(
    draw: np.random.Generator, inputs: int, rows_a_day: int, memory: float, own_days: float
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return inputs, known log-odds and what the days add to them, to all rows and to each region of its own."""
    rows, day = DAYS * rows_a_day, np.repeat(np.arange(DAYS), rows_a_day)
    table = pd.DataFrame({f"x{number}": draw.normal(size=rows) for number in range(inputs - 4)})
    table["temperature"], table["wind"] = autoregressions(2, DAYS, 0.6, draw)[:, day]
    region, kind = draw.choice(5, rows, p=[0.35, 0.3, 0.2, 0.1, 0.05]), draw.choice(12, rows)
    table["region"], table["kind"] = (np.char.add("c", code.astype(str)).astype(object) for code in (region, kind))
    known = -1.4 + 0.8 * table["x0"].to_numpy() + 0.5 * table["x1"].to_numpy() + 0.4 * table["temperature"].to_numpy()
    shocks = autoregressions(6, DAYS, memory, draw)
    return table, known + 0.3 * (region == 1), DAY_SPREAD * shocks[5, day] + own_days * shocks[region, day]


def searched(table: pd.DataFrame, target: np.ndarray, prediction: np.ndarray) -> Any:
    """Return what the search finds."""
    names = list(table.columns)
    challenger: Any = SimpleNamespace(
        facts=SimpleNamespace(model="m"), task=task_of(QUESTION), spec=SimpleNamespace(names=lambda: names)
    )
    importance: Any = [{"feature": name, "mean_abs_shap": 1.0} for name in names]
    spec = WeakSliceSpec()
    return find_weak_slices(scores(target, prediction_m=prediction), table, table, importance, challenger, spec, RUN)


def alarm(seed: int, memory: float, own_days: float) -> bool:
    """Tell whether anything is found where nothing is weak."""
    draw = np.random.default_rng([seed, 2])
    table, known, days = month(draw, 10, ROWS_A_DAY, memory, own_days)
    target = (draw.uniform(size=len(known)) < expit(known + days)).astype(float)
    return bool(searched(table, target, expit(known))["found"])


def hit(seed: int, share: float, points: float | None) -> bool:
    """Tell whether a slice is found that overlaps a planted one: off by so many points, or scored by lot."""
    draw = np.random.default_rng([seed, 3])
    table, known, days = month(draw, 10, ROWS_A_DAY, DAY_MEMORY, 0.0)
    weak = (draw.uniform(size=len(known)) < share).astype(object)
    table["part"] = np.where(weak, "weak", "other").astype(object)
    weak, prediction = weak.astype(bool), expit(known)
    truth = expit(known + days)
    if points is None:
        prediction[weak] = draw.permutation(prediction[weak])
    else:
        truth = np.clip(truth + points * weak, 0.0, 1.0)
    found = searched(table, (draw.uniform(size=len(known)) < truth).astype(float), prediction)
    return any(one["conditions"].get("part") is not None for one in found["slices"])


QUESTIONS: dict[str, tuple[Callable[..., bool], dict[str, Any]]] = {
    **{
        f"passed_gap_{gap:g}_group_{smaller}": (passes, {"smaller": smaller, "gap": gap, "limits": PARITY})
        for gap in GAPS
        for smaller in GROUPS
    },
    **{
        f"passed_all_limits_group_{smaller}": (passes, {"smaller": smaller, "gap": 0.0, "limits": FairnessLimits()})
        for smaller in GROUPS
    },
    "alarm": (alarm, {"memory": DAY_MEMORY, "own_days": 0.0}),
    "alarm_long_memory": (alarm, {"memory": 0.56, "own_days": 0.0}),
    "alarm_regions_days": (alarm, {"memory": DAY_MEMORY, "own_days": 0.2}),
    "alarm_regions_days_long_memory": (alarm, {"memory": 0.56, "own_days": 0.4}),
    **{
        f"found_{share:.0%}_{'by_lot' if points is None else f'{points:.0%}'}": (
            hit,
            {"share": share, "points": points},
        )
        for share in (0.05, 0.2)
        for points in (0.1, None)
    },
}


def seconds() -> float:
    """Return how long the search takes over a month of the flagship's size: 27,000 rows, 25 inputs."""
    draw = np.random.default_rng(0)
    table, known, days = month(draw, 25, 900, DAY_MEMORY, 0.0)
    target = (draw.uniform(size=len(known)) < expit(known + days)).astype(float)
    began = time.perf_counter()
    searched(table, target, expit(known))
    return time.perf_counter() - began


def share_of(count: int, worlds: int) -> dict[str, float]:
    """Return a share with its Clopper-Pearson bounds at 95%."""
    bounds = binomtest(count, worlds).proportion_ci(0.95, "exact")
    return {"share": count / worlds, "lower": float(bounds.low), "upper": float(bounds.high), "worlds": worlds}


def main(worlds: int = WORLDS) -> None:
    """Measure and print."""
    shares: dict[str, dict[str, float]] = {}
    took = seconds()
    with ProcessPoolExecutor() as pool:
        for name, (ask, asked) in QUESTIONS.items():
            count = sum(pool.map(partial(ask, **asked), range(worlds), chunksize=20))
            shares[name] = share_of(count, worlds)
            one = shares[name]
            sys.stdout.write(f"{name:36} {one['share']:7.1%}  [{one['lower']:6.1%}, {one['upper']:6.1%}]\n")
            sys.stdout.flush()
    sys.stdout.write(f"weak slices, 27,000 rows and 25 inputs: {took:.1f} s\n")
    sys.stdout.write(json.dumps({**shares, "seconds": took}) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
