"""The challenger against CatBoost's defaults: same features, same rows, same split, mean of five seeds, one run.

Needs a finished ``make run``. Last line: one JSON object of the figures.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.columns import Columns
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.features.tables import to_columns
from model_lifecycle.models import load_family
from model_lifecycle.models.calibration import Calibration
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.discrimination import roc_auc
from model_lifecycle.statistics.intervals import paired_difference_interval
from model_lifecycle.statistics.proper_scores import log_losses

SEEDS = range(5)
THREADS = 2
MARGIN = 0.003


def main() -> None:
    """Fit everything five times and print the table."""
    bootstrap_project(Path.cwd())
    with KedroSession.create() as session:
        catalog = session.load_context().catalog
        train, test = catalog.load("model_input_train"), catalog.load("model_input_test")
        choices, plan = catalog.load("choices"), catalog.load("split_plan")
        spec = FeatureSpec.model_validate(catalog.load("params:features"))
    chosen = choices.candidates[choices.challenger]
    start = pd.Timestamp(plan.test.start)
    fitted_on = train[(train[model_input.OUTCOME] == model_input.OBSERVED) & (train[model_input.LABEL_TIME] < start)]
    judged = test[test[model_input.OUTCOME] == model_input.OBSERVED]
    entries: dict[str, tuple[str, Mapping[str, Any], Calibration]] = {
        "ours": (chosen.family, chosen.parameters, chosen.calibration),
        "catboost_defaults": ("catboost", {}, Calibration()),
    }
    features, target = to_columns(fitted_on[list(spec.names())]), fitted_on[model_input.TARGET].to_numpy()
    rows, outcome = to_columns(judged[list(spec.names())]), judged[model_input.TARGET].to_numpy()
    block = block_ids(to_columns(judged)[model_input.DECISION_TIME], DAY)
    figures = {name: _measure(name, entry, features, target, rows, outcome) for name, entry in entries.items()}
    result: dict[str, Any] = {
        name: {"test_auc": found["auc"], "test_log_loss": float(found["losses"].mean()), "seconds": found["seconds"]}
        for name, found in figures.items()
    }
    ours, theirs = figures["ours"]["losses"], figures["catboost_defaults"]["losses"]
    difference = paired_difference_interval(ours, theirs, block)
    result["ours_minus_defaults"] = [difference.estimate, difference.lower, difference.upper]
    result["not_inferior"] = difference.upper < MARGIN
    _print(result)


def _measure(
    name: str,
    entry: tuple[str, Mapping[str, Any], Calibration],
    features: Columns,
    target: np.ndarray,
    rows: Columns,
    outcome: np.ndarray,
) -> dict[str, Any]:
    """Return the mean AUC, each row's log loss as its mean over the seeds, and the seconds of one fit."""
    family, parameters, calibration = entry
    aucs, losses, seconds = [], [], []
    for seed in SEEDS:
        began = time.perf_counter()
        model = load_family(family).fit(features, target, parameters, seed, THREADS)
        seconds.append(time.perf_counter() - began)
        score = calibration.apply(model.predict(rows))
        aucs.append(roc_auc(outcome, score))
        losses.append(log_losses(outcome, score))
        sys.stderr.write(f"{name}, seed {seed}: AUC {aucs[-1]:.4f}, log loss {losses[-1].mean():.4f}\n")
    return {"auc": float(np.mean(aucs)), "losses": np.mean(losses, axis=0), "seconds": float(np.median(seconds))}


def _print(result: dict[str, Any]) -> None:
    lines = [f"{'model':20} {'AUC':>8} {'log loss':>9} {'fit s':>7}"]
    lines += [
        f"{name:20} {found['test_auc']:8.4f} {found['test_log_loss']:9.4f} {found['seconds']:7.1f}"
        for name, found in result.items()
        if isinstance(found, dict)
    ]
    lines += [
        f"{name}: {found[0]:+.4f} [{found[1]:+.4f}, {found[2]:+.4f}]"
        for name, found in result.items()
        if isinstance(found, list)
    ]
    sys.stdout.write("\n".join(lines) + "\n" + json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
