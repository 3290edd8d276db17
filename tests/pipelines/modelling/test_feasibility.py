"""Before any model: go or no-go, each for a reason with its figures."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion, SuccessCriteria
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.errors import GateBlocked, StatisticError
from model_lifecycle.pipelines.modelling.nodes.feasibility import assessor, require_go
from model_lifecycle.reporting.feasibility import feasibility_page
from model_lifecycle.reporting.feasibility_evidence import FeasibilityEvidence
from parcels import CASE, GATES, MONITORING, QUESTION_WITH_SLICE, Stages


def _assess(
    stages: Stages,
    train: pd.DataFrame | None = None,
    question: BusinessQuestion = QUESTION_WITH_SLICE,
    test: pd.DataFrame | None = None,
    plan: SplitPlan | None = None,
) -> FeasibilityEvidence:
    train = stages.train if train is None else train
    test = stages.test if test is None else test
    return assessor(CASE)(train, test, question, plan or stages.plan, GATES, MONITORING)


def _failed(found: FeasibilityEvidence) -> list[str]:
    assert found["go"] == (not any(not reason["passed"] for reason in found["reasons"]))
    return [reason["gate"] for reason in found["reasons"] if not reason["passed"]]


def test_good_data_go(stages: Stages) -> None:
    found = _assess(stages)
    assert _failed(found) == []
    require_go(found)
    settled = stages.train[stages.train[model_input.OUTCOME] != "pending"]
    assert found["rows"] == len(settled)
    assert found["unavailable"] == {"lost": int((settled[model_input.OUTCOME] == "unavailable").sum())}
    assert "Which parcels" in feasibility_page(found)


def test_perfection_acts_where_acting_pays_and_nowhere_else(stages: Stages) -> None:
    settled = stages.train[stages.train[model_input.OUTCOME] != "pending"]
    late = (settled[model_input.TARGET] == 1.0).mean()
    assert _assess(stages)["value"]["perfect"]["estimate"] == pytest.approx(7 * late * 1000)


def test_an_unavailable_outcome_costs_what_the_question_says(stages: Stages) -> None:
    settled = stages.train[stages.train[model_input.OUTCOME] != "pending"]
    lost, late = (settled[model_input.OUTCOME] == "unavailable").mean(), (settled[model_input.TARGET] == 1.0).mean()
    expected = 1000 * (7 * late - 5 * (1 - late - lost) - 5 * lost)
    assert _assess(stages)["value"]["act_always"]["estimate"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("success", "gate"),
    [
        ({"minimum_value_per_1000": 1e6}, "enough to gain"),
        ({"minimum_value_per_1000": 1, "minimum_positives": 10**6}, "enough positive outcomes"),
    ],
)
def test_too_little_to_gain_or_to_learn_from_is_no_go(stages: Stages, success: dict[str, Any], gate: str) -> None:
    question = QUESTION_WITH_SLICE.model_copy(update={"success": SuccessCriteria(**success)})
    assert _failed(_assess(stages, question=question)) == [gate]


def test_a_gain_that_the_test_window_cannot_show_is_no_go(stages: Stages) -> None:
    """Whole weeks in which all parcels are late, and weeks in which none is: the spread swamps the gain."""
    week = stages.train[model_input.DECISION_TIME].dt.day_of_year // 7
    target = stages.train[model_input.TARGET].where(
        stages.train[model_input.TARGET].isna(), (week % 8 == 0).astype(float)
    )
    assert _failed(_assess(stages, stages.train.assign(row_target=target))) == ["gain can be seen"]


def test_a_test_window_whose_outcomes_are_still_to_come_is_no_go_and_told_how_long_they_take(stages: Stages) -> None:
    outcomes = [*[model_input.OBSERVED] * 2, *[model_input.PENDING] * (len(stages.test) - 2)]
    waiting = stages.test.assign(row_outcome=outcomes, row_target=1.0)
    found = _assess(stages, test=waiting)
    assert _failed(found) == ["outcomes have arrived"]
    with pytest.raises(
        GateBlocked,
        match=rf"no-go: 2 of {len(waiting)} outcomes of the test window are known, 1 different ones; before it 90% of "
        r"the outcomes took up to \d+ days: `split.label_delay: \d+d` lays the split so much earlier",
    ):
        require_go(found)


def test_a_test_window_with_fewer_outcomes_than_the_evidence_gate_asks_for_is_no_go(stages: Stages) -> None:
    """The share counts every outcome that is settled, and outcomes of both kinds are known on either side of it."""

    def failed(share: float) -> list[str]:
        known = np.arange(len(stages.test)) < np.ceil(share * len(stages.test))
        return _failed(
            _assess(
                stages,
                test=stages.test.assign(
                    row_outcome=np.where(known, stages.test[model_input.OUTCOME], model_input.PENDING)
                ),
            )
        )

    assert failed(GATES.minimum_label_share) == []
    assert failed(GATES.minimum_label_share - 0.05) == ["outcomes have arrived"]


def _late_positives(train: pd.DataFrame) -> pd.DataFrame:
    """Return rows whose positive outcomes are known after 45 days and all others after one."""
    wait = pd.to_timedelta(np.where(train[model_input.TARGET] == 1.0, 45, 1), unit="D")
    return train.assign(**{model_input.LABEL_TIME: train[model_input.DECISION_TIME] + wait})


def test_outcomes_of_one_kind_that_come_much_later_ask_for_a_label_delay(
    stages: Stages, caplog: pytest.LogCaptureFixture
) -> None:
    found = _assess(stages, _late_positives(stages.train))
    told = "90% of one kind of outcome take up to 45 days, of another 1: declare `split.label_delay: 45d`"
    assert told in found["reasons"][-1]["reason"]
    assert told in caplog.text
    assert _failed(found) == []


def test_outcomes_that_come_alike_or_are_waited_for_ask_for_nothing(stages: Stages) -> None:
    assert "label_delay" not in _assess(stages)["reasons"][-1]["reason"]
    fold = stages.plan.test.model_copy(update={"train_end": stages.plan.test.start - timedelta(days=45)})
    waited = stages.plan.model_copy(update={"test": fold})
    assert "label_delay" not in _assess(stages, _late_positives(stages.train), plan=waited)["reasons"][-1]["reason"]


def test_one_day_of_data_is_too_little_for_an_interval(stages: Stages) -> None:
    with pytest.raises(StatisticError, match="blocks"):
        _assess(stages, stages.train.head(15))


def test_rows_that_are_still_pending_do_not_count(stages: Stages) -> None:
    pending = stages.train.assign(
        row_outcome=np.where(np.arange(len(stages.train)) % 2, "pending", stages.train["row_outcome"])
    )
    assert _assess(stages, pending)["rows"] == (pending["row_outcome"] != "pending").sum()
