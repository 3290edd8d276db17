"""The invented parcels as a history on which policies of retraining are tried."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from model_lifecycle.backtest.memo import InMemory, Memo
from model_lifecycle.backtest.production import Live
from model_lifecycle.backtest.schedule import Schedule, plan_schedule
from model_lifecycle.contracts.backtest import BacktestSpec
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.policy import PolicySpec
from model_lifecycle.models.calibration import Calibration
from model_lifecycle.pipelines.backtest.nodes.compare import live_decisions, settled_rows, try_policies
from model_lifecycle.pipelines.backtest.nodes.memoised import Memoised
from model_lifecycle.pipelines.backtest.nodes.stages import Project, lacking
from model_lifecycle.pipelines.data_engineering.nodes.primary import check_decisions
from model_lifecycle.pipelines.modelling.nodes.choice import Choice, Choices
from model_lifecycle.reporting.backtest_evidence import BacktestEvidence
from parcels import CASE, GATES, MODELLING, MONITORING, QUESTION_WITH_SLICE, RUN, SPLIT, contracts_for, deliveries
from parcels import decisions as parcels
from tiny_release import SPEC

POLICY = PolicySpec.model_validate({"cooldown": "14d", "maximum_age": "60d", "minimum_new_labels": 200})
WATCHED = MONITORING.model_copy(update={"minimum_labels": 50})
JUNE = datetime(2024, 5, 31, 22, tzinfo=UTC)  # midnight in Berlin
JULY = datetime(2024, 6, 30, 22, tzinfo=UTC)


def choices(challenger: str = "trees") -> Choices:
    """Return what a run before would have chosen."""
    found = {
        name: Choice(
            family=spec.family, role=spec.role, parameters=spec.parameters, calibration=Calibration(), threshold=0.5
        )
        for name, spec in MODELLING.candidates.items()
    }
    return Choices(challenger=challenger, candidates=found)


def project(
    table: pd.DataFrame | None = None,
    question: BusinessQuestion = QUESTION_WITH_SLICE,
    gates: GateLimits = GATES,
    training_rows: int | None = None,
    challenger: str = "trees",
) -> Project:
    """Return everything that a retraining needs."""
    contracts = contracts_for(question)
    checked = check_decisions(parcels() if table is None else table, contracts, question)
    return Project(
        CASE, checked, deliveries(checked), choices(challenger),
        {"passed": True, "leaks": [], "exempt": [], "notes": [], "checks": {}},
        question, SPEC, contracts, SPLIT, RUN, MODELLING, gates, WATCHED, training_rows,
    )  # fmt: skip


def spec(policies: dict[str, Any], **others: Any) -> BacktestSpec:
    """Return a specification whose present policy never retrains."""
    return BacktestSpec.model_validate(
        {"present": "never", "policies": {"never": {"trigger": "never"}, **policies}} | others
    )


def schedule(found: Project, asked: BacktestSpec) -> Schedule:
    """Return from when to when."""
    return plan_schedule(found.times(), asked, found.split, lambda moment: lacking(found, moment))


def production(found: Project, asked: BacktestSpec) -> tuple[Memoised, Live]:
    """Return the stages of production, kept in memory."""
    rows = settled_rows(found.decisions, found.question, schedule(found, asked))
    live = live_decisions(rows, found.question)
    return Memoised(found, live, rows, InMemory(), lambda name, seconds: None, lambda: 0.0), live  # noqa: ARG005


def tried(found: Project, asked: BacktestSpec, memo: Memo | None = None) -> BacktestEvidence:
    """Try the policies, with a clock that stands still."""
    when = schedule(found, asked)
    rows = settled_rows(found.decisions, found.question, when)
    return try_policies(found, POLICY, asked, when, rows, memo or InMemory(), lambda: 0.0)
