"""On traffic of the kind that the release was trained on, monitoring keeps quiet; faults planted in it are found."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit

from model_lifecycle.monitoring.judge import judge_windows
from model_lifecycle.monitoring.performance import holdout_figures, judge_performance
from model_lifecycle.monitoring.policy import breaches
from model_lifecycle.monitoring.verdict import Figure
from monitored_traffic import LIVE, POLICY, RULES, TASK, WEEK, Traffic, champion, judged, live, log_of

SEEDS = 40
FAULTS = 6


def test_in_most_stationary_windows_nothing_is_raised() -> None:
    """Nominally drift in 5% of windows (`make bench-monitoring` holds it to 7% at all sizes), concept drift in as many.

    Nothing else in any.
    """
    drift = quality = performance = concept = 0
    for seed in range(SEEDS):
        verdict = judged(live(2000 + seed), facts=champion(seed % 8)).windows[-1]
        drift += bool(verdict.drift.drifted())
        quality += bool(verdict.quality)
        concept += verdict.concept is not None and verdict.concept.drifted
        performance += bool(breaches(verdict.performance, POLICY))
    assert (quality, performance) == (0, 0)
    assert drift <= SEEDS * 0.15, f"drift in {drift} of {SEEDS} stationary windows"
    assert concept <= SEEDS * 0.15, f"concept drift in {concept} of {SEEDS} stationary windows"


def _share_raised(rule: str, column: str, change: Callable[[np.ndarray], np.ndarray]) -> float:
    raised = 0
    for seed in range(FAULTS):
        faulty = live(3000 + seed, weeks=2).changed_from(LIVE + WEEK, column, change)
        verdict = judged(faulty, weeks=2).windows[-1]
        raised += any((one.rule, one.column) == (rule, column) for one in verdict.critical())
    return raised / FAULTS


def _missing(values: np.ndarray) -> np.ndarray:
    values[::4] = np.nan
    return values


def _category(values: np.ndarray) -> np.ndarray:
    values[::20] = "offshore"
    return values


@pytest.mark.parametrize(
    ("rule", "column", "change", "found"),
    [
        ("missing", "load", _missing, 1.0),
        ("unknown_category", "region", _category, 1.0),
        ("unit", "temperature", lambda values: (values - 32) / 1.8, 0.8),
        ("out_of_range", "load", lambda values: values - 5, 1.0),
        ("stuck", "sensor", np.zeros_like, 1.0),
        ("unreadable", "noise_3", lambda values: values.astype(object).astype(str), 1.0),
    ],
)
def test_a_planted_fault_in_the_data_blocks_the_window(
    rule: str, column: str, change: Callable[[np.ndarray], np.ndarray], found: float
) -> None:
    """Of six seeded windows after a good one; a unit's change can hide behind a week that differs as much."""
    assert _share_raised(rule, column, change) >= found


def test_a_fault_in_one_column_leaves_the_others_unaccused() -> None:
    verdict = judged(live(1).changed("temperature", lambda values: (values - 32) / 1.8)).windows[-1]
    assert {one.column for one in verdict.quality} == {"temperature"}
    assert not verdict.drift.skipped


def test_a_shifted_column_drifts_and_does_not_block() -> None:
    for seed in range(10):
        verdict = judged(live(4000 + seed).changed("noise_4", lambda values: values + 1.5)).windows[-1]
        assert "noise_4" in {one.feature for one in verdict.drift.drifted()}
        assert not verdict.blocked()


def test_a_model_that_has_lost_its_skill_breaches_with_its_whole_interval() -> None:
    for seed in range(10):
        found = live(5000 + seed)
        random = np.random.default_rng(seed)
        shuffled = type(found)(found.columns, found.times, random.permutation(found.score), found.target)
        rules = {one.rule for one in breaches(judged(shuffled).windows[-1].performance, POLICY)}
        assert "skill_lost" in rules


def test_a_swing_of_the_constant_alone_is_no_breach() -> None:
    found = live(6)
    logit = np.log(found.score / (1 - found.score)) + 0.8
    score = 1 / (1 + np.exp(-logit))
    target = (np.random.default_rng(6).random(score.size) < score).astype(np.float64)
    performance = judged(type(found)(found.columns, found.times, score, target)).windows[-1].performance
    assert performance is not None
    assert performance.differences["loss_increase"].estimate > POLICY.maximum_loss_increase
    assert breaches(performance, POLICY) == ()


def _drawn(
    seed: int, days: int, start: str, intercept: float, slope: float, spread: float, model: tuple[float, float]
) -> Traffic:
    """Return traffic of one input whose relation to the outcome is logistic, answered by a model of that form."""
    random = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), 500)
    signal = spread * random.normal(size=day.size)
    target = (random.random(day.size) < expit(intercept + slope * signal)).astype(np.float64)
    within = np.sort(random.integers(0, 86_400_000_000, size=(days, 500)), axis=1).ravel()
    times = np.datetime64(start, "us") + (day * 86_400_000_000 + within).astype("timedelta64[us]")
    return Traffic({"load": signal}, times, expit(model[0] + model[1] * signal), target)


def _rules(intercept: float, now: tuple[float, float, float], seed: int) -> set[str]:
    """Return what breaches in a week of this intercept, slope and spread; of a model that knew 2 and 1."""
    model = (intercept, 2.0)
    held = _drawn(seed, 28, "2024-06-01", *model, 1.0, model)
    figures = holdout_figures(TASK, held.target, held.score, held.times)
    facts = champion().model_copy(update={"holdout": {k: Figure.model_validate(one) for k, one in figures.items()}})
    week = log_of(_drawn(seed + 1, 7, "2024-07-01", *now, model))
    return {one.rule for one in breaches(judge_performance(week, facts, TASK, WEEK), POLICY)}


def test_inputs_that_vary_less_take_no_skill_from_a_model_that_is_right() -> None:
    for seed in range(3):
        assert "skill_lost" not in _rules(-1.0, (-1.0, 2.0, 0.33), seed)
        assert "skill_lost" in _rules(-1.0, (-1.0, 0.4, 1.0), seed)


def test_a_model_of_a_rare_event_that_has_lost_most_of_its_little_skill_breaches() -> None:
    for seed in range(3):
        assert "skill_lost" in _rules(-6.0, (-4.4, 0.3, 1.0), seed)
        assert "skill_lost" not in _rules(-6.0, (-6.0, 2.0, 1.0), seed)


def test_one_unreadable_document_a_row_breaks_nothing() -> None:
    log = log_of(live(7))
    log["features"] = "{broken"
    log.loc[0, "inputs"] = "not json"
    log.loc[1, "inputs"] = None
    verdict = judge_windows(log, champion(), RULES, LIVE + WEEK, 1).windows[-1]
    assert verdict.decisions == len(log)
    assert len(verdict.drift.features) == len(champion().reference_profile.features) + 1
