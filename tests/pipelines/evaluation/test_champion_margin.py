"""How much of the champion's loss a challenger may lose, where the loss is large and where it is tiny."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from model_lifecycle.contracts.gates import GateLimits, GateResult
from model_lifecycle.pipelines.evaluation.nodes.enough import one_sided
from model_lifecycle.pipelines.evaluation.nodes.gates import against_champion
from model_lifecycle.reporting.conversion import interval_evidence
from model_lifecycle.statistics.intervals import paired_difference_interval
from model_lifecycle.statistics.proper_scores import log_losses

DAYS, ROWS_A_DAY = 30, 2000
SIZE = DAYS * ROWS_A_DAY


def _scorer(name: str) -> Any:
    facts = SimpleNamespace(release_id=name, trained_until="2024-06-01T00:00:00+00:00")
    facts.model_copy = lambda update: facts  # noqa: ARG005 - as pydantic's
    return SimpleNamespace(facts=facts, release_id=name, model=SimpleNamespace(to_files=dict))


def _judged(mine: np.ndarray, **changes: Any) -> GateResult:
    """Return the verdict on losses by row, against those of the champion and the baselines."""
    gates = GateLimits(**changes.pop("limits", {}))
    block = np.repeat(np.arange(DAYS), len(mine) // DAYS)
    differences: list[Any] = [
        {
            "model": "challenger", "against": name, "metric": "log_loss",
            "interval": interval_evidence(paired_difference_interval(mine, losses, block, gates.level)),
            "bounds": interval_evidence(paired_difference_interval(mine, losses, block, one_sided(gates.level))),
        }
        for name, losses in changes.items()
    ]  # fmt: skip
    plan: Any = SimpleNamespace(test=SimpleNamespace(start=datetime(2024, 6, 1, tzinfo=UTC)))
    champion: Any = SimpleNamespace(scorer=_scorer("before"))
    return against_champion(
        {"loss": "log_loss", "differences": differences}, gates, plan, champion, _scorer("challenger")
    )


def _rare() -> dict[str, np.ndarray]:
    """Return losses where 0.08% of outcomes are positive: of who knows everything, half, next to all, and nothing."""
    draw = np.random.default_rng(0)
    known, hidden = draw.standard_normal((2, SIZE))
    margin = -9.6 + 1.4 * known + 1.8 * hidden
    target = (draw.random(SIZE) < expit(margin)).astype(np.float64)
    predictions = {
        "all": expit(margin),
        "half": expit(-8.2 + 1.1 * known),
        "nearly": expit(margin + 0.05 * draw.standard_normal(SIZE)),
        "nothing": np.full(SIZE, expit(margin).mean()),
    }
    return {name: log_losses(target, one) for name, one in predictions.items()}


def test_where_outcomes_are_rare_a_challenger_that_loses_half_of_the_champions_gain_blocks() -> None:
    losses = _rare()
    lost = (losses["half"] - losses["all"]).mean() / (losses["nothing"] - losses["all"]).mean()
    assert lost > 0.5
    assert (losses["half"] - losses["all"]).mean() < 0.5 * GateLimits().champion_margin
    found = _judged(losses["half"], champion=losses["all"], constant=losses["nothing"])
    assert not found.passed
    assert found.figures["limit"] == pytest.approx(0.1 * (losses["nothing"] - losses["all"]).mean())
    assert "(non-inferiority: 10% of the 0.0019" in found.reason
    assert found.reason.endswith("that the champion gains over constant)")


def test_where_outcomes_are_rare_a_challenger_nearly_as_good_as_the_champion_passes() -> None:
    losses = _rare()
    assert _judged(losses["nearly"], champion=losses["all"], constant=losses["nothing"]).passed


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_of_what_the_unit_makes_small_no_more_than_a_share_is_lost(unit: float) -> None:
    draw = np.random.default_rng(0)
    known, hidden, noise = draw.standard_normal((3, SIZE))
    quantity = (5 * known + 3 * hidden + 2 * noise) * unit
    champion, challenger = ((5 * known + 3 * hidden) * unit, 5 * known * unit)
    cost = {name: np.abs(quantity - plan) for name, plan in (("champion", champion), ("constant", np.zeros(SIZE)))}
    assert not _judged(np.abs(quantity - challenger), **cost).passed
    assert _judged(np.abs(quantity - champion) * 0.99, **cost).passed


def _worlds(champion: float, **baselines: float) -> dict[str, np.ndarray]:
    """Return losses with these means, alike from row to row."""
    noise = np.random.default_rng(1).standard_normal(SIZE)
    return {name: mean + 0.01 * noise for name, mean in {"champion": champion, **baselines}.items()}


@pytest.mark.parametrize(
    ("champion", "baselines", "limit", "says"),
    [
        (0.50, {"constant": 0.55}, 0.003, "the configured margin, no more than 10% of the 0.05 that"),
        (0.50, {"constant": 0.51}, 0.001, "non-inferiority: 10% of the 0.01 that the champion gains over constant"),
        (0.50, {"constant": 0.55, "rule": 0.505}, 0.0005, "10% of the 0.005 that the champion gains over rule"),
        (0.55, {"constant": 0.50}, 0.0, "10% of the -0.05 that the champion gains over constant"),
    ],
)
def test_the_smaller_of_margin_and_share_counts(
    champion: float, baselines: dict[str, float], limit: float, says: str
) -> None:
    losses = _worlds(champion, **baselines)
    noise = 1e-6 * np.random.default_rng(2).standard_normal(SIZE)
    for worse, passes in ((-1e-5, True), (0.9 * limit, limit > 0), (1.1 * limit + 1e-5, False)):
        found = _judged(losses["champion"] + worse + noise, **losses)
        assert found.passed is passes
        assert found.figures["limit"] == pytest.approx(limit, abs=1e-9)
        assert says in found.reason


def test_superiority_goes_by_the_margin_alone() -> None:
    losses = _worlds(0.50, constant=0.501)
    limits = {"champion_mode": "superiority", "champion_margin": 0.003}
    for better, passes in ((0.0031, True), (0.0029, False)):
        mine = losses["champion"] - better + 1e-6 * np.random.default_rng(2).standard_normal(SIZE)
        found = _judged(mine, limits=limits, **losses)
        assert found.passed is passes
        assert found.reason.endswith("expected below -0.003 (superiority)")


def test_a_champion_whose_gain_is_not_known_is_no_yardstick() -> None:
    losses = _worlds(0.5)
    found = _judged(losses["champion"] - 0.1, **losses)
    assert not found.passed
    assert np.isnan(found.figures["limit"])
    assert "what the champion gains over a baseline is not known" in found.reason
