"""A release that answered against one that would have: on the same decisions, by days."""

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from answered_worse import PER_DAY, SINCE, worse_answers
from model_lifecycle.monitoring.paired import compare_live
from model_lifecycle.scoring import Scorer
from tiny_release import START, scorer

DAYS = 30


@pytest.fixture(scope="module")
def answered() -> Scorer:
    return scorer("parcels-2")


@pytest.fixture(scope="module")
def before() -> Scorer:
    return scorer("parcels-1")


def _log(made: Scorer, worse: float = 0.0, days: int = DAYS, **changes: Any) -> pd.DataFrame:
    return worse_answers(made, days, worse, **changes)


def test_a_release_that_answers_worse_is_shown_to_be(answered: Scorer, before: Scorer) -> None:
    found = compare_live(_log(answered, worse=0.2), [], answered, before, SINCE)
    assert found.rows == DAYS * PER_DAY
    assert found.difference is not None
    assert found.difference.lower is not None
    assert found.difference.lower > 0


def test_a_release_that_answers_alike_is_not(answered: Scorer, before: Scorer) -> None:
    found = compare_live(_log(answered), [], answered, before, SINCE)
    assert found.difference is None or (found.difference.lower is not None and found.difference.lower <= 0)


def test_a_decision_that_is_asked_for_again_and_again_weighs_no_more_than_any_other(
    answered: Scorer, before: Scorer
) -> None:
    log = _log(answered, worse=-0.2)
    first = log.groupby(log["decision_time"].dt.date).head(1).index
    log.loc[first, "score"] = log.loc[first, "value"].map({0.0: 0.9, 1.0: 0.1})  # the one wrong answer of each day
    again = pd.concat([log, *[log.loc[first]] * 50], ignore_index=True)
    assert compare_live(again, [], answered, before, SINCE) == compare_live(log, [], answered, before, SINCE)


def test_too_few_days_tell_nothing(answered: Scorer, before: Scorer) -> None:
    found = compare_live(_log(answered, worse=0.2, days=5), [], answered, before, SINCE)
    assert found.difference is None
    assert "independent ones, expected 8" in found.reason


def test_decisions_before_the_promotion_and_of_others_do_not_count(answered: Scorer, before: Scorer) -> None:
    later = compare_live(_log(answered), [], answered, before, SINCE + timedelta(days=20))
    assert later.rows == 10 * PER_DAY
    assert compare_live(_log(answered, release="parcels-9"), [], answered, before, SINCE).rows == 0


def test_inputs_that_the_other_release_refuses_are_told(answered: Scorer, before: Scorer) -> None:
    inputs = [{"weight": -5.0, "depot": "north", "slot": START.isoformat()}] * (DAYS * PER_DAY)
    found = compare_live(_log(answered, inputs=inputs), [], answered, before, SINCE)
    assert found.difference is None
    assert "parcels-1 cannot answer the same inputs" in found.reason
