"""What a calibrated domain classifier finds on this benchmark's worlds (docs/decisions/0041-no-domain-classifier.md).

`python benchmarks/monitoring/domain_classifier.py [worlds]`: trees try to tell a window of 5,000 rows from the rest of
the reference, two folds of alternating days; the floor is the largest AUC of the reference's own 26 windows. A world
takes 15 seconds. Last line: one JSON object.
"""

import json
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
from run import CHANGES, WINDOWS
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from worlds import World

SIZE, FEATURES, PER_WINDOW = 5_000, 20, 4
PER_DAY = round(SIZE / 7)


def table(columns: dict[str, np.ndarray]) -> np.ndarray:
    """Return the columns side by side, text as codes."""
    coded = [pd.factorize(values)[0] if values.dtype == object else values for values in columns.values()]
    return np.column_stack([values.astype(np.float64) for values in coded])


def auc(reference: np.ndarray, window: np.ndarray, day: np.ndarray, rng: np.random.Generator) -> float:
    """Return how well trees tell the window from four times as many rows of the reference, on unseen days."""
    kept = np.sort(rng.choice(len(reference), min(len(reference), PER_WINDOW * len(window)), replace=False))
    rows = np.concatenate([reference[kept], window])
    is_window = np.repeat([0, 1], [len(kept), len(window)])
    fold = np.concatenate([day[kept], np.arange(len(window)) // PER_DAY]) % 2
    chance = np.empty(len(rows))
    for held in (0, 1):
        trees = HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=15, early_stopping=False, random_state=0)
        trees.fit(rows[fold != held], is_window[fold != held])
        chance[fold == held] = trees.predict_proba(rows[fold == held])[:, 1]
    return float(roc_auc_score(is_window, chance))


def world(seed: int) -> dict[str, float]:
    """Return the usual AUC and the floor of one world, what lies beyond the floor, and the seconds of a fit."""
    rng = np.random.default_rng(seed)
    made = World(50_000 + seed, FEATURES, PER_DAY, 0, SIZE * WINDOWS)
    reference, day = table(dict(made.items())), np.arange(SIZE * WINDOWS) // PER_DAY
    number, began = np.arange(len(reference)) // SIZE, time.process_time()
    usual = [auc(reference[number != one], reference[number == one], day[number != one], rng) for one in range(WINDOWS)]
    found = {"usual": float(np.mean(usual)), "floor": max(usual)}
    found["fit_seconds"] = (time.process_time() - began) / WINDOWS
    live = dict(replace(made, first=SIZE * (WINDOWS + 4), rows=SIZE).items())
    found["stationary"] = float(auc(reference, table(live), day, rng) > max(usual))
    for name, change in CHANGES.items():
        changed = dict(live)
        change(changed, rng)
        found[name] = float(auc(reference, table(changed), day, rng) > max(usual))
    return found


if __name__ == "__main__":
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    means = pd.DataFrame([world(seed) for seed in range(worlds)]).mean()
    sys.stdout.write(json.dumps({str(name): round(float(value), 3) for name, value in means.items()}) + "\n")
