"""The features' worth on months that nothing was chosen on: the challenger with and without history, five seeds.

Trained on everything before the test window, judged on the test window and on the stream after it, each decision with
the events known by then. Needs a finished ``make run``. Last line: one JSON object of the figures.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from model_lifecycle.contracts import model_input
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.features.folds import training_rows
from model_lifecycle.features.tables import to_columns
from model_lifecycle.models import load_family
from model_lifecycle.pipelines.data_engineering.nodes.primary import known_events
from model_lifecycle.pipelines.feature_engineering.nodes import make_model_input
from model_lifecycle.statistics.blocks import DAY, block_ids
from model_lifecycle.statistics.discrimination import auc_contributions
from model_lifecycle.statistics.intervals import clustered_mean_interval
from model_lifecycle.statistics.proper_scores import log_losses

SEEDS = range(5)
THREADS = 2


def main() -> None:
    """Fit with and without history, five times each, and print the table."""
    bootstrap_project(Path.cwd())
    with KedroSession.create() as session:
        context = session.load_context()
        catalog = context.catalog
        spec: FeatureSpec = context.params["features"]
        question, run = context.params["business_question"], context.params["run"]
        plan, state, choices = (catalog.load(name) for name in ("split_plan", "feature_state", "choices"))
        decisions, events = catalog.load("decisions"), catalog.load("all_events")
    end = RunSpec(as_of=decisions[question.label_time].max() + pd.Timedelta(days=1), seed=run.seed)
    whole = plan.model_copy(update={"test": plan.test.model_copy(update={"end": end.as_of})})
    train, later = make_model_input(decisions, known_events(events, spec, end), spec, state, whole, question)
    fitted = training_rows(train, plan.test)
    later = later[later[model_input.OUTCOME] == model_input.OBSERVED]
    is_test = (later[model_input.DECISION_TIME] < pd.Timestamp(plan.test.end)).to_numpy(dtype=bool)
    windows = {"test": later[is_test], "stream": later[~is_test]}
    chosen = choices.candidates[choices.challenger]
    without = tuple(name for name in spec.names() if name not in {feature.name for feature in spec.history})
    figures: dict[str, float] = {}
    for label, names in (("", spec.names()), ("_without_history", without)):
        scores = _scores(train[fitted], windows, chosen, names, label or "_with_history")
        for window, rows in windows.items():
            auc, loss = _judged(rows, scores[window], f"{window}{label}")
            figures |= {f"{window}_auc{label}": auc, f"{window}_log_loss{label}": loss}
    sys.stdout.write(json.dumps(figures) + "\n")


def _scores(
    train: pd.DataFrame, windows: dict[str, pd.DataFrame], chosen: Any, names: Sequence[str], label: str
) -> dict[str, list[np.ndarray]]:
    """Return each window's scores, one array a seed."""
    features, target = to_columns(train[list(names)]), train[model_input.TARGET].to_numpy()
    found: dict[str, list[np.ndarray]] = {window: [] for window in windows}
    for seed in SEEDS:
        sys.stderr.write(f"fitting {len(names)} features{label.replace('_', ' ')}, seed {seed}\n")
        model = load_family(chosen.family).fit(features, target, chosen.parameters, seed, THREADS)
        for window, rows in windows.items():
            found[window].append(chosen.calibration.apply(model.predict(to_columns(rows[list(names)]))))
    return found


def _judged(rows: pd.DataFrame, scores: list[np.ndarray], label: str) -> tuple[float, float]:
    """Return the mean AUC and log loss over the seeds, and print them with the intervals of the window's days."""
    target = rows[model_input.TARGET].to_numpy(dtype=np.float64)
    block = block_ids(rows[model_input.DECISION_TIME].dt.tz_localize(None).to_numpy(), DAY)
    auc = clustered_mean_interval(np.mean([auc_contributions(target, score) for score in scores], axis=0), block)
    loss = clustered_mean_interval(np.mean([log_losses(target, score) for score in scores], axis=0), block)
    sys.stdout.write(
        f"{label:24} {len(rows):8,} rows  AUC {auc.estimate:.4f} [{auc.lower:.4f}, {auc.upper:.4f}]  "
        f"log loss {loss.estimate:.4f} [{loss.lower:.4f}, {loss.upper:.4f}]\n"
    )
    return auc.estimate, loss.estimate


if __name__ == "__main__":
    main()
