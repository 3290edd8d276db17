"""A small real release: parcels that will be delivered late, with one history feature and a CatBoost model."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.contracts.table import TableContract
from model_lifecycle.features.history import History
from model_lifecycle.features.transform import FeatureState
from model_lifecycle.models import load_family
from model_lifecycle.models.calibration import Calibration
from model_lifecycle.releases import build_release
from model_lifecycle.scoring import Scorer, ScoringFacts
from model_lifecycle.tasks import task_of

START = datetime(2024, 3, 1, tzinfo=UTC)
THRESHOLD = 0.4

QUESTION = BusinessQuestion.model_validate(
    {
        "question": "Which parcels shall be sent by courier because they will be late?",
        "owner": "dispatch",
        "task": "binary",
        "decision": "send by courier",
        "decision_id": "parcel",
        "decision_time": "asked_at",
        "label_time": "delivered_at",
        "target": "late",
        "outcome": "outcome",
        "outcome_reason": "outcome_reason",
        "value": {
            "unit": "EUR",
            "source": "an example without a source",
            "act": {"positive": -5, "negative": -5, "unavailable": -5},
            "leave": {"positive": -12, "negative": 0, "unavailable": 0},
        },
        "success": {"minimum_value_per_1000": 1},
    }
)
SPEC = FeatureSpec.model_validate(
    {
        "numeric": ["weight"],
        "categorical": ["depot"],
        "calendar": [{"column": "slot", "time_zone": "Europe/Berlin", "parts": ["hour", "day_of_week"]}],
        "events": {"delivery": {"entities": ["depot"], "values": ["late"], "availability_lag": "5min"}},
        "history": [
            {"name": "late_rate_7d", "event": "delivery", "by": ["depot"], "value": "late"}
            | {"statistic": "rate", "window": "7d", "prior_strength": 5},
            {"name": "deliveries_7d", "event": "delivery", "by": ["depot"], "statistic": "count", "window": "7d"},
        ],
    }
)
CONTRACT = TableContract.model_validate(
    {
        "key": ["parcel"],
        "columns": {
            "parcel": {"type": "category", "unique": True, "example": "P-1"},
            "asked_at": {"type": "time", "example": "2024-03-10T08:00:00Z"},
            "weight": {"type": "number", "minimum": 0, "maximum": 50, "unit": "kg", "maximum_missing": 0.2}
            | {"description": "Weight on the scale", "example": 1.5},
            "depot": {"type": "category", "maximum_missing": 0.1, "example": "north"},
            "slot": {"type": "time", "example": "2024-03-10T14:00:00Z"},
        },
    }
)
_INTERVAL = Calibration(method="conformal", edges=(0.3,), offsets=((-0.2, 0.0, 0.2), (-0.3, 0.1, 0.4)))


def scorer(
    release_id: str = "parcels-1",
    threshold: float | None = THRESHOLD,
    seed: int = 7,
    question: BusinessQuestion = QUESTION,
) -> Scorer:
    """Fit a small model on 400 invented rows."""
    task = task_of(question)
    draw = np.random.default_rng(seed)
    rows = 400
    features: dict[str, np.ndarray] = {
        "weight": draw.uniform(0, 50, rows),
        "slot_hour": draw.integers(0, 24, rows).astype(float),
        "slot_day_of_week": draw.integers(0, 7, rows).astype(float),
        "late_rate_7d": draw.uniform(0, 1, rows),
        "deliveries_7d": draw.integers(0, 50, rows).astype(float),
        "depot": np.array(draw.choice(["north", "south"], rows).tolist(), dtype=object),
    }
    target = (draw.uniform(0, 1, rows) < 0.1 + 0.7 * features["late_rate_7d"]).astype(float)
    if question.task == "multiclass":
        target += draw.integers(0, 2, rows)
    model = load_family("catboost").fit(features, target, {"iterations": 30, "depth": 4}, seed, 1, task.objective)
    facts = ScoringFacts(
        release_id=release_id,
        case="parcels",
        model="catboost",
        as_of=START.isoformat(),
        trained_until=START.isoformat(),
        family="catboost",
        threshold=threshold,
        constant=(0.3,) if question is QUESTION else task.constant(target),
        calibration=_INTERVAL if question.task == "regression" else Calibration(),
        question=question,
        features=SPEC,
        state=FeatureState(priors={"late_rate_7d": 0.3}, categories={"depot": ("north", "south")}),
        contract=CONTRACT,
    )
    return Scorer(facts, model)


def tiny_release(folder: Path, release_id: str = "parcels-1", threshold: float = THRESHOLD, seed: int = 7) -> Path:
    """Build the release in a folder and return its path."""
    return write_release(folder, scorer(release_id, threshold, seed))


def private_scorer(release_id: str = "parcels-1") -> Scorer:
    """Return the scorer with a private depot, which is a feature and the entity of the history."""
    made = scorer(release_id)
    columns = {**CONTRACT.columns, "depot": CONTRACT.columns["depot"].model_copy(update={"private": True})}
    return replace(
        made, facts=made.facts.model_copy(update={"contract": CONTRACT.model_copy(update={"columns": columns})})
    )


def write_release(folder: Path, made: Scorer) -> Path:
    """Write a scorer as a release, with its smoke request, and return its path."""
    records = [record(number) for number in range(3)]
    scores = made.score(made.columns(records), History.build(SPEC, {}))
    smoke = {
        "records": records,
        "features": {name: values.tolist() for name, values in scores.features.items()},
        "predictions": scores.prediction.tolist(),
    }
    files = {**made.to_files(), "smoke.json": json.dumps(smoke).encode(), "model_card.md": b"# Parcels\n"}
    return build_release(folder, made.release_id, files, {"created_as_of": START.isoformat()})


def record(number: int, **changes: Any) -> dict[str, object]:
    """Return a valid record; a change to None leaves a field out."""
    fields = {
        "parcel": f"P-{number}",
        "asked_at": (START + timedelta(days=10, minutes=number)).isoformat(),
        "weight": 0.5 + number % 40,
        "depot": ("north", "south")[number % 2],
        "slot": (START + timedelta(days=10, hours=number % 24)).isoformat(),
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def event(number: int, depot: str = "north", late: float = 1.0, at: datetime | None = None) -> EventRecord:
    """Return a delivery, by default one an hour from day 9 on."""
    moment = at or START + timedelta(days=9, hours=number)
    return EventRecord(
        event_id=f"D-{number}",
        kind="delivery",
        event_time=moment,
        known_at=moment + timedelta(minutes=5),
        payload={"depot": depot, "late": late},
    )
