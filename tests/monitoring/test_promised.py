"""A quantity of which a third is 0 and the rest has a heavy tail; days depend on one another."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.contracts.table import ColumnContract
from model_lifecycle.contracts.value import QuantityCost
from model_lifecycle.monitoring.champion import ChampionFacts
from model_lifecycle.monitoring.judge import Rules, judge_windows
from model_lifecycle.monitoring.performance import holdout_figures, judge_performance
from model_lifecycle.monitoring.policy import breaches
from model_lifecycle.monitoring.promised import beyond_promised
from model_lifecycle.monitoring.verdict import MonitoringReport
from model_lifecycle.tasks.regression import RegressionTask
from monitored_traffic import CONTRACT, LIVE, MONITORING, RELEASE, SPEC, TASK, WEEK, champion, live, log_of

PER_DAY = 80
DAYS = 7
PROMISED = {"below_plan", "above_plan", "outside_interval"}
POLICY = PolicySpec.model_validate({"cooldown": "14d", "maximum_age": "180d", "maximum_loss_increase": 2000.0})
AMOUNT = RegressionTask(
    QuantityCost.model_validate(
        {
            "task": "regression",
            "unit": "EUR",
            "source": "invented for tests",
            "under": 3,
            "over": 1,
            "default": 0,
            "unavailable": 0,
            "interval": 0.9,
        }
    )
)


def _amounts(seed: int, days: int) -> np.ndarray:
    """Return amounts of which days explain a twelfth of the variance, which carries over from day to day."""
    random = np.random.default_rng(seed)
    effect = np.empty(days)
    effect[0] = random.normal()
    for day in range(1, days):
        effect[day] = 0.5 * effect[day - 1] + np.sqrt(0.75) * random.normal()
    amount = np.exp(7.0 + 0.3 * np.repeat(effect, PER_DAY) + random.normal(size=days * PER_DAY))
    return np.where(random.random(amount.size) < 0.3, 0.0, amount)


def _prediction(rows: int) -> np.ndarray:
    """Return lower end, plan and upper end of what is usual; the lower end lies on the many amounts of 0."""
    return np.tile(np.quantile(_amounts(0, 2000), [0.05, 0.75, 0.95]), (rows, 1))


def _champion() -> ChampionFacts:
    target = _amounts(1, 35)
    times = np.datetime64("2024-05-01", "us") + np.repeat(np.arange(35), PER_DAY) * np.timedelta64(1, "D")
    holdout = holdout_figures(AMOUNT, target, _prediction(target.size), times)
    return champion().model_copy(
        update={
            "constant": AMOUNT.constant(target),
            "holdout": ChampionFacts.model_validate(champion().model_dump() | {"holdout": holdout}).holdout,
        }
    )


def _rules(amounts: np.ndarray, facts: ChampionFacts) -> set[str]:
    days = np.repeat(np.arange(amounts.size // PER_DAY), PER_DAY)
    prediction = _prediction(amounts.size)
    rows = pd.DataFrame(
        {
            "release": RELEASE,
            "decision_time": pd.Timestamp(LIVE) + pd.to_timedelta(days, unit="D"),
            "score": prediction[:, 1],
            "threshold": np.nan,
            "decision": "plan",
            "outputs": [{"lower": low, "plan": plan, "upper": high} for low, plan, high in prediction.tolist()],
            "outcome": "observed",
            "label_time": pd.Timestamp(LIVE) + pd.to_timedelta(days + 1, unit="D"),
            "value": amounts,
        }
    )
    return {one.rule for one in breaches(judge_performance(rows, facts, AMOUNT, WEEK), POLICY)}


@pytest.mark.parametrize("factor", [2.2, 0.2])
def test_amounts_of_another_size_break_what_the_plan_promised(factor: float) -> None:
    facts = _champion()
    for seed in range(10):
        broken = _rules(factor * _amounts(100 + seed, DAYS), facts)
        assert ("above_plan" if factor > 1 else "below_plan") in broken


def test_stationary_weeks_of_dependent_days_keep_what_was_promised() -> None:
    facts = _champion()
    broken = [_rules(_amounts(200 + seed, DAYS), facts) & PROMISED for seed in range(200)]
    assert sum(map(bool, broken)) <= 4, f"{sum(map(bool, broken))} of 200 stationary weeks"


def _report(change: Callable[[np.ndarray], np.ndarray], contract: ColumnContract | None = None) -> MonitoringReport:
    """Judge three weeks whose outcomes in the last one are changed."""
    log = log_of(live(1, weeks=3))
    lower, plan, upper = _prediction(1)[0].tolist()
    amounts = np.exp(np.random.default_rng(0).normal(7.0, 1.0, len(log)))
    last = (log["decision_time"] >= LIVE + 2 * WEEK).to_numpy()
    log = log.assign(
        score=plan,
        threshold=np.nan,
        decision="plan",
        outputs=pd.Series([{"lower": lower, "plan": plan, "upper": upper}] * len(log), dtype=object),
        value=np.where(last, change(amounts), amounts),
    )
    columns = CONTRACT if contract is None else {**CONTRACT, "cost": contract}
    rules = Rules(SPEC, columns, AMOUNT, MONITORING, target="cost")
    facts = _champion().model_copy(update={"errors": None})
    return judge_windows(log.sample(frac=1, random_state=0), facts, rules, LIVE + 4 * WEEK, 4)


def _told(report: MonitoringReport) -> list[list[tuple[str, str | None]]]:
    return [[(one.rule, one.column) for one in window.quality if one.column == "cost"] for window in report.windows[:3]]


@pytest.mark.parametrize("change", [lambda euros: 100 * euros, lambda euros: euros / 100, np.negative])
def test_outcomes_in_another_unit_block_their_window(change: Callable[[np.ndarray], np.ndarray]) -> None:
    report = _report(change)
    assert _told(report) == [[], [], [("unit", "cost")]]
    assert [window.blocked() for window in report.windows[:3]] == [False, False, True]


@pytest.mark.parametrize("factor", [1.0, 0.5, 2.2])
def test_outcomes_that_grew_are_no_other_unit(factor: float) -> None:
    assert _told(_report(lambda euros: factor * euros)) == [[], [], []]


def test_outcomes_outside_the_range_of_the_contract_block_their_window() -> None:
    contract = ColumnContract(type="number", minimum=0.0, maximum=20_000.0, known="label")
    assert _told(_report(lambda euros: euros, contract)) == [[], [], []]
    eightfold = _report(lambda euros: 8.0 * euros, contract)
    assert _told(eightfold) == [[], [], [("out_of_range", "cost")]]
    assert eightfold.windows[2].blocked()


def test_outcomes_on_the_plan_lie_on_neither_side_of_it() -> None:
    prediction = np.tile([0.0, 0.0, 10.0], (4, 1))
    found = beyond_promised(np.array([0.0, 0.0, 5.0, 20.0]), prediction, AMOUNT)
    assert {name: values.mean() for name, values in found.items()} == pytest.approx(
        {"below_plan": -0.75, "above_plan": 0.25, "outside_interval": 0.15}
    )


def test_a_probability_promises_no_share_of_a_quantity() -> None:
    assert beyond_promised(np.array([0.0, 1.0]), np.array([0.2, 0.8]), TASK) == {}
