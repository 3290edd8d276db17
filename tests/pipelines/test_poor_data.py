"""Data as they come: each is a clear error that says what was found, or a defined answer."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.errors import ContractError, FeatureError, GateBlocked, LifecycleError
from parcels import RUN, decisions, run_stages

TEST_MONTH = pd.Timestamp("2024-07-01", tz="Europe/Berlin")


def _spread(rows: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table.iloc[np.linspace(0, len(table) - 1, rows).astype(int)].reset_index(drop=True)


def _with_infinities(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[[5, 900], "weight"] = [np.inf, -np.inf]
    return table


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        pytest.param(
            lambda table: table.assign(late=table["late"].mask(table["late"] == 1.0, 0.0)),
            GateBlocked, "feasibility says no-go: 0 positive outcomes, expected at least 200", id="zeros only",
        ),
        pytest.param(
            lambda table: table.assign(late=table["late"].mask(table["late"] == 0.0, 1.0)),
            GateBlocked, r"feasibility says no-go: 1 different outcomes on 2,338 rows, expected at least 2",
            id="ones only",
        ),
        pytest.param(
            lambda table: table.assign(late=np.nan, outcome="unavailable", outcome_reason="lost"),
            ContractError, r"column 'late': 100\.0% of 3,660 values missing; expected at most 20\.0%", id="no labels",
        ),
        pytest.param(
            lambda table: table.assign(weight=np.nan),
            ContractError, r"column 'weight': 100\.0% of 3,660 values missing", id="an empty column",
        ),
        pytest.param(_spread(20), GateBlocked, r"feasibility says no-go: \d+ positive outcomes", id="20 rows"),
        pytest.param(_spread(2), FeatureError, "0 test decisions between .* expected a later as_of", id="2 rows"),
        pytest.param(_spread(0), ContractError, "'primary_table', rows: 0 rows; expected at least 1 row", id="no rows"),
        pytest.param(
            _with_infinities, ContractError, r"column 'weight': 2 of 3,660 values .* \(rows 5, 900\); expected finite",
            id="infinite values",
        ),
        pytest.param(
            lambda table: table.assign(late=np.where(table["late"] == 1.0, "yes", "no")),
            ContractError, "column 'late': found type str, expected number", id="words for a target",
        ),
        pytest.param(
            lambda table: table.assign(late=table["late"] * 2),
            ContractError, r"column 'late': 1,\d+ of 3,660 values such as 2\.0 .* expected <= 1", id="a target of 2",
        ),
        pytest.param(
            lambda table: table.assign(delivered_at=pd.Series(pd.NaT, table.index, dtype="datetime64[us, UTC]")),
            LifecycleError, "delivered_at|no-go|outcome", id="label times that never come",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_refused(
    spoil: Callable[[pd.DataFrame], pd.DataFrame], error: type[LifecycleError], message: str
) -> None:
    with pytest.raises(error, match=message):
        run_stages(parcels=spoil(decisions()))


def test_a_column_that_never_changes_teaches_nothing_and_no_gate_lets_that_pass() -> None:
    """Nothing but noise is left: the model is as good as the base rate, which is not good enough."""
    verdict = run_stages(parcels=decisions().assign(weight=7.0)).verdict
    assert not verdict["passed"]
    assert "beats constant" in {gate["gate"] for gate in verdict["gates"] if not gate["passed"]}


def test_a_category_that_training_has_never_seen_is_scored() -> None:
    table = decisions()
    table["depot"] = table["depot"].mask(table["asked_at"] >= TEST_MONTH, "west")
    stages = run_stages(parcels=table)
    assert set(stages.test["depot"]) == {"west"}
    assert np.isfinite(stages.scores[[f"prediction_{name}" for name in stages.fitted]].to_numpy()).all()
    assert RUN.as_of.isoformat() == stages.evidence["split"]["as_of"]
