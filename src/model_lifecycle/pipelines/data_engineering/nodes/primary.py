"""Decisions and events, and what of them may be seen at a moment."""

from collections.abc import Callable, Mapping

import pandas as pd

from model_lifecycle.cases import Case
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.model_input import OBSERVED, PENDING, UNAVAILABLE
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.table import LARGEST_INTEGER, TableContracts
from model_lifecycle.errors import ContractError
from model_lifecycle.features.events import with_known_at
from model_lifecycle.features.tables import too_large
from model_lifecycle.pipelines.data_engineering.nodes.contracts import check_table


def builder(case: Case) -> Callable[..., tuple[pd.DataFrame, pd.DataFrame, list[dict[str, object]]]]:
    """Return the node that lets the case join its tables, given in the order of its ``SOURCES``."""

    def build(
        settings: Mapping[str, object], *tables: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame, list[dict[str, object]]]:
        made = case.build_tables(dict(zip(case.SOURCES, tables, strict=True)), settings)
        steps: list[dict[str, object]] = [
            {"step": step.step, "rows": step.rows, "cells": step.cells} for step in made.preparation
        ]
        return made.decisions, made.events, steps

    return build


def check_decisions(decisions: pd.DataFrame, contracts: TableContracts, question: BusinessQuestion) -> pd.DataFrame:
    """Hold all decisions against the contract of the primary table, and outcomes against themselves.

    Raises
    ------
    ContractError
        If the contract is broken, a whole number is too large, an outcome is none of observed, unavailable and
        pending, an observed outcome has no target or another one has, an unavailable one has no reason, a pending one
        is known since some time, or one is older than its decision.
    """
    contract = contracts.table("primary_table")
    wanted = (question.decision_id, question.decision_time, question.label_time, question.target, question.outcome)
    absent = [name for name in (*wanted, question.outcome_reason) if name not in contract.columns]
    if absent:
        raise ContractError(f"contract 'primary_table' lacks the business question's columns {absent}")
    checked = check_table("primary_table", decisions, contract)
    whole = [
        name
        for name, column in contract.columns.items()
        if column.type == "integer" or pd.api.types.is_integer_dtype(checked[name].dtype)
    ]
    _refuse_large(checked[whole])
    outcome, target = checked[question.outcome], checked[question.target]
    unreasoned = (outcome == UNAVAILABLE) & checked[question.outcome_reason].isna()
    told = (outcome == PENDING) & checked[question.label_time].notna()
    known = (OBSERVED, UNAVAILABLE, PENDING)
    _refuse(~outcome.isin(known), f"the outcome is none of {known}")
    _refuse(
        (outcome == OBSERVED) != target.notna(),
        "outcome and target disagree, expected a target exactly where the outcome is observed",
    )
    _refuse(told, f"the outcome is {PENDING!r} and has a label time, expected none before it is known")
    _refuse(
        checked[question.label_time] < checked[question.decision_time],
        "the label time lies before the decision time, expected none: what is known before is no outcome of it",
    )
    _refuse(unreasoned, f"the outcome is {UNAVAILABLE!r} without a reason, expected one")
    return checked


def _refuse(wrong: pd.Series, what: str) -> None:
    if wrong.any():
        rows = wrong.to_numpy().nonzero()[0][:3].tolist()
        count = f"{int(wrong.sum()):,} of {len(wrong):,} rows"
        raise ContractError(f"contract 'primary_table': {count} where {what} (rows {rows})")


def _refuse_large(table: pd.DataFrame) -> None:
    """Refuse whole numbers that a request could not tell from their neighbours: their history would be lost."""
    for name, values in table.items():
        large = too_large(values)
        if large.any():
            shown = values[large].head(3).tolist()
            raise ContractError(
                f"contract 'primary_table', column {name!r}: {int(large.sum()):,} of {len(large):,} values beyond "
                f"±{LARGEST_INTEGER}, such as {shown}; expected smaller whole numbers, or an id as text (type category)"
            )


def as_known(decisions: pd.DataFrame, question: BusinessQuestion, run: RunSpec) -> pd.DataFrame:
    """Return the decisions taken before ``as_of``, with the outcomes known by then; others are pending.

    An outcome whose label time is missing is not known.

    Raises
    ------
    ContractError
        If no decision lies before ``as_of``.
    """
    as_of = pd.Timestamp(run.as_of)
    taken = decisions[decisions[question.decision_time] < as_of].reset_index(drop=True)
    if taken.empty:
        first, last = decisions[question.decision_time].min(), decisions[question.decision_time].max()
        raise ContractError(
            f"run.as_of {as_of.isoformat()}: no decision before it; decisions run from {first} to {last}"
        )
    unknown = ~(taken[question.label_time] < as_of)
    return taken.assign(
        **{
            question.target: taken[question.target].mask(unknown),
            question.outcome: taken[question.outcome].mask(unknown, PENDING),
            question.outcome_reason: taken[question.outcome_reason].mask(unknown),
            question.label_time: taken[question.label_time].mask(unknown),
        }
    )


def known_events(events: pd.DataFrame, spec: FeatureSpec, run: RunSpec) -> pd.DataFrame:
    """Add ``known_at`` (what an event says, or its time and its kind's lag), keep what is known before ``as_of``.

    Raises
    ------
    ContractError
        As of `with_known_at`.
    """
    known = with_known_at("events of build_tables", events, spec)
    return known[known["known_at"] < pd.Timestamp(run.as_of)].reset_index(drop=True)
