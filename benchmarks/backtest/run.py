"""How often the back-test recommends what is right, and how often its trigger fires when nothing happens.

In each seeded world decisions come for a year, alike within each day; a logistic regression learns in it, and the
product's own walk, monitoring and recommendation do the rest. A stationary world, on the plateau of its learning
curve, with a cost per retraining, asks to be left alone; in a changing one the first signal turns to its opposite
after two months. Last line: one JSON object of shares with Clopper-Pearson bounds.
"""

import json
import logging
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import binomtest

from model_lifecycle.backtest.evidence import gather
from model_lifecycle.backtest.ledger import keep_ledger
from model_lifecycle.backtest.production import Answers, Live, Release, Review, instant, release_name
from model_lifecycle.backtest.schedule import Schedule
from model_lifecycle.backtest.walk import Rules, Walk, walk
from model_lifecycle.backtest.watch import Watch
from model_lifecycle.contracts.backtest import BacktestSpec, TriedPolicy
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.performance import holdout_figures
from model_lifecycle.monitoring.reference import build_reference_profile
from model_lifecycle.monitoring.verdict import Drift
from model_lifecycle.reporting.backtest_evidence import BacktestEvidence
from model_lifecycle.tasks import task_of

WORLDS = 200
START = datetime(2024, 1, 1, tzinfo=UTC)
LIVE = START + timedelta(days=91)
CHANGE = LIVE + timedelta(days=60)
TEST = timedelta(days=30)
MONITORING = MonitoringSpec.model_validate({"window": "7d"})
POLICY = PolicySpec.model_validate(
    {"cooldown": "14d", "maximum_age": "180d", "minimum_new_labels": 500, "consecutive_windows": 2}
)
GATES = GateLimits()
COST = 50.0  # of a retraining; a decision is worth half a unit
POLICIES = {
    "never": {"trigger": "never"},
    "monthly": {"trigger": "calendar", "every": "month", "gated": False},
    "monthly gated": {"trigger": "calendar", "every": "month", "window": 2},
    "on performance": {"trigger": "performance", "window": 2},
    "sensitive": {
        "trigger": "performance",
        "window": 2,
        "limits": {"maximum_loss_increase": 0.01, "consecutive_windows": 1},
    },
}
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
            "unit": "units",
            "source": "simulated, of nobody",
            "act": {"positive": 3, "negative": -2, "unavailable": 0},
            "leave": {"positive": 0, "negative": 0, "unavailable": 0},
        },
        "success": {"minimum_value_per_1000": 1},
    }
)
_DAY = np.timedelta64(86_400, "s")
_LAG = np.timedelta64(2, "D")  # between a decision and its label
_TASK = task_of(QUESTION)


@dataclass(frozen=True)
class World:
    """Decisions of many days, alike within each day; from ``change`` on the first signal means the opposite.

    Attributes
    ----------
    seed : int
        Of everything.
    days, per_day : int
        How many.
    change : datetime, optional
        None: the world is stationary.
    """

    seed: int
    days: int = 365
    per_day: int = 100
    change: datetime | None = None
    times: np.ndarray = field(init=False)
    signals: np.ndarray = field(init=False)
    target: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        draw, size = np.random.default_rng([self.seed, 20_24]), self.days * self.per_day
        day = np.repeat(np.arange(self.days), self.per_day)
        times = instant(START) + day * _DAY + np.tile(np.arange(self.per_day), self.days) * (_DAY // self.per_day)
        signals = np.column_stack([np.ones(size), draw.normal(size=size), draw.normal(size=size)])
        slope = np.ones(size) if self.change is None else np.where(times < instant(self.change), 1.0, -1.0)
        margin = -1.0 + slope * signals[:, 1] + 0.5 * signals[:, 2] + 0.5 * _effects(draw, self.days)[day]
        for name, value in {
            "times": times.astype("datetime64[us]"),
            "signals": signals,
            "target": (draw.uniform(size=size) < expit(margin)).astype(np.float64),
        }.items():
            object.__setattr__(self, name, value)

    def live(self) -> Live:
        """Return the decisions that count."""
        rows = self.times >= instant(LIVE)
        return Live(self.times[rows], self.times[rows] + _LAG, self.target[rows], np.zeros(int(rows.sum()), dtype=bool))

    def schedule(self) -> Schedule:
        """Return from when to when."""
        return Schedule(LIVE, START + timedelta(days=self.days), "UTC")


def _effects(draw: np.random.Generator, days: int) -> np.ndarray:
    """Return a stationary autoregression, a value a day."""
    found, noise = np.empty(days), draw.normal(size=days)
    found[0] = noise[0]
    for place in range(1, days):
        found[place] = 0.33 * found[place - 1] + np.sqrt(1 - 0.33**2) * noise[place]
    return found


class Learner:
    """A `Production` that fits logistic regressions on what was labelled before its test month."""

    def __init__(self, world: World) -> None:
        self._world, self._live = world, world.live()
        self._offset = len(world.times) - len(self._live.times)
        self.weights: dict[str, np.ndarray] = {}

    def train(self, as_of: datetime, policy: TriedPolicy) -> Release:
        """Fit on the policy's window before the test month, whose figures monitoring compares with."""
        name, until = release_name(as_of, policy.training), as_of - TEST
        since = until - timedelta(days=30 * policy.window) if isinstance(policy.window, int) else START
        self.weights[name] = _fit(*self._labelled(since, until, until))
        signals, target, times = self._labelled(until, as_of, as_of, with_times=True)
        facts = ChampionFacts.model_validate(
            {
                "release": name,
                "trained_until": until,
                "constant": _TASK.constant(target),
                "holdout": holdout_figures(_TASK, target, expit(signals @ self.weights[name]), times),
                "reference_profile": _profile(),
            }
        )
        return Release(name, as_of, facts, QUESTION.value.break_even(), 1.0)  # type: ignore[union-attr]

    def review(self, challenger: Release, champion: Release) -> Review:
        """Ask whether the challenger is not inferior on its test month."""
        since = challenger.as_of - TEST
        signals, target, times = self._labelled(since, challenger.as_of, challenger.as_of, with_times=True)
        mine, theirs = (expit(signals @ self.weights[one.name]) for one in (challenger, champion))
        block = (times - times[0]) // _DAY
        found = _TASK.metrics[_TASK.loss].difference(block.astype(np.int64), target, mine, theirs, GATES.level)
        failed = {} if found.upper < GATES.champion_margin else {"champion": f"at most {found.upper:+.4f}"}
        return Review(failed, 1.0)

    def shipped(self, challenger: Release, policy: TriedPolicy) -> Release:  # noqa: ARG002 - none is refitted
        """Return the challenger."""
        return challenger

    def answer(self, release: Release, rows: slice) -> Answers:
        """Predict."""
        signals = self._world.signals[self._offset + rows.start : self._offset + rows.stop]
        prediction = expit(signals @ self.weights[release.name])
        return Answers(prediction, _TASK.actions(prediction, release.threshold))

    def drift(self, release: Release, rows: slice) -> Drift:
        """Find none."""
        raise NotImplementedError

    def _labelled(self, since: datetime, until: datetime, at: datetime, *, with_times: bool = False):  # type: ignore[no-untyped-def]
        world = self._world
        rows = (world.times >= instant(since)) & (world.times < instant(until)) & (world.times + _LAG < instant(at))
        found = (world.signals[rows], world.target[rows])
        return (*found, world.times[rows]) if with_times else found


@cache
def _profile() -> dict[str, object]:
    times = instant(START) + np.arange(400) * np.timedelta64(3, "h")
    spec = FeatureSpec(numeric=("signal",), categorical=())
    return build_reference_profile({"signal": np.linspace(0, 1, 400)}, times.astype("datetime64[us]"), spec, MONITORING)


def _fit(signals: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the maximum likelihood weights, by Newton's method."""
    weights = np.zeros(signals.shape[1])
    for _ in range(8):
        found = expit(signals @ weights)
        hessian = (signals * (found * (1 - found))[:, np.newaxis]).T @ signals
        weights = weights + np.linalg.solve(hessian, signals.T @ (target - found))
    return weights


def try_in(world: World, cost: float = COST) -> tuple[BacktestEvidence, dict[str, Walk]]:
    """Walk `POLICIES` through a world."""
    spec = BacktestSpec.model_validate({"present": "never", "cost_per_retraining": cost, "policies": POLICIES})
    production, live, schedule = Learner(world), world.live(), world.schedule()
    watch, rules = Watch(live, production, _TASK, MONITORING), Rules(schedule, MONITORING, POLICY)
    first = production.train(schedule.start, TriedPolicy(trigger="never"))
    walks = {name: walk(found, first, rules, production, watch) for name, found in spec.tried().items()}
    ledgers = {name: keep_ledger(one, live, production, _TASK) for name, one in walks.items()}
    return gather("simulated", QUESTION, spec, schedule, live, walks, ledgers, GATES), walks


def outcome(seed: int, *, changes: bool) -> tuple[str, bool, bool]:
    """Return what is recommended, whether the trigger fired, and whether a sensitive one did."""
    found, walks = try_in(World(seed, change=CHANGE if changes else None))
    fired, sensitive = (walks[name].retrainings() > 0 for name in ("on performance", "sensitive"))
    return found["recommendation"]["policy"], fired, sensitive


def share(count: int, worlds: int) -> dict[str, float]:
    """Return a share with its Clopper-Pearson bounds at 95%."""
    bounds = binomtest(count, worlds).proportion_ci(0.95, "exact")
    return {"share": count / worlds, "lower": float(bounds.low), "upper": float(bounds.high), "worlds": worlds}


def measure(worlds: int, run: Callable[..., Any] = map) -> dict[str, dict[str, float]]:
    """Try so many worlds of each kind."""
    still = list(run(partial(outcome, changes=False), range(worlds)))
    moved = list(run(partial(outcome, changes=True), range(worlds)))
    return {
        "left_alone": share(sum(policy == "never" for policy, _, _ in still), worlds),
        "fired": share(sum(fired for _, fired, _ in still), worlds),
        "sensitive_fired": share(sum(fired for _, _, fired in still), worlds),
        "retraining_recommended": share(sum(policy != "never" for policy, _, _ in moved), worlds),
        "fired_at_change": share(sum(fired for _, fired, _ in moved), worlds),
    }


LIMITS = {"left_alone": ">= 95%", "fired": "<= 5%", "retraining_recommended": ">= 95%", "fired_at_change": ">= 95%"}


def main() -> None:
    """Measure and print."""
    logging.disable(logging.WARNING)
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else WORLDS
    with ProcessPoolExecutor() as pool:
        shares = measure(worlds, partial(pool.map, chunksize=5))
    lines = [f"{'':24} {'share':>7}  {'95% bounds':16} asked"]
    lines += [
        f"{name:24} {one['share']:7.1%}  [{one['lower']:6.1%}, {one['upper']:6.1%}] {LIMITS.get(name, ''):>7}"
        for name, one in shares.items()
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.write(json.dumps(shares) + "\n")


if __name__ == "__main__":
    main()
