"""Data as they come, for each kind of question: each is a clear error that says what was found, or a defined answer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_lifecycle.contracts.modelling import ModellingSpec
from model_lifecycle.errors import ContractError, FeatureError, GateBlocked, LifecycleError, ModelError
from model_lifecycle.pipelines.modelling.nodes import search
from parcels import MODELLING, QUESTION_WITH_SLICE, RUN, Stages, run_stages
from task_questions import AMOUNT, KIND, asked

TEST_MONTH = pd.Timestamp("2024-07-01", tz="Europe/Berlin")
QUESTIONS = {"binary": QUESTION_WITH_SLICE, "regression": AMOUNT, "multiclass": KIND}
Table = pd.DataFrame
Spoil = Callable[[Table, str], Table]
every_task = pytest.mark.parametrize("task", QUESTIONS)


def _run(task: str, spoil: Spoil) -> Stages:
    question = QUESTIONS[task]
    return run_stages(parcels=spoil(asked(), question.target), question=question)


def _only(value: object) -> Spoil:
    """Let every observed outcome be the same."""
    return lambda table, target: table.assign(
        **{target: pd.Series([value] * len(table)).where(table["outcome"] == "observed")}
    )


def _spread(rows: int) -> Spoil:
    return lambda table, _: table.iloc[np.linspace(0, len(table) - 1, rows).astype(int)].reset_index(drop=True)


def _infinite(column: str | None, values: list[float]) -> Spoil:
    """Put infinities into observed rows of a column, by default the target."""

    def spoil(table: Table, target: str) -> Table:
        rows = np.flatnonzero(table["outcome"] == "observed")[[5, 900][: len(values)]]
        table.loc[rows, column or target] = values
        return table

    return spoil


def _no_labels(table: Table, target: str) -> Table:
    return table.assign(**{target: None, "outcome": "unavailable", "outcome_reason": "lost"}).astype(
        {target: table[target].dtype}
    )


REFUSED: list[tuple[str, str, Spoil, type[LifecycleError], str]] = [
    ("binary", "zeros only", _only(0.0), GateBlocked, "no-go: 0 positive outcomes, expected at least 200"),
    ("binary", "ones only", _only(1.0), GateBlocked, "no-go: 1 different outcomes on 2,338 rows, expected at least 2"),
    ("regression", "one value", _only(5.0), GateBlocked, "no-go: 1 different outcomes on 2,338 rows"),
    ("multiclass", "one class", _only("late"), GateBlocked, "no-go: 0 early outcomes, expected at least 100; 1 differ"),
    ("binary", "20 rows", _spread(20), GateBlocked, r"no-go: \d+ positive outcomes, expected at least 200"),
    ("regression", "20 rows", _spread(20), GateBlocked, r"no-go: \d+ observed outcomes, expected at least 200"),
    ("multiclass", "20 rows", _spread(20), GateBlocked, r"no-go: \d+ early outcomes, expected at least 100"),
    *(
        (task, *rest)
        for task in QUESTIONS
        for rest in (
            (
                "no labels", _no_labels, ContractError,
                r"column '\w+': 100\.0% of 3,660 values missing; expected at most 20\.0%",
            ),
            (
                "an empty column", lambda table, _: table.assign(weight=np.nan), ContractError,
                r"column 'weight': 100\.0% of 3,660 values missing",
            ),
            ("2 rows", _spread(2), FeatureError, "0 test decisions between .* expected an earlier as_of"),
            ("no rows", _spread(0), ContractError, "'primary_table', rows: 0 rows; expected at least 1 row"),
            (
                "infinite values", _infinite("weight", [np.inf, -np.inf]), ContractError,
                r"column 'weight': 2 of 3,660 values such as inf, -inf \(rows \d+, \d+\); expected finite",
            ),
            (
                "label times that never come",
                lambda table, _: table.assign(delivered_at=pd.Series(pd.NaT, table.index, dtype="datetime64[us, UTC]")),
                LifecycleError, "delivered_at|no-go|outcome",
            ),
        )
    ),
    *(
        (task, *rest)
        for task in ("binary", "regression")
        for rest in (
            (
                "an infinite target", _infinite(None, [np.inf]), ContractError,
                r"column '\w+': 1 of 3,660 values such as inf \(rows \d+\); expected finite",
            ),
            (
                "words for a target", lambda table, target: table.assign(**{target: table[target].astype(str)}),
                ContractError, r"column '\w+': found type str, expected number",
            ),
        )
    ),
    (
        "binary", "a target of 2", lambda table, target: table.assign(**{target: table[target] * 2}), ContractError,
        r"column 'late': 1,\d+ of 3,660 values such as 2\.0 .* expected <= 1",
    ),
    (
        "multiclass", "numbers for a target", lambda table, target: table.assign(**{target: table["late"]}),
        ContractError, r"column 'kind': found type float64, expected category",
    ),
    (
        "multiclass", "a class of another question",
        lambda table, target: table.assign(**{target: table[target].replace("late", "lost")}), FeatureError,
        r"1,000 observed outcomes such as 'lost', expected .* one of \['early', 'in time', 'late'\]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("task", "spoil", "error", "message"),
    [pytest.param(task, *rest, id=f"{task}: {what}") for task, what, *rest in REFUSED],
)
def test_what_cannot_be_learned_from_is_refused(
    task: str, spoil: Spoil, error: type[LifecycleError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_try", None)  # nothing is fitted
    with pytest.raises(error, match=message):
        _run(task, spoil)


@every_task
def test_a_column_that_never_changes_teaches_nothing_and_no_gate_lets_that_pass(task: str) -> None:
    """Nothing but noise is left: the model is as good as the constant, which is not good enough."""
    verdict = _run(task, lambda table, _: table.assign(weight=7.0)).verdict
    assert not verdict["passed"]
    assert "beats constant" in {gate["gate"] for gate in verdict["gates"] if not gate["passed"]}


@every_task
def test_a_category_that_training_has_never_seen_is_scored(task: str) -> None:
    def move(table: Table, _: str) -> Table:
        return table.assign(depot=table["depot"].mask(table["asked_at"] >= TEST_MONTH, "west"))

    stages = _run(task, move)
    assert set(stages.test["depot"]) == {"west"}
    predicted = [column for column in stages.scores.columns if column.startswith("prediction_")]
    assert np.isfinite(stages.scores[predicted].to_numpy()).all()
    assert RUN.as_of.isoformat() == stages.evidence["split"]["as_of"]


@every_task
def test_a_search_in_which_every_trial_fails_stops_the_run_with_the_last_reason(
    task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = MODELLING.model_dump()
    wrong["candidates"]["trees"] |= {"parameters": {"depth": 35}, "search": {"learning_rate": (0.1, 0.2)}}
    modelling: Any = ModellingSpec.model_validate(wrong)
    monkeypatch.setattr("parcels.MODELLING", modelling)
    with pytest.raises(
        ModelError, match=r"trees: all 2 trials failed, the last one: catboost: parameters .*'depth': 35"
    ):
        _run(task, lambda table, _: table)
