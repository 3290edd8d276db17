"""Fit one peer on the rows that `run.py` wrote, and write what it predicts. Runs in `.venv-peers`, of files alone.

``peer.py <folder> <task>``: the folder holds ``train.parquet`` (features and target, sorted by time), a parquet file
of features for each window, and ``<task>.json``: peer, categorical columns, target, windows, seed, threads, and for
FLAML the budget. Written are ``<task>.parquet`` (window, score; rows in the order given) and ``<task>.result.json``.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MISSING = "(missing)"


def main() -> None:
    """Fit, predict every window, write."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    task = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    train = pd.read_parquet(folder / "train.parquet")
    target = train.pop(task["target"]).to_numpy(dtype=np.int64)
    windows = {window: pd.read_parquet(folder / f"{window}.parquet") for window in task["windows"]}
    prepare = _as_text if task["peer"] == "catboost" else _as_category
    features, *others = prepare(task["categorical"], train, *windows.values())
    began, worked = time.perf_counter(), _processor_seconds()
    model, details = PEERS[task["peer"]](features, target, task)
    took = {"seconds": time.perf_counter() - began, "processor_seconds": _processor_seconds() - worked}
    scores = [pd.DataFrame({"score": model.predict_proba(rows)[:, 1]}) for rows in others]
    pd.concat(scores, keys=windows, names=["window"]).reset_index("window").to_parquet(folder / f"{name}.parquet")
    (folder / f"{name}.result.json").write_text(json.dumps({**took, **details}), encoding="utf-8")


def _flaml(features: pd.DataFrame, target: np.ndarray, task: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Search FLAML's own families for as long as the budget lasts; the last rows in time judge them."""
    from flaml import AutoML  # noqa: PLC0415 - only the peer that is asked for

    model = AutoML()
    model.fit(
        X_train=features,
        y_train=target,
        task="classification",
        metric="log_loss",
        split_type="time",
        time_budget=task["budget"],
        n_jobs=task["threads"],
        seed=task["seed"],
        verbose=0,
    )
    if model.model is None:
        raise RuntimeError(f"flaml found no model in {task['budget']} seconds")
    return model, {
        "family": model.best_estimator,
        "parameters": model.best_config,
        "validation_log_loss": float(model.best_loss),
        "families": list(model.estimator_list),
        "trials_of_family": model.best_iteration,
    }


def _catboost(features: pd.DataFrame, target: np.ndarray, task: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    from catboost import CatBoostClassifier  # noqa: PLC0415

    model = CatBoostClassifier(
        random_seed=task["seed"], thread_count=task["threads"], allow_writing_files=False, logging_level="Silent"
    )
    return model.fit(features, target, cat_features=task["categorical"]), {"trees": model.tree_count_}


def _lightgbm(features: pd.DataFrame, target: np.ndarray, task: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    from lightgbm import LGBMClassifier  # noqa: PLC0415

    model = LGBMClassifier(random_state=task["seed"], n_jobs=task["threads"], verbosity=-1)
    return model.fit(features, target), {"trees": model.n_estimators_}


def _as_text(categorical: list[str], *tables: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the tables with text in categorical columns, as CatBoost takes it."""
    return [
        table.assign(**{name: table[name].fillna(MISSING).astype(object) for name in categorical}) for table in tables
    ]


def _as_category(categorical: list[str], *tables: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the tables with pandas categories, those of the training rows; what is not among them is missing."""
    types = {name: pd.CategoricalDtype(sorted(tables[0][name].dropna().unique())) for name in categorical}
    known = [
        table.assign(**{name: table[name].where(table[name].isin(kind.categories)) for name, kind in types.items()})
        for table in tables
    ]
    return [table.astype(types) for table in known]


def _processor_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


PEERS: dict[str, Callable[[pd.DataFrame, np.ndarray, dict[str, Any]], tuple[Any, dict[str, Any]]]] = {
    "catboost": _catboost,
    "flaml": _flaml,
    "lightgbm": _lightgbm,
}


if __name__ == "__main__":
    main()
