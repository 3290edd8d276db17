"""The champion against FLAML, CatBoost's and LightGBM's defaults: same rows, same split, same cores, one run.

Everything is trained on what was labelled before the test window, and judged on the test window and on the stream of
months after it. Each model is fitted twice: on `raw` columns, which a row brings itself, and on `ours_features`, the
specification's. FLAML and LightGBM live in `.venv-peers` and see files alone (`peer.py`). Needs a finished
``make run``. Last line: one JSON object of the figures.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from model_lifecycle.statistics.discrimination import roc_auc
from model_lifecycle.statistics.intervals import paired_difference_interval
from model_lifecycle.statistics.proper_scores import log_losses

SEEDS = range(3)
THREADS = 2
BUDGETS = (60, 240)  # seconds of FLAML
MARGIN = 0.003
# Raw columns that the specification does not take. Chosen for the peers' sake on May, trained on January to April:
# CatBoost's defaults do best with these two, LightGBM's as well as without; flight and tail number make both worse.
RAW_TOO = ("manufacturer", "plane_model")
PEER_PYTHON = Path(".venv-peers/bin/python")
OURS = ("ours", "ours_features")


@dataclass(frozen=True)
class Rows:
    """The rows of one comparison, sorted by time, and the two sets of columns."""

    train: pd.DataFrame
    windows: dict[str, pd.DataFrame]
    columns: dict[str, tuple[str, ...]]
    categorical: tuple[str, ...]
    chosen: Any


@dataclass
class Found:
    """What one model, fitted on one set of columns, made of every window: one entry a seed."""

    scores: dict[str, list[np.ndarray]]
    seconds: list[float] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)


def main() -> None:
    """Fit everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS, metavar="SECONDS", help="of FLAML")
    budgets: Sequence[int] = parser.parse_args().budgets
    if not PEER_PYTHON.exists():
        parser.error(f"{PEER_PYTHON} is not there, expected the peers' environment: make bench-quality makes it")
    bootstrap_project(Path.cwd())
    rows = _load()
    found: dict[tuple[str, str], Found] = {}
    for features in rows.columns:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write(rows, features, folder)
            for model, task in _tasks(rows, features, budgets):
                entry = found.setdefault((model, features), Found({window: [] for window in rows.windows}))
                (_fit_ours if model == "ours" else _fit_peer)(rows, features, task, folder, entry)
                told = ", ".join(
                    f"{window} {log_losses(_target(table), entry.scores[window][-1]).mean():.4f}"
                    for window, table in rows.windows.items()
                )
                sys.stderr.write(f"{model} on {features}, seed {task['seed']}, {entry.seconds[-1]:.0f} s: {told}\n")
    losses = {key: _losses(rows, entry) for key, entry in found.items()}
    figures = {key: _figures(rows, entry, losses[key]) for key, entry in found.items()}
    _print(rows, figures, _differences(rows, losses), {key: entry.details for key, entry in found.items()})


def _load() -> Rows:
    """Build the rows that the champion was refitted on, the test window, and the stream after it."""
    with KedroSession.create() as session:
        context = session.load_context()
        catalog, spec = context.catalog, context.params["features"]
        question, run = context.params["business_question"], context.params["run"]
        plan, state, choices = (catalog.load(name) for name in ("split_plan", "feature_state", "choices"))
        decisions, events = catalog.load("decisions"), catalog.load("all_events")
    end = RunSpec(as_of=decisions[question.label_time].max() + pd.Timedelta(days=1), seed=run.seed)
    whole = plan.model_copy(update={"test": plan.test.model_copy(update={"end": end.as_of})})
    train, later = make_model_input(decisions, known_events(events, spec, end), spec, state, whole, question)
    own = decisions.set_index(question.decision_id)[list(RAW_TOO)].fillna(spec.missing_category)
    train, later = (table.join(own, on=model_input.DECISION_ID, validate="one_to_one") for table in (train, later))
    later = later[later[model_input.OUTCOME] == model_input.OBSERVED]
    is_test = later[model_input.DECISION_TIME] < pd.Timestamp(plan.test.end)
    tables = {"train": train[training_rows(train, plan.test)], "test": later[is_test], "stream": later[~is_test]}
    ordered = {
        name: table.sort_values(model_input.DECISION_TIME, kind="stable").reset_index(drop=True)
        for name, table in tables.items()
    }
    return Rows(
        train=ordered.pop("train"),
        windows=ordered,
        columns={"raw": _raw(spec), "ours_features": spec.names()},
        categorical=(*spec.categorical, *RAW_TOO),
        chosen=choices.candidates[choices.challenger],
    )


def _raw(spec: FeatureSpec) -> tuple[str, ...]:
    """Return the columns that a row brings itself: none that is computed from the history of others."""
    history = {feature.name for feature in spec.history}
    return (*(name for name in spec.names() if name not in history), *RAW_TOO)


def _write(rows: Rows, features: str, folder: Path) -> None:
    """Write what the peers may see: the outcomes of the training rows, and of no other."""
    names = list(rows.columns[features])
    rows.train[[*names, model_input.TARGET]].astype({model_input.TARGET: "int64"}).to_parquet(folder / "train.parquet")
    for window, table in rows.windows.items():
        table[names].to_parquet(folder / f"{window}.parquet")


def _tasks(rows: Rows, features: str, budgets: Sequence[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each fit: the model's name in the figures, and what `peer.py` is told."""
    shared = {
        "target": model_input.TARGET,
        "categorical": [name for name in rows.columns[features] if name in rows.categorical],
        "windows": list(rows.windows),
        "threads": THREADS,
    }
    for seed in SEEDS:
        for model in ("ours", "catboost", "lightgbm"):
            yield model, {**shared, "peer": model, "seed": seed}
        for budget in budgets:
            yield f"flaml_{budget}", {**shared, "peer": "flaml", "seed": seed, "budget": budget}


def _fit_ours(rows: Rows, features: str, task: dict[str, Any], _folder: Path, entry: Found) -> None:
    """Fit the champion's family, parameters and calibration."""
    names, chosen = list(rows.columns[features]), rows.chosen
    columns, target = to_columns(rows.train[names]), rows.train[model_input.TARGET].to_numpy()
    began, worked = time.perf_counter(), time.process_time()
    model = load_family(chosen.family).fit(columns, target, chosen.parameters, task["seed"], THREADS)
    entry.seconds.append(time.perf_counter() - began)
    entry.details.append({"processor_seconds": time.process_time() - worked, "family": chosen.family})
    for window, table in rows.windows.items():
        entry.scores[window].append(chosen.calibration.apply(model.predict(to_columns(table[names]))))


def _fit_peer(rows: Rows, _features: str, task: dict[str, Any], folder: Path, entry: Found) -> None:
    """Fit a peer in its own environment; whatever it fails of ends the benchmark."""
    (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS), "PYTHONPATH": ""}
    command = [str(PEER_PYTHON), str(Path(__file__).with_name("peer.py")), str(folder), "task"]
    subprocess.run(command, check=True, env=environment, stdout=sys.stderr)  # noqa: S603 - our own script
    result = json.loads((folder / "task.result.json").read_text(encoding="utf-8"))
    entry.seconds.append(result.pop("seconds"))
    entry.details.append(result)
    scores = pd.read_parquet(folder / "task.parquet")
    for window, table in rows.windows.items():
        score = scores.loc[scores["window"] == window, "score"].to_numpy(dtype=np.float64)
        if len(score) != len(table):
            raise ValueError(f"{task['peer']}, {window}: {len(score):,} scores, expected {len(table):,}")
        entry.scores[window].append(score)


def _losses(rows: Rows, entry: Found) -> dict[str, np.ndarray]:
    """Return each row's log loss in each window, the mean over the seeds."""
    return {
        window: np.mean([log_losses(_target(table), score) for score in entry.scores[window]], axis=0)
        for window, table in rows.windows.items()
    }


def _target(table: pd.DataFrame) -> np.ndarray:
    return table[model_input.TARGET].to_numpy(dtype=np.float64)


def _figures(rows: Rows, entry: Found, losses: dict[str, np.ndarray]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for window, table in rows.windows.items():
        figures[f"{window}_auc"] = float(np.mean([roc_auc(_target(table), score) for score in entry.scores[window]]))
        figures[f"{window}_log_loss"] = float(losses[window].mean())
    # Budgets are time on the clock: a FLAML that found the cores busy has searched less than it could have.
    cores = sum(one["processor_seconds"] for one in entry.details) / sum(entry.seconds)
    return {**figures, "seconds": float(np.median(entry.seconds)), "cores": cores}


def _differences(
    rows: Rows, losses: dict[tuple[str, str], dict[str, np.ndarray]]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return ours on our features minus everything else, and ours on raw columns minus the peers on them."""
    pairs = [(OURS, other) for other in losses if other != OURS]
    pairs += [(("ours", "raw"), other) for other in losses if other[1] == "raw" and other[0] != "ours"]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for window, table in rows.windows.items():
        block = block_ids(to_columns(table)[model_input.DECISION_TIME], DAY)
        for one, other in pairs:
            difference = paired_difference_interval(losses[one][window], losses[other][window], block)
            found.setdefault(window, {})[f"{'/'.join(one)} - {'/'.join(other)}"] = {
                "estimate": difference.estimate,
                "lower": difference.lower,
                "upper": difference.upper,
                "not_inferior": difference.upper < MARGIN,
            }
    return found


def _print(
    rows: Rows,
    figures: dict[tuple[str, str], dict[str, float]],
    differences: dict[str, dict[str, dict[str, Any]]],
    details: dict[tuple[str, str], list[dict[str, Any]]],
) -> None:
    counts = ", ".join(f"{window} {len(table):,}" for window, table in rows.windows.items())
    lines = [f"train {len(rows.train):,} rows, {counts}", ""]
    lines.append(
        f"{'model':10} {'columns':14} {'test AUC':>9} {'log loss':>9} {'stream AUC':>11} {'log loss':>9} "
        f"{'fit s':>7} {'cores':>6}"
    )
    lines += [
        f"{model:10} {features:14} {one['test_auc']:9.4f} {one['test_log_loss']:9.4f} {one['stream_auc']:11.4f} "
        f"{one['stream_log_loss']:9.4f} {one['seconds']:7.1f} {one['cores']:6.1f}"
        for (model, features), one in figures.items()
    ]
    for window, found in differences.items():
        lines += ["", f"log loss, {window}: difference with its 95% interval; below {MARGIN} is not inferior"]
        lines += [
            f"{pair:44} {one['estimate']:+.4f} [{one['lower']:+.4f}, {one['upper']:+.4f}]"
            f"{'' if one['not_inferior'] else '  not shown'}"
            for pair, one in found.items()
        ]
    result: dict[str, Any] = {}
    for (model, features), one in figures.items():
        result.setdefault(model, {})[features] = one
        result.setdefault("details", {}).setdefault(model, {})[features] = details[model, features]
    result["columns"] = {features: list(names) for features, names in rows.columns.items()}
    sys.stdout.write("\n".join(lines) + "\n" + json.dumps({**result, "differences": differences}) + "\n")


if __name__ == "__main__":
    main()
