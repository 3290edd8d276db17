"""The log of a release that answers worse than it knows, on parcels."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from model_lifecycle.features.history import History
from model_lifecycle.scoring import Scorer
from tiny_release import SPEC, START, record

PER_DAY = 25
SINCE = START + timedelta(days=10)


def worse_answers(made: Scorer, days: int, worse: float = 0.2, **changes: Any) -> pd.DataFrame:
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
