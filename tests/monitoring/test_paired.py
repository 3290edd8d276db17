"""A release that answered against one that would have: on the same decisions, by days."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.features.history import History
from model_lifecycle.monitoring.paired import compare_live
from model_lifecycle.scoring import Scorer
from tiny_release import SPEC, START, record, scorer

DAYS, PER_DAY = 30, 25
SINCE = START + timedelta(days=10)


@pytest.fixture(scope="module")
def answered() -> Scorer:
    return scorer("parcels-2")


@pytest.fixture(scope="module")
def before() -> Scorer:
    return scorer("parcels-1")


def _log(made: Scorer, worse: float = 0.0, days: int = DAYS, **changes: Any) -> pd.DataFrame:
    """Outcomes are as the release says; what it answers is moved away from that by `worse`."""
    draw = np.random.default_rng(1)
    records = [
        record(number, asked_at=(SINCE + timedelta(days=day, minutes=10 * number)).isoformat())
        for day in range(days)
        for number in range(PER_DAY)
    ]
    prediction = made.score(made.columns(records), History.build(SPEC, {})).prediction
    target = (draw.uniform(size=len(records)) < prediction).astype(np.float64)
    known = {
        "decision_id": [f"P-{number}" for number in range(len(records))],
        "decision_time": pd.to_datetime([str(one["asked_at"]) for one in records], utc=True),
        "release": made.release_id,
        "score": np.clip(prediction + worse * (0.5 - target) * 2, 0.01, 0.99),
        "inputs": [{name: one[name] for name in ("weight", "depot", "slot")} for one in records],
        "flags": [{} for _ in records],
        "outcome": "observed",
        "value": target,
        "label_time": pd.to_datetime([str(one["asked_at"]) for one in records], utc=True),
    }
    return pd.DataFrame(known | changes)


def test_a_release_that_answers_worse_is_shown_to_be(answered: Scorer, before: Scorer) -> None:
    found = compare_live(_log(answered, worse=0.2), [], answered, before, SINCE)
    assert found.rows == DAYS * PER_DAY
    assert found.difference is not None
    assert found.difference.lower is not None
    assert found.difference.lower > 0


def test_a_release_that_answers_alike_is_not(answered: Scorer, before: Scorer) -> None:
    found = compare_live(_log(answered), [], answered, before, SINCE)
    assert found.difference is None or (found.difference.lower is not None and found.difference.lower <= 0)


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
