"""How often the gates let through what they should not, and hold back what they should let through.

In each seeded world a month of decisions is drawn, with days that are alike and models that err for whole days; the
product's own figures and gates judge it. Last line: one JSON object of shares with Clopper-Pearson bounds.
"""

import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit
from scipy.stats import binomtest

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.pipelines.evaluation.nodes.enough import one_sided
from model_lifecycle.pipelines.evaluation.nodes.figures import compute_figures
from model_lifecycle.pipelines.evaluation.nodes.gates import against_champion, judge
from model_lifecycle.reporting.conversion import interval_evidence
from model_lifecycle.reporting.evidence import DifferenceEvidence
from model_lifecycle.statistics.dependence import pooled_dependence
from model_lifecycle.statistics.intervals import clustered_mean_interval, paired_difference_interval
from model_lifecycle.statistics.proper_scores import log_losses

WORLDS = 2_000
DAYS, FOLD_DAYS = 30, 60
ROWS_A_DAY = 300  # of 900 in the flagship; what is uncertain is the days, not the rows
# Chosen so that 30 days look like the flagship's test month: see the two rows 'worlds' and 'flagship' of the table.
DAY_SPREAD = 0.5  # of a day's log-odds, which no model knows
DAY_MEMORY = 0.33  # its correlation from day to day
MODEL_DAY_ERROR = 0.28  # of a model's log-odds, for a whole day
MODEL_ROW_ERROR = 0.7  # and for one row
MEAN, SIGNAL = -1.4, 1.0  # log-odds of an outcome: about a quarter is positive, AUC 0.75
WORTH_HAVING = 0.02  # log loss; history is worth 0.026 on the flagship's test month (`make bench-features`)
_POINTS, _WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()

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
        "slices": [{"column": "region"}],
    }
)
_FOLD = {"train_start": "2024-01-01T00:00:00Z", "start": "2024-05-01T00:00:00Z", "end": "2024-06-01T00:00:00Z"}
PLAN = SplitPlan.model_validate(
    {
        "time_zone": "UTC",
        "folds": [_FOLD],
        "test": {**_FOLD, "start": "2024-06-01T00:00:00Z", "end": "2024-07-01T00:00:00Z"},
    }
)


@dataclass(frozen=True)
class Question:
    """What is asked of many worlds: how much the challenger gains on average, and under which limits."""

    gain: float
    limits: Mapping[str, Any]
    memory: float = DAY_MEMORY
    battery: bool = False  # all gates, or the champion's alone
    days: int = DAYS


SUPERIORITY = {"champion_mode": "superiority", "champion_margin": 0.0}
MARGIN = GateLimits().champion_margin
QUESTIONS = {
    "promoted_equal": Question(0.0, SUPERIORITY),
    "promoted_at_margin": Question(-MARGIN, {}),
    "promoted_worse": Question(-WORTH_HAVING, {}),
    "power": Question(WORTH_HAVING, SUPERIORITY),
    "good": Question(WORTH_HAVING, {}, battery=True),
    "equal": Question(0.0, {}),
    "good_long_memory": Question(WORTH_HAVING, {}, memory=0.56, battery=True),
    "good_two_months": Question(WORTH_HAVING, {}, battery=True, days=2 * DAYS),
}


@cache
def _known_rate() -> tuple[np.ndarray, np.ndarray]:
    """Return a grid of the signal and, at each point, the log-odds of an outcome over all days."""
    grid = np.linspace(-6, 6, 2001)
    rate = expit(MEAN + SIGNAL * grid[:, np.newaxis] + DAY_SPREAD * _POINTS) @ _WEIGHTS
    return grid, logit(rate)


@cache
def calibration(row_error: float) -> tuple[float, float]:
    """Return the line that calibrates a model with that error over all days, as the product fits it."""
    found = minimize(lambda line: _loss(row_error, *line), (1.0, 0.0), method="Nelder-Mead")
    return float(found.x[0]), float(found.x[1])


def expected_loss(row_error: float) -> float:
    """Return the expected log loss of a calibrated model with that error."""
    return _loss(row_error, *calibration(row_error))


def _loss(row_error: float, slope: float, intercept: float) -> float:
    """Return the log loss by Gauss-Hermite quadrature over signal and error."""
    margin = np.interp(_POINTS, *_known_rate())[:, np.newaxis]
    found = intercept + slope * (margin + np.hypot(row_error, MODEL_DAY_ERROR) * _POINTS)
    loss = np.logaddexp(0.0, found) - expit(margin) * found
    return float(_WEIGHTS @ loss @ _WEIGHTS)


@cache
def row_error_for(gain: float) -> float:
    """Return the row error of a challenger that loses so much less than the champion on average."""
    wanted = expected_loss(MODEL_ROW_ERROR) - gain
    return float(brentq(lambda error: expected_loss(error) - wanted, 0.0, 3.0, xtol=1e-9))


def world(seed: int, gain: float, memory: float, days: int = DAYS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scores of the folds' months and of those to judge, as `score_test` makes them."""
    scores = _scores(seed, gain, memory, FOLD_DAYS + days)
    folds = FOLD_DAYS * ROWS_A_DAY
    return scores.iloc[:folds], scores.iloc[folds:].reset_index(drop=True)


def _scores(seed: int, gain: float, memory: float, days: int) -> pd.DataFrame:
    draw = np.random.default_rng([seed, 20_24])
    day = np.repeat(np.arange(days), ROWS_A_DAY)
    size = len(day)
    signal = draw.normal(size=size)
    shift = DAY_SPREAD * _walk(draw, memory, days)
    target = (draw.uniform(size=size) < expit(MEAN + SIGNAL * signal + shift[day])).astype(np.float64)
    known = np.interp(signal, *_known_rate())
    table = pd.DataFrame(
        {
            model_input.DECISION_TIME: pd.Timestamp("2024-04-02", tz="UTC")
            + pd.to_timedelta(day * 86_400 + np.tile(np.arange(ROWS_A_DAY), days) * (86_400 // ROWS_A_DAY), unit="s"),
            model_input.TARGET: target,
            model_input.OUTCOME: model_input.OBSERVED,
            model_input.SLICE + "region": draw.choice(["east", "north", "west"], size, p=[0.4, 0.35, 0.25]),
            "prediction_constant": float(expit(np.interp(_POINTS, *_known_rate())) @ _WEIGHTS),
        }
    )
    for name, error in (("challenger", row_error_for(gain)), ("champion", MODEL_ROW_ERROR)):
        wrong = MODEL_DAY_ERROR * _walk(draw, memory, days)[day] + error * draw.normal(size=size)
        slope, intercept = calibration(error)
        table[f"prediction_{name}"] = expit(intercept + slope * (known + wrong))
    for name in ("constant", "challenger", "champion"):
        acts = table[f"prediction_{name}"] >= QUESTION.value.break_even()
        table[f"action_{name}"] = acts.astype(np.float64)
    return table


def _walk(draw: np.random.Generator, memory: float, days: int) -> np.ndarray:
    """Return a stationary autoregression of order 1 with variance 1, a value a day."""
    found, noise = np.empty(days), draw.normal(size=days)
    found[0] = noise[0]
    for place in range(1, days):
        found[place] = memory * found[place - 1] + np.sqrt(1 - memory**2) * noise[place]
    return found


def _scorer(name: str) -> Any:
    facts = SimpleNamespace(release_id=name, trained_until=PLAN.test.start.isoformat())
    facts.model_copy = lambda update: facts  # noqa: ARG005 - as pydantic's
    return SimpleNamespace(facts=facts, release_id=name, model=SimpleNamespace(to_files=dict))


CHAMPION, CHALLENGER = SimpleNamespace(scorer=_scorer("champion")), _scorer("challenger")


def leaderboard(folds: pd.DataFrame) -> Any:
    """Return what two folds say; size and a second fit are no matter of chance here."""
    target, half = folds[model_input.TARGET].to_numpy(), len(folds) // 2
    rows: list[Any] = []
    for name, role in (("challenger", "candidate"), ("constant", "baseline")):
        losses = log_losses(target, folds[f"prediction_{name}"].to_numpy())
        days = np.repeat(np.arange(FOLD_DAYS // 2), ROWS_A_DAY)
        runs = [clustered_mean_interval(part, days) for part in (losses[:half], losses[half:])]
        rows.append(
            {
                "model": name,
                "role": role,
                "loss_by_fold": [run.estimate for run in runs],
                "days": FOLD_DAYS,
                "dependence": pooled_dependence([(run.n_blocks, run.dependence) for run in runs]),
                "size_bytes": 1,
                "one_row_microseconds": 1.0,
            }
        )
    return rows


def verdict(seed: int, question: Question) -> tuple[dict[str, bool], float, float]:
    """Return whether each gate passes in one world, the half width of the difference, and what the days are worth."""
    gates = GateLimits(**question.limits)
    if question.battery:
        folds, scores = world(seed, question.gain, question.memory, question.days)
        threshold = QUESTION.value.break_even()
        figures = compute_figures(scores, "challenger", ["constant"], QUESTION, gates, threshold, only_judged=True)
        results = judge(figures, gates, PLAN, CHAMPION, CHALLENGER, leaderboard(folds), {})
        found = next(
            one for one in figures["differences"] if (one["against"], one["metric"]) == ("champion", "log_loss")
        )
        days = figures["metrics"]["challenger"]["log_loss"]["n_effective"]
        return {one["gate"]: one["passed"] for one in results}, _half_width(found), float(days)
    scores = _scores(seed, question.gain, question.memory, question.days)
    target = scores[model_input.TARGET].to_numpy()
    losses = {
        name: log_losses(target, scores[f"prediction_{name}"].to_numpy())
        for name in ("challenger", "champion", "constant")
    }
    block = np.repeat(np.arange(question.days), ROWS_A_DAY)
    differences = [_difference(losses, against, block, gates.level) for against in ("champion", "constant")]
    result = against_champion({"loss": "log_loss", "differences": differences}, gates, PLAN, CHAMPION, CHALLENGER)
    return {"champion": result.passed}, _half_width(differences[0]), float("nan")


def _difference(losses: Mapping[str, np.ndarray], against: str, block: np.ndarray, level: float) -> DifferenceEvidence:
    interval, bounds = (
        interval_evidence(paired_difference_interval(losses["challenger"], losses[against], block, one))
        for one in (level, one_sided(level))
    )
    return {
        "model": "challenger", "against": against, "metric": "log_loss", "interval": interval, "bounds": bounds,
    }  # fmt: skip


def _half_width(difference: DifferenceEvidence) -> float:
    upper = difference["interval"]["upper"]
    return float("nan") if upper is None else upper - difference["interval"]["estimate"]


def share(count: int, worlds: int) -> dict[str, float]:
    """Return a share with its Clopper-Pearson bounds at 95%."""
    bounds = binomtest(count, worlds).proportion_ci(0.95, "exact")
    return {"share": count / worlds, "lower": float(bounds.low), "upper": float(bounds.high), "worlds": worlds}


def measure(worlds: int, run: Callable[..., Any] = map) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Judge so many worlds of every question; return the shares, and what else the table tells."""
    shares: dict[str, dict[str, float]] = {}
    told: dict[str, Any] = {}
    for name, question in QUESTIONS.items():
        began = time.perf_counter()
        found = list(run(partial(verdict, question=question), range(worlds)))
        results = [one for one, _, _ in found]
        if question.battery:
            blocked = Counter(gate for result in results for gate, passed in result.items() if not passed)
            label = name.replace("good", "blocked_good")
            shares[label] = share(sum(not all(result.values()) for result in results), worlds)
            told[label] = {gate: count / worlds for gate, count in blocked.most_common()}
        else:
            label = "passed_equal" if name == "equal" else name
            shares[label] = share(sum(result["champion"] for result in results), worlds)
        if name == "good":
            told["worlds"] = (np.nanmedian([half for _, half, _ in found]), np.median([days for _, _, days in found]))
        sys.stderr.write(f"{label}: {worlds:,} worlds in {time.perf_counter() - began:.0f} s\n")
    return shares, told


LIMITS = {
    "promoted_equal": "<= 5%",
    "promoted_at_margin": "<= 5%",
    "promoted_worse": "<= 1%",
    "power": ">= 80%",
    "blocked_good": "<= 10%",
}


def main() -> None:
    """Measure and print."""
    logging.disable(logging.WARNING)
    with ProcessPoolExecutor() as pool:
        shares, told = measure(WORLDS, partial(pool.map, chunksize=50))
    half, days = told["worlds"]
    lines = [f"{'':24} {'share':>7}  {'95% bounds':16} asked"]
    lines += [
        f"{name:24} {one['share']:7.1%}  [{one['lower']:6.1%}, {one['upper']:6.1%}] {LIMITS.get(name, ''):>7}"
        for name, one in shares.items()
    ]
    lines += [
        f"{label}, gate by gate: " + ", ".join(f"{gate} {part:.1%}" for gate, part in told[label].items())
        for label in told
        if label.startswith("blocked")
    ]
    lines += [
        f"worlds: half width of the paired difference {half:.4f}, days worth {days:.1f} independent ones (median)",
        "flagship, June 2013: 0.0115 (`make bench-flagship`) and 17.1 (`make run`)",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.write(json.dumps(shares) + "\n")


if __name__ == "__main__":
    main()
