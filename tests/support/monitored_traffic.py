"""Seeded traffic of an invented service for the tests of monitoring: rows of a day depend on one another."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec
from model_lifecycle.contracts.table import ColumnContract
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.holdout import holdout_errors
from model_lifecycle.monitoring.judge import Rules, judge_windows
from model_lifecycle.monitoring.performance import holdout_figures
from model_lifecycle.monitoring.reference import build_reference_profile, with_score_profile
from model_lifecycle.monitoring.verdict import MonitoringReport
from model_lifecycle.tasks import task_of

PER_DAY = 150
WEEK = timedelta(days=7)
LIVE = datetime(2024, 7, 1, tzinfo=UTC)
AUTOCORRELATION = 0.5
RELEASE = "r1"
THRESHOLD = 0.25

NOISE = tuple(f"noise_{number}" for number in range(8))
SPEC = FeatureSpec(numeric=("temperature", "load", "sensor", *NOISE), categorical=("region", "engine"))
MONITORING = MonitoringSpec.model_validate({"window": "7d"})
POLICY = PolicySpec.model_validate({"cooldown": "14d", "maximum_age": "180d", "consecutive_windows": 2})
CONTRACT = {
    "temperature": ColumnContract(type="number", minimum=-60, maximum=130),
    "load": ColumnContract(type="number", minimum=0),
    "region": ColumnContract(type="category"),
}
QUESTION = BusinessQuestion.model_validate(
    {
        "question": "Which orders shall we act on?",
        "owner": "test",
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
            "source": "invented for tests",
            "act": {"positive": 30, "negative": -10, "unavailable": 5},
            "leave": {"positive": 0, "negative": 0, "unavailable": 0},
        },
        "success": {"minimum_value_per_1000": 1},
    }
)
TASK = task_of(QUESTION)
RULES = Rules(features=SPEC, contract=CONTRACT, task=TASK, spec=MONITORING)


@dataclass(frozen=True)
class Traffic:
    """Columns of raw inputs, decision times, the model's score, and the outcome."""

    columns: dict[str, np.ndarray]
    times: np.ndarray
    score: np.ndarray
    target: np.ndarray

    def part(self, start: datetime, end: datetime) -> "Traffic":
        first, last = (np.datetime64(moment.replace(tzinfo=None), "us") for moment in (start, end))
        rows = (self.times >= first) & (self.times < last)
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Traffic(columns, self.times[rows], self.score[rows], self.target[rows])

    def changed(self, name: str, change: Callable[[np.ndarray], np.ndarray]) -> "Traffic":
        return replace(self, columns={**self.columns, name: change(self.columns[name].copy())})

    def changed_from(self, moment: datetime, name: str, change: Callable[[np.ndarray], np.ndarray]) -> "Traffic":
        later = self.times >= np.datetime64(moment.replace(tzinfo=None), "us")
        values = self.columns[name].astype(object)
        values[later] = change(self.columns[name].copy())[later]
        return replace(self, columns={**self.columns, name: values})


def traffic(seed: int, days: int, end: datetime) -> Traffic:
    """Stationary traffic: every day has an effect of its own that carries over to the next."""
    random = np.random.default_rng(seed)
    rows = days * PER_DAY
    day = np.repeat(np.arange(days), PER_DAY)

    def daily() -> np.ndarray:
        effect = np.empty(days)
        effect[0] = random.normal()
        for number in range(1, days):
            fresh = random.normal() * np.sqrt(1 - AUTOCORRELATION**2)
            effect[number] = AUTOCORRELATION * effect[number - 1] + fresh
        return effect[day]

    columns = {name: 0.3 * daily() + random.normal(size=rows) for name in NOISE}
    columns["temperature"] = 60 + 6 * daily() + random.normal(size=rows) * 8
    columns["load"] = np.exp(0.5 * random.normal(size=rows) + 0.2 * daily())
    columns["sensor"] = np.where(random.random(rows) < 0.1, np.nan, random.normal(size=rows))
    columns["region"] = random.choice(np.array(["north", "south", "east"], dtype=object), rows, p=[0.5, 0.3, 0.2])
    columns["engine"] = random.choice(np.array([None, "turbo"], dtype=object), rows, p=[0.2, 0.8])
    logit = -1.2 + 0.9 * columns["noise_0"] + 0.7 * columns["noise_1"]
    probability = 1 / (1 + np.exp(-logit))
    target = (random.random(rows) < 1 / (1 + np.exp(-(logit + 0.2 * daily())))).astype(np.float64)
    start = np.datetime64((end - timedelta(days=days)).replace(tzinfo=None), "us")
    within = np.sort(random.integers(0, 86_400_000_000, size=(days, PER_DAY)), axis=1).ravel()
    times = start + (day * 86_400_000_000 + within).astype("timedelta64[us]")
    return Traffic(columns, times, probability, target)


@lru_cache(maxsize=8)
def champion(seed: int = 0) -> ChampionFacts:
    """A release trained on 120 days before June and held out on June."""
    june = datetime(2024, 6, 1, tzinfo=UTC)
    before = traffic(seed, 150, LIVE)
    train, holdout = before.part(datetime(2024, 1, 1, tzinfo=UTC), june), before.part(june, LIVE)
    profile = build_reference_profile(train.columns, train.times, SPEC, MONITORING)
    return ChampionFacts.model_validate(
        {
            "release": RELEASE,
            "trained_until": june,
            "constant": [float(train.target.mean())],
            "holdout": holdout_figures(TASK, holdout.target, holdout.score, holdout.times),
            "errors": holdout_errors(TASK, holdout.target, holdout.score, holdout.times),
            "reference_profile": with_score_profile(profile, holdout.score, holdout.times, MONITORING),
        }
    )


def log_of(found: Traffic, delay: timedelta = timedelta(hours=3)) -> pd.DataFrame:
    """Return the traffic as the store gives it: predictions joined with their labels."""
    names = list(found.columns)
    rows = [
        {name: None if pd.isna(value) else value for name, value in zip(names, row, strict=True)}
        for row in zip(*(found.columns[name].tolist() for name in names), strict=True)
    ]
    times = pd.Series(found.times).dt.tz_localize("UTC")
    return pd.DataFrame(
        {
            "prediction_id": [f"p{number}" for number in range(len(rows))],
            "decision_id": [f"d{number}" for number in range(len(rows))],
            "decision_time": times,
            "logged_at": times,
            "release": RELEASE,
            "score": found.score,
            "threshold": THRESHOLD,
            "inputs": pd.Series(rows, dtype=object),
            "features": pd.Series([{} for _ in rows], dtype=object),
            "outcome": pd.Series(["observed"] * len(rows), dtype=object),
            "value": found.target,
            "reason": pd.Series([None] * len(rows), dtype=object),
            "label_time": times + delay,
        }
    )


def live(seed: int, weeks: int = 1) -> Traffic:
    """Return weeks of stationary traffic from the first of July on."""
    return traffic(seed, 7 * weeks, LIVE + weeks * WEEK)


def judged(found: Traffic, weeks: int = 1, facts: ChampionFacts | None = None) -> MonitoringReport:
    """Judge these weeks a day after they end, so that all labels are there."""
    log = log_of(found, timedelta(0))
    return judge_windows(log, facts or champion(), RULES, LIVE + weeks * WEEK, weeks)
