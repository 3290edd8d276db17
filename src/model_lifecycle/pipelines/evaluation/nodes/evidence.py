"""All that was found, in one piece: what the model card, the verdict and the summary are made of."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd

from model_lifecycle.code_version import code_version
from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.gates import GateLimits
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import SplitPlan
from model_lifecycle.pipelines.evaluation.nodes.figures import TestFigures, compute_figures
from model_lifecycle.pipelines.evaluation.nodes.gates import judge
from model_lifecycle.pipelines.evaluation.nodes.scores import ChampionInProduction
from model_lifecycle.reporting.conversion import question_evidence
from model_lifecycle.reporting.evidence import (
    CurvesEvidence,
    EvaluationEvidence,
    GateEvidence,
    LeaderboardRow,
    PartEvidence,
    ReproducibilityEvidence,
    SplitEvidence,
    SuccessEvidence,
    WeakSlicesEvidence,
)
from model_lifecycle.reporting.explanations import CandidateExplanation
from model_lifecycle.scoring import Scorer
from model_lifecycle.tasks import Task, task_of

_LOCK = Path("requirements.lock")
_LIMITS = [
    "Intervals rest on the days of one test window; a season it does not hold is not in them.",
    "The values are an assumption; the decisions move with it.",
    "Rows with an unavailable outcome are valued, but no model is trained on them.",
]


class Verdict(TypedDict):
    """Whether the challenger may be packed and shipped, and why."""

    passed: bool
    challenger: str
    gates: list[GateEvidence]
    success: SuccessEvidence  # told, no gate


def evaluate(
    scores: pd.DataFrame,
    challenger: Scorer,
    leaderboard: list[LeaderboardRow],
    question: BusinessQuestion,
    gates: GateLimits,
    plan: SplitPlan,
    champion: ChampionInProduction | None,
    refit: dict[str, str],
    *,
    only_judged: bool = False,
) -> tuple[TestFigures, Verdict]:
    """Compute the figures of the test window, or those alone that gates read, and hold them against the gates."""
    baselines = [row["model"] for row in leaderboard if row["role"] == "baseline"]
    name = challenger.facts.model
    figures = compute_figures(
        scores, name, baselines, question, gates, challenger.threshold, plan.time_zone, only_judged=only_judged
    )
    results = judge(figures, gates, plan, champion, challenger, leaderboard, refit)
    passed = all(result["passed"] for result in results)
    return figures, Verdict(passed=passed, challenger=name, gates=results, success=figures["success"])


def assembler(case: str) -> Callable[..., EvaluationEvidence]:
    """Return the node that gathers the evidence of that case."""

    def assemble(
        figures: TestFigures,
        verdict: Verdict,
        explanations: dict[str, CandidateExplanation],
        curves: CurvesEvidence,
        leaderboard: list[LeaderboardRow],
        question: BusinessQuestion,
        plan: SplitPlan,
        run: RunSpec,
        train: pd.DataFrame,
        test: pd.DataFrame,
        weak_slices: WeakSlicesEvidence,
    ) -> EvaluationEvidence:
        """Gather everything that the model card says."""
        explained = explanations[verdict["challenger"]]
        return {
            "question": question_evidence(case, question),
            "split": _split(plan, train, test, task_of(question)),
            "subject": figures["subject"],
            "baselines": figures["baselines"],
            "champion": figures["champion"],
            "compared_with": figures["compared_with"],
            "metrics": figures["metrics"],
            "differences": figures["differences"],
            "value": figures["value"],
            "success": figures["success"],
            "value_by_month": figures["value_by_month"],
            "sensitivity": figures["sensitivity"],
            "threshold": figures["threshold"],
            "calibration": figures["calibration"],
            "slices": figures["slices"],
            "fairness": figures["fairness"],
            "weak_slices": weak_slices,
            "gates": verdict["gates"],
            "importance": explained["importance"],
            "explanation": explained["explanation"],
            "curves": curves,
            "leaderboard": [_untimed(row) for row in leaderboard],
            "limits": _LIMITS,
            "reproducibility": _reproducibility(run, {"model_input_train": train, "model_input_test": test}),
        }

    return assemble


def _untimed(row: LeaderboardRow) -> LeaderboardRow:
    """Leave out what was timed: the evidence is packed, and the same run packs the same bytes."""
    untimed = row.copy()
    untimed.pop("seconds", None)
    untimed.pop("one_row_microseconds", None)
    return untimed


def _split(plan: SplitPlan, train: pd.DataFrame, test: pd.DataFrame, task: Task) -> SplitEvidence:
    times = train[model_input.DECISION_TIME]
    first = pd.Timestamp(plan.folds[0].start)
    inside = times >= pd.Timestamp(plan.test.train_start)
    return {
        "as_of": plan.as_of.isoformat(),
        "time_zone": plan.time_zone,
        "parts": [
            _part("train", pd.Timestamp(plan.test.train_start), first, train[inside & (times < first)], task),
            _part("validation", first, pd.Timestamp(plan.test.start), train[times >= first], task),
            _part("test", pd.Timestamp(plan.test.start), pd.Timestamp(plan.test.end), test, task),
        ],
    }


def _part(part: str, start: pd.Timestamp, end: pd.Timestamp, rows: pd.DataFrame, task: Task) -> PartEvidence:
    outcome = rows[model_input.OUTCOME]
    observed = rows[outcome == model_input.OBSERVED]
    reasons = rows.loc[outcome == model_input.UNAVAILABLE, model_input.REASON].value_counts().sort_index()
    return {
        "part": part,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "rows": len(rows),
        "labelled": len(observed),
        "outcomes": task.counts(observed[model_input.TARGET].to_numpy(dtype=np.float64)),
        "unavailable": {str(reason): int(count) for reason, count in reasons.items()},
    }


def _reproducibility(run: RunSpec, tables: dict[str, pd.DataFrame]) -> ReproducibilityEvidence:
    return {
        "code_version": code_version(),
        "as_of": run.as_of.isoformat(),
        "seed": run.seed,
        "data_fingerprints": {name: _fingerprint(table) for name, table in tables.items()},
        "lock_digest": hashlib.sha256(_LOCK.read_bytes()).hexdigest() if _LOCK.exists() else None,
    }


def _fingerprint(table: pd.DataFrame) -> str:
    """Return the SHA-256 over the hashes of all rows in order, and the column names."""
    rows = pd.util.hash_pandas_object(table, index=False).to_numpy(dtype=np.uint64)
    return hashlib.sha256(",".join(table.columns).encode() + rows.tobytes()).hexdigest()
