"""What is wrong with logged predictions and with the outcomes that came back for them."""

import numpy as np
import pandas as pd

from model_lifecycle.monitoring.performance import are_finite, predictions
from model_lifecycle.monitoring.verdict import Finding, Rule, Severity
from model_lifecycle.monitoring.windows import observed
from model_lifecycle.tasks import Task

# Of so many that are expected, none happens once in 20,000 windows (Poisson).
_SURE_TO_HAPPEN = 10.0
_SPOILED = 0.01  # share of rows without a prediction


def impossible_predictions(rows: pd.DataFrame, task: Task) -> tuple[Finding, ...]:
    """Tell how many rows have no prediction: an output is missing, not finite, or no probability.

    No figure counts them. One is a damaged row, which people are told of; from one in a hundred on the log cannot be
    trusted, and the window is not.

    Parameters
    ----------
    rows : DataFrame
        Of `windows.rows_of`.
    """
    if not len(rows):
        return ()
    share = 1.0 - float(np.mean(are_finite(predictions(rows, task))))
    if not share:
        return ()
    text = f"{round(share * len(rows)):,} of {len(rows):,} logged predictions are none (missing or out of range)"
    return (
        _finding("no_prediction", None, share, _SPOILED, f"{text}; no figure counts them", critical=share >= _SPOILED),
    )


def absent_outcomes(rows: pd.DataFrame, task: Task, target: str) -> tuple[Finding, ...]:
    """Tell what is promised so often that it must have happened, and was never observed: its labels do not come.

    Parameters
    ----------
    rows : DataFrame
        Of `windows.rows_of`, in a window that is mature.
    target : str
        The column that outcomes come from, empty where it is not known.
    """
    seen = rows[observed(rows)]
    prediction = predictions(seen, task)
    known = are_finite(prediction)
    outcome = seen["value"].to_numpy(dtype=np.float64)[known]
    if task.objective.kind == "quantile" or not len(outcome):
        return ()
    found: list[Finding] = []
    for name, one in task.promises(outcome, prediction[known]).items():
        promised = float(one.probability.sum())
        if promised >= _SURE_TO_HAPPEN and not one.event.any():
            text = f"none of {len(outcome):,} outcomes is {name!r}, expected {promised:.0f}: do its labels come?"
            found.append(_finding("no_outcome", target or None, 0.0, promised, text, critical=True))
    return tuple(found)


def early_labels(before: int, decisions: int) -> tuple[Finding, ...]:
    """Tell how many labels are older than their decision."""
    if not before:
        return ()
    text = f"{before:,} of {decisions:,} labels are older than their decision; they are not used"
    return (_finding("label_time", None, float(before), 0.0, text, critical=False),)


def _finding(rule: Rule, column: str | None, found: float, limit: float, message: str, *, critical: bool) -> Finding:
    severity: Severity = "critical" if critical else "warning"
    return Finding(rule=rule, column=column, severity=severity, found=found, limit=limit, message=message)
