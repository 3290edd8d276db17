"""A small invented case, parcels that will be delivered late, taken through the nodes of every pipeline."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from model_lifecycle.contracts.business_question import BusinessQuestion, Slice
from model_lifecycle.contracts.curves import CurvesSpec
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.leakage import LeakageEvidence, LeakageLimits
from model_lifecycle.contracts.modelling import ModellingSpec, SplitSpec
from model_lifecycle.contracts.policy import MonitoringSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.contracts.table import ColumnContract, TableContract, TableContracts
from model_lifecycle.contracts.trials import Trial
from model_lifecycle.contracts.weak_slices import WeakSliceSpec
from model_lifecycle.features.transform import FeatureState
from model_lifecycle.pipelines.data_engineering.nodes.primary import as_known, check_decisions, known_events
from model_lifecycle.pipelines.evaluation.nodes.curves import measure_curves
from model_lifecycle.pipelines.evaluation.nodes.evidence import Verdict, assembler, evaluate
from model_lifecycle.pipelines.evaluation.nodes.explanations import explain
from model_lifecycle.pipelines.evaluation.nodes.figures import TestFigures
from model_lifecycle.pipelines.evaluation.nodes.scores import score_test
from model_lifecycle.pipelines.evaluation.nodes.weak_slices import find_weak_slices
from model_lifecycle.pipelines.feature_engineering.leakage.nodes import find_leaks
from model_lifecycle.pipelines.feature_engineering.nodes import (
    fit_state,
    make_model_input,
    plan_split,
    profile_reference,
)
from model_lifecycle.pipelines.modelling.nodes.choice import Choices, choose
from model_lifecycle.pipelines.modelling.nodes.feasibility import assessor
from model_lifecycle.pipelines.modelling.nodes.fit import fitter
from model_lifecycle.pipelines.modelling.nodes.search import search_candidates
from model_lifecycle.reporting.evidence import EvaluationEvidence, LeaderboardRow
from model_lifecycle.reporting.feasibility_evidence import FeasibilityEvidence
from model_lifecycle.scoring import Scorer
from tiny_release import CONTRACT, QUESTION, SPEC, START

CASE = "parcels"
DAYS = 183  # of March to August 2024
PER_DAY = 20

QUESTION_WITH_SLICE = QUESTION.model_copy(update={"slices": (Slice(column="depot", minimum_rows=100),)})
CONTRACTS = TableContracts(
    {
        "primary_table": TableContract(
            key=("parcel",),
            not_before=(("delivered_at", "asked_at"),),
            columns={
                **CONTRACT.columns,
                "late": ColumnContract(type="number", minimum=0, maximum=1, maximum_missing=0.2, known="label"),
                "delivered_at": ColumnContract(type="time", known="label"),
                "outcome": ColumnContract(type="category", categories=("observed", "unavailable"), known="label"),
                "outcome_reason": ColumnContract(type="category", maximum_missing=1.0, known="label"),
            },
        )
    }
)
RUN = RunSpec(as_of=datetime(2024, 7, 31, 22, tzinfo=UTC), threads=1)  # midnight in Berlin
SPLIT = SplitSpec(time_zone="Europe/Berlin")
CURVES = CurvesSpec()
GATES = GateLimits(minimum_test_rows=100, parity_rows=30, champion_margin=0.01)
WEAK_SLICES = WeakSliceSpec(minimum_rows=100, minimum_events=20, draws=199)
MONITORING = MonitoringSpec.model_validate({"window": "7d"})
MODELLING = ModellingSpec.model_validate(
    {
        "candidates": {
            "constant": {"family": "constant", "role": "baseline"},
            "logistic": {"family": "linear", "parameters": {"C": 1.0}},
            "trees": {"family": "catboost", "parameters": {"iterations": 20, "depth": 3}}
            | {"search": {"learning_rate": [0.05, 0.3]}, "trials": 2},
        }
    }
)


CONFIGURATION: dict[str, Any] = {"run": RUN.model_dump(mode="json"), "gates": GATES.model_dump(mode="json")}


def decisions(days: int = DAYS, per_day: int = PER_DAY, seed: int = 5) -> pd.DataFrame:
    """Return parcels of some days from `START` on: heavy ones are late more often, some are lost (unavailable)."""
    draw = np.random.default_rng(seed)
    rows = days * per_day
    asked = pd.Timestamp(START) + pd.to_timedelta(np.arange(rows) * (24 * 60 // per_day), unit="min")
    weight = draw.uniform(0, 50, rows)
    depot = np.where(draw.uniform(size=rows) < 0.5, "north", "south")
    late = draw.uniform(size=rows) < 1 / (1 + np.exp(1.0 - 0.12 * (weight - 25)))
    lost = draw.uniform(size=rows) < 0.05
    return pd.DataFrame(
        {
            "parcel": [f"P-{number}" for number in range(rows)],
            "asked_at": asked.astype("datetime64[us, UTC]"),
            "weight": weight,
            "depot": depot,
            "slot": (asked + pd.Timedelta(hours=6)).astype("datetime64[us, UTC]"),
            "late": pd.Series(late.astype(float)).mask(lost),
            "delivered_at": (asked + pd.to_timedelta(draw.integers(60, 3_000, rows), unit="min")).astype(
                "datetime64[us, UTC]"
            ),
            "outcome": np.where(lost, "unavailable", "observed"),
            "outcome_reason": pd.Series(["lost" if one else None for one in lost.tolist()]).astype(object),
        }
    )


def deliveries(parcels: pd.DataFrame) -> pd.DataFrame:
    """Return the events that the parcels' outcomes make."""
    seen = parcels[parcels["outcome"] == "observed"]
    return pd.DataFrame(
        {
            "event_id": "D-" + seen["parcel"].str[2:],
            "kind": "delivery",
            "event_time": seen["delivered_at"],
            "depot": seen["depot"],
            "late": seen["late"],
        }
    ).reset_index(drop=True)


@dataclass(frozen=True)
class Stages:
    """What each node of a run handed on."""

    primary: pd.DataFrame
    events: pd.DataFrame
    plan: SplitPlan
    state: FeatureState
    train: pd.DataFrame
    test: pd.DataFrame
    profile: dict[str, Any]
    feasibility: FeasibilityEvidence
    trials: list[Trial]
    out_of_fold: pd.DataFrame
    choices: Choices
    leaderboard: list[LeaderboardRow]
    fitted: dict[str, Scorer]
    challenger: Scorer
    refit: dict[str, str]
    scores: pd.DataFrame
    figures: TestFigures
    verdict: Verdict
    evidence: EvaluationEvidence


def contracts_for(question: BusinessQuestion) -> TableContracts:
    """Return the contract of the primary table with the question's target."""
    if question.target == "late":
        return CONTRACTS
    table = CONTRACTS.table("primary_table")
    kind: Any = "category" if question.task == "multiclass" else "number"
    target = ColumnContract(type=kind, maximum_missing=0.2, known="label")
    return TableContracts(
        {"primary_table": table.model_copy(update={"columns": {**table.columns, question.target: target}})}
    )


def run_stages(
    run: RunSpec = RUN, parcels: pd.DataFrame | None = None, question: BusinessQuestion = QUESTION_WITH_SLICE
) -> Stages:
    """Take the invented parcels, or those given, through all nodes up to the verdict."""
    contracts = contracts_for(question)
    checked = check_decisions(decisions() if parcels is None else parcels, contracts, question)
    primary = as_known(checked, question, run)
    events = known_events(deliveries(checked), SPEC, run)
    plan = plan_split(primary, SPLIT, run, question)
    state = fit_state(primary, events, SPEC, plan, question)
    train, test = make_model_input(primary, events, SPEC, state, plan, question)
    feasibility = assessor(CASE)(train, test, question, plan, GATES, MONITORING)
    leakage: LeakageEvidence = find_leaks(checked, primary, train, SPEC, contracts, plan, question, LeakageLimits())
    trials, out_of_fold = search_candidates(train, plan, MODELLING, SPEC, run, question, feasibility, leakage)
    choices, leaderboard = choose(trials, out_of_fold, train, MODELLING, question)
    fitted, challenger, refit = fitter(CASE)(train, choices, plan, SPEC, state, question, contracts, run)
    scores = score_test(fitted, test, None, primary, events, plan, SPEC, question)
    figures, verdict = evaluate(scores, challenger, leaderboard, question, GATES, plan, None, refit)
    explanations, _ = explain(fitted, challenger, test, SPEC, run)
    curves = measure_curves(train, plan, SPLIT, choices, out_of_fold, SPEC, CURVES, GATES, run, question)
    weak = find_weak_slices(scores, test, train, explanations, challenger, WEAK_SLICES, run)
    evidence = assembler(CASE)(
        figures, verdict, explanations, curves, leaderboard, question, plan, run, train, test, weak
    )
    profile = profile_reference(train, SPEC, MONITORING)
    return Stages(
        primary, events, plan, state, train, test, profile, feasibility, trials, out_of_fold, choices, leaderboard,
        fitted, challenger, refit, scores, figures, verdict, evidence,
    )  # fmt: skip


def later(moment: datetime, days: float) -> datetime:
    """Return a moment some days later."""
    return moment + timedelta(days=days)
