from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.errors import StatisticError
from model_lifecycle.rehearsal.scorecard.worth import worth
from model_lifecycle.statistics.blocks import DAY
from tiny_release import QUESTION, START, record, scorer

DAYS, A_DAY = 40, 25


def _decisions(made_days: int = DAYS) -> pd.DataFrame:
    rows = [record(number) for number in range(made_days * A_DAY)]
    times = pd.Series([START + number * DAY / A_DAY for number in range(len(rows))])
    late = np.random.default_rng(1).integers(0, 2, len(rows)).astype(float)
    table = pd.DataFrame(rows).assign(asked_at=times.astype("datetime64[us, UTC]"), late=late, outcome="observed")
    for name in ("slot",):
        table[name] = pd.to_datetime(table[name], utc=True).astype("datetime64[us, UTC]")
    return table


def _events() -> pd.DataFrame:
    moments = pd.DatetimeIndex([START - timedelta(days=400)], dtype="datetime64[us, UTC]")
    return pd.DataFrame(
        {
            "event_id": ["e"],
            "kind": ["delivery"],
            "event_time": moments,
            "known_at": moments,
            "depot": ["north"],
            "late": [1.0],
        }
    )


def _answered(decisions: pd.DataFrame, score: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame({"decision_id": decisions[QUESTION.decision_id], "score": score, "threshold": 0.5})
    outputs = pd.Series([{}] * len(table), dtype=object)
    return table.assign(decision="", outputs=outputs).set_index("decision_id")


def test_who_decides_as_the_frozen_champion_does_is_worth_as_much() -> None:
    decisions, frozen = _decisions(), scorer("parcels-1", threshold=2.0)  # never acts
    found = worth(_answered(decisions, np.zeros(len(decisions))), decisions, _events(), frozen, QUESTION, "UTC")

    assert found.loop == found.frozen == 0.0
    assert found.decisions == len(decisions)


def test_who_knows_the_outcome_is_worth_more_with_the_whole_interval() -> None:
    decisions, frozen = _decisions(), scorer("parcels-1", threshold=2.0)
    found = worth(_answered(decisions, decisions["late"].to_numpy()), decisions, _events(), frozen, QUESTION, "UTC")

    assert found.difference is not None
    assert found.difference.lower is not None
    assert 0 < found.difference.lower < found.loop - found.frozen
    assert sum(loop for loop, _ in found.by_month.values()) > 0


def test_one_day_has_no_interval() -> None:
    decisions = _decisions(1)
    found = worth(_answered(decisions, np.ones(A_DAY)), decisions, _events(), scorer("parcels-1"), QUESTION, "UTC")
    assert found.difference is None


def test_without_an_answer_there_is_nothing_to_compare() -> None:
    decisions = _decisions(1)
    nobody = _answered(decisions, np.ones(A_DAY)).iloc[:0]
    with pytest.raises(StatisticError, match="no decision that was answered has an outcome"):
        worth(nobody, decisions, _events(), scorer("parcels-1"), QUESTION, "UTC")
