"""What a retraining learns from: an order, trusted rows, a test that nobody has seen."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts.modelling import SplitSpec
from model_lifecycle.contracts.policy import MonitoringSpec, PolicySpec, TrainingWindow
from model_lifecycle.contracts.records import AuditRecord
from model_lifecycle.contracts.retraining import RetrainingOrder, RetrainingSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.errors import ConfigurationError, FeatureError, GateBlocked
from model_lifecycle.pipelines.retrain.nodes import order_retraining, plan_retraining
from tiny_release import QUESTION

START = datetime(2024, 1, 1, tzinfo=UTC)
AS_OF = datetime(2024, 6, 1, tzinfo=UTC)
RUN = RunSpec(as_of=AS_OF)
SPLIT = SplitSpec(time_zone="UTC", validation_periods=1)
MONITORING = MonitoringSpec.model_validate({"window": "7d"})
POLICY = PolicySpec.model_validate({"cooldown": "14d", "maximum_age": "180d"})
WEEK = timedelta(days=7)


def _champion(made: datetime = START, until: datetime = START) -> Any:
    facts = SimpleNamespace(trained_until=until.isoformat())
    scorer = SimpleNamespace(release_id="parcels-1", facts=facts)
    return SimpleNamespace(scorer=scorer, info={"created_as_of": made.isoformat()})


def _entry(action: str, **details: object) -> AuditRecord:
    return AuditRecord(START, "agent", action, "parcels-1", "the loss rose", details)


def _blocked(start: datetime) -> AuditRecord:
    return _entry("data blocked", start=start.isoformat(), end=(start + WEEK).isoformat())


def _order(**changes: object) -> RetrainingOrder:
    known = {"order": None, "as_of": AS_OF, "requester": "ada", "reason": "why not", "training": TrainingWindow()}
    return RetrainingOrder.model_validate({**known, "refit": False, "promote": True, **changes})


def _known(label_days: int = 1) -> pd.DataFrame:
    times = pd.Series(pd.date_range(START, AS_OF, freq="6h", inclusive="left"))
    labelled = times + pd.Timedelta(days=label_days)
    known = (labelled < pd.Timestamp(AS_OF)).to_numpy()
    return pd.DataFrame(
        {
            "parcel": [f"P-{number}" for number in range(len(times))],
            "asked_at": times,
            "delivered_at": labelled.where(known),
            "outcome": np.where(known, "observed", "pending"),
        }
    )


def _plan(order: RetrainingOrder, known: pd.DataFrame | None = None, champion: Any = None) -> Any:
    table = _known() if known is None else known
    return plan_retraining(table, order, SPLIT, RUN, QUESTION, MONITORING, champion)


def test_an_order_of_the_agent_takes_its_reasons_from_the_trail() -> None:
    trail = [_entry("retraining ordered", order="a"), _entry("retraining ordered", order="b")]
    found = order_retraining(RetrainingSpec(order="b", promote=False), RUN, POLICY, trail, _champion(), SPLIT)
    assert (found.requester, found.reason, found.promote) == ("agent", "the loss rose", False)


def test_an_order_that_the_trail_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'x': the audit trail knows no such order"):
        order_retraining(RetrainingSpec(order="x"), RUN, POLICY, [], _champion(), SPLIT)


def test_a_moment_that_is_not_later_than_the_champions_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"run.as_of is 2024-06-01.*parcels-1 was made as of 2024-06-01"):
        order_retraining(RetrainingSpec(), RUN, POLICY, [], _champion(made=AS_OF), SPLIT)


def test_windows_that_failed_are_excluded_until_they_are_trusted_again() -> None:
    trail = [_blocked(START), _blocked(START + WEEK)]
    trusted = _entry("data trusted", start=START.isoformat(), end=(START + WEEK).isoformat())
    found = order_retraining(RetrainingSpec(), RUN, POLICY, [*trail, trusted], _champion(), SPLIT)
    assert found.excluded == ((START + WEEK, START + 2 * WEEK),)


def test_a_policy_that_holds_refuses_while_a_window_failed() -> None:
    hold = POLICY.model_copy(update={"blocked_rows": "hold"})
    with pytest.raises(GateBlocked, match=r"retraining is held .*2024-01-01"):
        order_retraining(RetrainingSpec(), RUN, hold, [_blocked(START)], _champion(), SPLIT)
    assert order_retraining(RetrainingSpec(), RUN, hold, [], _champion(), SPLIT).excluded == ()


def test_a_window_that_failed_before_all_that_is_learnt_from_holds_nothing() -> None:
    hold = POLICY.model_copy(update={"blocked_rows": "hold", "training": TrainingWindow(periods=1)})
    found = order_retraining(RetrainingSpec(), RUN, hold, [_blocked(START)], _champion(), SPLIT)
    assert found.excluded == ((START, START + WEEK),)
    with pytest.raises(GateBlocked, match=r"the data of 2024-02-26.* to 2024-03-04[^,]* failed"):
        order_retraining(RetrainingSpec(), RUN, hold, [_blocked(START + n * WEEK) for n in (0, 8)], _champion(), SPLIT)


def test_rows_of_an_excluded_span_are_in_neither_training_nor_test() -> None:
    spans = [(START, START + WEEK), (AS_OF - WEEK, AS_OF - timedelta(days=1))]
    _, table = _plan(_order(excluded=spans))
    assert len(_known()) - len(table) == 4 * (7 + 6)
    assert not ((table["asked_at"] >= spans[1][0]) & (table["asked_at"] < spans[1][1])).any()


def test_the_test_is_the_latest_window_of_which_enough_outcomes_are_known() -> None:
    plan, table = _plan(_order(), _known(label_days=14))
    assert plan.test.end == AS_OF - timedelta(days=11)  # a tenth of its month may be missing
    assert table["asked_at"].max() < plan.test.end
    assert _plan(_order())[0].test.end == AS_OF


def test_no_mature_window_at_all_is_refused() -> None:
    with pytest.raises(FeatureError, match="no window of 1 month has outcomes of 90% of its decisions"):
        _plan(_order(), _known(label_days=400))


def test_the_test_begins_where_the_champions_training_data_end() -> None:
    refitted = AS_OF - timedelta(days=20)
    assert _plan(_order(), champion=_champion(until=refitted))[0].test.start == refitted
    assert _plan(_order(), champion=_champion(until=START))[0].test.start == datetime(2024, 5, 1, tzinfo=UTC)
    with pytest.raises(FeatureError, match=r"was trained until 2024-06-01.*decisions since that neither"):
        _plan(_order(), champion=_champion(until=AS_OF))


def test_a_later_test_keeps_the_gap_that_labels_need_before_it_and_before_a_refit() -> None:
    delay, seen = timedelta(days=10), datetime(2024, 5, 4, tzinfo=UTC)
    split = SPLIT.model_copy(update={"label_delay": delay})
    plan, _ = plan_retraining(_known(), _order(), split, RUN, QUESTION, MONITORING, _champion(until=seen))
    assert (plan.test.start, plan.test.end) == (seen, AS_OF - delay)
    assert plan.test.trained_until == seen - delay
    assert plan.test.retrained_at(AS_OF).trained_until == AS_OF - delay


@pytest.mark.parametrize(
    ("training", "start"),
    [({"periods": 2}, datetime(2024, 3, 1, tzinfo=UTC)), ({"periods": "expanding"}, START), ({}, START)],
)
def test_the_policys_training_window_reaches_the_split(training: dict[str, object], start: datetime) -> None:
    plan, _ = _plan(_order(training=training | {"half_life": "30d"}))
    assert (plan.test.train_start, plan.half_life) == (start, timedelta(days=30))
