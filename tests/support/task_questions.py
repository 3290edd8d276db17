"""The invented parcels, asked about as a quantity and as classes."""

import numpy as np
import pandas as pd

from model_lifecycle.contracts.business_question import BusinessQuestion
from parcels import QUESTION_WITH_SLICE, decisions

AMOUNT = BusinessQuestion.model_validate(
    QUESTION_WITH_SLICE.model_dump()
    | {
        "task": "regression",
        "target": "minutes",
        "value": {"unit": "EUR", "source": "an assumption", "under": 3.0, "over": 1.0, "default": 0.0},
        "success": {"minimum_value_per_1000": 1.0, "minimum_positives": 200},
    }
)
KIND = BusinessQuestion.model_validate(
    QUESTION_WITH_SLICE.model_dump()
    | {
        "task": "multiclass",
        "target": "kind",
        "value": {
            "unit": "EUR", "source": "an assumption", "classes": ["early", "in time", "late"], "default": "wait",
            "actions": {
                "wait": {"early": 0.0, "in time": 0.0, "late": 0.0},
                "call": {"early": -2.0, "in time": -2.0, "late": 6.0},
                "store": {"early": 4.0, "in time": -1.0, "late": -1.0},
            },
        },
        "success": {"minimum_value_per_1000": 1.0, "minimum_positives": 100},
    }
)  # fmt: skip


def asked() -> pd.DataFrame:
    """Return the parcels with how many minutes late each was, and a class of that."""
    table = decisions()
    draw = np.random.default_rng(12)
    minutes = 2.0 * (table["weight"] - 25.0) + 15.0 * draw.normal(size=len(table))
    known = table["outcome"] == "observed"
    kind = np.select([minutes < -20, minutes > 15], ["early", "late"], "in time")
    return table.assign(minutes=minutes.where(known), kind=pd.Series(kind, index=table.index).where(known))
