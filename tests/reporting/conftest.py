"""Evidence of one made-up run, whole enough for every report."""

from datetime import UTC, datetime

import pytest

from model_lifecycle.reporting.evidence import (
    EvaluationEvidence,
    FairnessEvidence,
    GateEvidence,
    IntervalEvidence,
    PartEvidence,
    QuestionEvidence,
    SliceEvidence,
    WeakSlicesEvidence,
)
from model_lifecycle.reporting.feasibility_evidence import FeasibilityEvidence, PeriodRate
from model_lifecycle.reporting.quality_evidence import QualityEvidence, TableQuality
from model_lifecycle.reporting.run_evidence import RunEvidence

MONTHS = ("train", "train", "train", "train", "validation", "test", "stream", "stream")
RATES = (0.24, 0.26, 0.245, 0.25, 0.21, 0.318, 0.29, 0.19)


def interval(estimate: float, half: float | None, n_blocks: int = 5) -> IntervalEvidence:
    return {
        "estimate": estimate,
        "lower": None if half is None else estimate - half,
        "upper": None if half is None else estimate + half,
        "level": 0.95,
        "n_blocks": n_blocks,
        "n_effective": float(n_blocks),
    }


def month(number: int) -> str:
    return datetime(2021, number, 1, tzinfo=UTC).isoformat()


@pytest.fixture
def question() -> QuestionEvidence:
    return {
        "case": "parcels",
        "question": "Which parcels shall the depot send by courier because they will miss their promised day?",
        "owner": "Depot operations",
        "decision": "send the parcel by courier",
        "target": "late",
        "unit": "minutes",
        "value_source": "an assumption: 60 minutes saved per late parcel, 20 minutes of work per courier run",
        "task": "binary",
        "loss": "log_loss",
        "ranking": "auc",
        "payoffs": [
            {"action": action, "outcome": outcome, "worth": worth}
            for action, worths in (("act", (40.0, -20.0, -20.0)), ("leave", (0.0, 0.0, 0.0)))
            for outcome, worth in zip(("positive", "negative", "unavailable"), worths, strict=True)
        ],
        "rule": "act when the probability is at least the threshold; acting breaks even at 0.333",
        "policies": ["act_always", "act_never"],
    }


@pytest.fixture
def parts() -> list[PartEvidence]:
    spans = (("train", 1, 5), ("validation", 5, 6), ("test", 6, 7), ("stream", 7, 9))
    return [
        {
            "part": name,
            "start": month(start),
            "end": month(end),
            "rows": 27_000 * (end - start),
            "labelled": 26_400 * (end - start),
            "outcomes": {"positive": 6_500 * (end - start)},
            "unavailable": {"lost": 450 * (end - start), "returned": 150 * (end - start)},
        }
        for name, start, end in spans
    ]


@pytest.fixture
def gates() -> list[GateEvidence]:
    return [
        {"gate": "evidence_volume", "passed": True, "reason": "5 whole weeks >= 4", "figures": {"blocks": 5.0}},
        {"gate": "leak_ceiling", "passed": True, "reason": "AUC 0.762 <= 0.95", "figures": {"auc": 0.762}},
        {
            "gate": "beats_baselines",
            "passed": True,
            "reason": "log loss better than constant by at least 0.051",
            "figures": {"lower": 0.051},
        },
    ]


@pytest.fixture
def slices() -> list[SliceEvidence]:
    return [
        {
            "column": "depot",
            "category": category,
            "kind": "important",
            "rows": rows,
            "outcomes": {"positive": rows // 4},
            "ranking": interval(auc, 0.02) if rows > 500 else None,
            "loss": interval(0.53, 0.03) if rows > 500 else None,
            "reason": "" if rows > 500 else f"{rows} decisions, expected at least 500",
        }
        for category, rows, auc in (("North", 9_500, 0.77), ("South <b>", 8_200, 0.74), ("East", 320, 0.0))
    ]


@pytest.fixture
def fairness() -> list[FairnessEvidence]:
    return [
        {
            "column": "sender",
            "figure": "selection rate",
            "limits": {"difference": 0.1, "ratio": None},
            "groups": [
                {"group": "firm", "rows": 21_000, "value": interval(0.33, 0.02)},
                {"group": "person <i>", "rows": 5_900, "value": interval(0.27, 0.03)},
                {"group": "school", "rows": 80, "value": None, "reason": "80 decisions, expected at least 500"},
            ],
            "gaps": [
                {
                    "measure": measure,
                    "widest": widest,
                    "first": first,
                    "second": second,
                    "interval": interval(widest, 0.03),
                }
                for measure, widest, first, second in (
                    ("difference", 0.06, "firm", "person <i>"),
                    ("ratio", 0.82, "person <i>", "firm"),
                )
            ],
            "left_out": 20,
        }
    ]


@pytest.fixture
def weak_slices() -> WeakSlicesEvidence:
    return {
        "searched": 1_240,
        "found": 3,
        "level": 0.95,
        "slices": [
            {
                "conditions": {"depot": "East <b>", "weight": "12.5 to 25"},
                "rows": 1_310,
                "event": "positive",
                "fault": fault,
                "observed": 0.41,
                "predicted": 0.29,
                "effect": interval(effect, 0.08, 30),
                "p_value": 0.002,
                "loss": 0.66,
                "loss_elsewhere": 0.53,
            }
            for fault, effect in (("level", 0.12), ("slope", 0.4))
        ],
    }


@pytest.fixture
def evaluation(
    question: QuestionEvidence,
    parts: list[PartEvidence],
    gates: list[GateEvidence],
    slices: list[SliceEvidence],
    fairness: list[FairnessEvidence],
    weak_slices: WeakSlicesEvidence,
) -> EvaluationEvidence:
    figures = (("catboost", 0.531, 0.762, 0.178), ("logistic", 0.571, 0.711, 0.191), ("constant", 0.63, 0.5, 0.22))
    return {
        "question": question,
        "split": {"as_of": month(7), "time_zone": "UTC", "parts": parts},
        "subject": "catboost",
        "baselines": ["constant", "logistic"],
        "champion": None,
        "metrics": {
            model: {"log_loss": interval(loss, 0.03), "auc": interval(auc, 0.02), "brier": interval(brier, 0.01)}
            for model, loss, auc, brier in figures
        },
        "differences": [
            {"model": "catboost", "against": model, "metric": "log_loss", "interval": interval(difference, 0.012)}
            for model, difference in (("logistic", -0.04), ("constant", -0.099))
        ],
        "value": {
            "model": interval(4_210.0, 900.0),
            "act_always": interval(-2_100.0, 1_400.0),
            "act_never": interval(0.0, 0.0),
            "perfect": interval(12_600.0, 2_000.0),
        },
        "success": {"minimum_value_per_1000": 4_000.0, "against": "act_never", "gain": interval(4_210.0, 900.0)},
        "value_by_month": [{"month": "2021-06", "rows": 27_000, "value": {"model": interval(4_210.0, 900.0)}}],
        "sensitivity": [
            {"assumption": "gain of acting on positive outcomes", "factor": 0.5, "model": 1_900.0, "trivial": 0.0}
        ],
        "threshold": {
            "threshold": 0.3412,
            "chosen_on": "the validation months",
            "decisions": {"act": 0.31, "leave": 0.69},
        },
        "calibration": {
            "bins": [
                {"mean_prediction": p / 20, "observed_rate": min(1.0, 0.02 + p / 22), "n": 2_700}
                for p in range(1, 17, 2)
            ],
            "expected_error": 0.0171,
            "slope": interval(0.97, 0.05),
            "intercept": interval(0.05, 0.1),
            "in_the_large": interval(-0.012, 0.04),
            "miscalibration": {"catboost": interval(0.001, 0.002), "constant": interval(0.02, 0.01)},
            "value_lost": 40.0,
            "value_room": 8_390.0,
        },
        "slices": slices,
        "fairness": fairness,
        "weak_slices": weak_slices,
        "gates": gates,
        "importance": [{"feature": f"feature_{n}", "mean_abs_shap": 0.5 / n} for n in range(1, 19)],
        "explanation": {
            "output": "log-odds of a positive outcome",
            "method": "of the model",
            "rows": 2_000,
            "gap": 3e-12,
            "dependence": [
                {
                    "feature": "feature_1",
                    "kind": "number",
                    "points": [
                        {"value": value, "rows": 400, "quantiles": [0.1 * at, 0.2 * at, 0.3 * at, 0.4 * at, 0.5 * at]}
                        for at, value in enumerate((1.5, 2.5, 8.0, None), start=1)
                    ],
                },
                {
                    "feature": "feature_<b>",
                    "kind": "category",
                    "points": [{"value": "North", "rows": 900, "quantiles": [-0.2, -0.1, 0.0, 0.1, 0.2]}],
                },
                {
                    "feature": "never_known",
                    "kind": "number",
                    "points": [{"value": None, "rows": 2_000, "quantiles": [0.0] * 5}],
                },
            ],
        },
        "curves": {
            "model": "catboost",
            "period": "month",
            "sizes": [
                {"at": 1.0, "rows": 25_000, "loss": interval(0.55, 0.03), "difference": interval(0.012, 0.005)},
                {"at": 2.0, "rows": 50_000, "loss": interval(0.54, 0.03), "difference": interval(0.002, 0.004)},
                {"at": None, "rows": 100_000, "loss": interval(0.538, 0.03), "difference": None},
            ],
            "ages": [
                {"at": 0, "rows": 50_000, "loss": interval(0.54, 0.03), "difference": None},
                {"at": 1, "rows": 0, "loss": None, "difference": None, "reason": "catboost: 0 ones"},
                {"at": 2, "rows": 49_000, "loss": interval(0.549, 0.03), "difference": interval(0.009, 0.006)},
            ],
            "loss_per_period": interval(0.0045, 0.003),
        },
        "leaderboard": [
            {
                "model": model,
                "family": model,
                "role": "candidate" if model != "constant" else "baseline",
                "calibration": "sigmoid",
                "loss": loss,
                "loss_by_fold": [loss, loss],
                "ranking": auc,
                "value_per_1000": 3_900.0,
                "trials": 4,
                "seconds": 12.3,
                "chosen": model == "catboost",
                "parameters": {"depth": 6, "learning_rate": 0.08} if model == "catboost" else {},
            }
            for model, loss, auc, _ in figures
        ],
        "limits": ["One test month has 4.3 weeks, so every interval is wide.", "Trained on one year only."],
        "reproducibility": {
            "code_version": "0.1.0",
            "as_of": month(7),
            "seed": 7,
            "data_fingerprints": {"parcels": "0f" * 32},
            "lock_digest": "ab" * 32,
        },
    }


@pytest.fixture
def run(evaluation: EvaluationEvidence, gates: list[GateEvidence]) -> RunEvidence:
    return {
        "evaluation": evaluation,
        "gates": [*gates, {"gate": "parity", "passed": True, "reason": "200 of 200 scores equal", "figures": {}}],
        "release": {
            "release_id": "parcels-20210701-1a2b3c4d",
            "digest": "cd" * 32,
            "version": "3",
            "promoted": True,
            "reason": "all gates passed",
            "champion": "parcels-20210701-1a2b3c4d",
        },
        "reports": {"model card": "data/08_reporting/parcels/model_card.html"},
    }


@pytest.fixture
def periods() -> list[PeriodRate]:
    return [
        {
            "period": f"2021-{n:02d}",
            "start": month(n),
            "end": month(n + 1),
            "part": part,
            "rows": 27_000,
            "labelled": 26_400,
            "outcome": {"positive": rate},
        }
        for n, (part, rate) in enumerate(zip(MONTHS, RATES, strict=True), start=1)
    ]


@pytest.fixture
def feasibility(question: QuestionEvidence, periods: list[PeriodRate]) -> FeasibilityEvidence:
    return {
        "question": question,
        "time_zone": "UTC",
        "start": month(1),
        "end": month(6),
        "rows": 135_000,
        "unavailable": {"lost": 2_250, "returned": 750},
        "outcome": {"positive": interval(0.241, 0.02, 22)},
        "periods": periods[:5],
        "value": {
            "perfect": interval(9_600.0, 800.0, 22),
            "act_always": interval(-5_500.0, 1_200.0, 22),
            "act_never": interval(0.0, 0.0, 22),
        },
        "minimum_value_per_1000": 500.0,
        "detectable": [{"metric": "value_per_1000", "gain": 310.0, "power": 0.8, "level": 0.95, "n_blocks": 5}],
        "go": True,
        "reasons": [
            {
                "gate": "room",
                "passed": True,
                "reason": "9,600 minutes of room >= 500 asked for",
                "figures": {"room": 9600.0},
            }
        ],
    }


@pytest.fixture
def table() -> TableQuality:
    return {
        "table": "parcels",
        "rows": 216_000,
        "duplicates": 0,
        "columns": [
            {"column": "parcel", "type": "category", "missing": 0.0, "distinct": 216_000},
            {"column": "weight", "type": "number", "missing": 0.031, "minimum": 0.1, "maximum": 31.5},
            {"column": "arrived", "type": "time", "missing": 0.0222},
        ],
        "orphans": [{"key": ["depot"], "partner": "depots", "rows": 120, "share": 120 / 216_000}],
        "contract_passed": True,
        "problems": [],
    }


@pytest.fixture
def quality(table: TableQuality) -> QualityEvidence:
    primary: TableQuality = {**table, "table": "primary_table", "orphans": []}
    return {
        "case": "parcels",
        "as_of": month(7),
        "tables": [table],
        "steps": [{"step": "weight above 100 kg set to missing: a broken scale", "rows": 12, "cells": 12}],
        "primary": primary,
    }
