"""History features over all flights, over tables of growing size, and for a single row.

Needs a finished ``make run`` for the flights. Last line: one JSON object of the figures.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from model_lifecycle.contracts.columns import Columns, take
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.features.history import History
from model_lifecycle.features.tables import events_by_kind, to_columns
from model_lifecycle.features.transform import FeatureState, compute_features

SIZES = (100_000, 1_000_000, 10_000_000)
ROWS = 2_000  # asked one by one
YEAR_SECONDS = 365 * 86_400
SPEC = FeatureSpec.model_validate(
    {
        "events": {"sale": {"entities": ["region", "shop", "customer"], "values": ["amount"]}},
        "history": [
            {"name": f"{by}_{statistic}_{window}", "event": "sale", "by": [by], "value": value, "statistic": statistic,
             "window": window}
            for by, statistic, window in (
                ("region", "mean", "30min"), ("region", "std", "28d"), ("shop", "sum", "1d"), ("shop", "mean", "28d"),
                ("shop", "last", "28d"), ("customer", "count", "365d"), ("customer", "time_since_last", "365d"),
            )
            for value in (None if statistic in ("count", "time_since_last") else "amount",)
        ],
    }
)  # fmt: skip


def main() -> None:
    """Measure and print."""
    figures: dict[str, float] = {}
    figures |= _flights()
    for size in SIZES:
        figures[f"seconds_1e{round(np.log10(size))}"] = _grown(size)
    for size in SIZES:
        figures[f"argsort_1e{round(np.log10(size))}"] = _sorted(size)
    figures["growth"] = figures["seconds_1e7"] / figures["seconds_1e5"]
    figures["argsort_growth"] = figures["argsort_1e7"] / figures["argsort_1e5"]
    figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write("\n".join(f"{name:24} {value:14,.3f}" for name, value in figures.items()) + "\n")
    sys.stdout.write(json.dumps(figures) + "\n")


def _flights() -> dict[str, float]:
    bootstrap_project(Path.cwd())
    with KedroSession.create() as session:
        catalog = session.load_context().catalog
        decisions, events = catalog.load("decisions"), catalog.load("all_events")
        state, spec = catalog.load("feature_state"), FeatureSpec.model_validate(catalog.load("params:features"))
    lag = events["kind"].map({kind: declared.availability_lag for kind, declared in spec.events.items()})
    columns = to_columns(decisions[[*spec.inputs(), "decision_time"]])
    by_kind = events_by_kind(events.assign(known_at=(events["event_time"] + lag).dt.as_unit("us")), spec)
    state = FeatureState.model_validate(state)
    times = columns["decision_time"]
    built, history = _timed(lambda: History.build(spec, by_kind))
    asked, _ = _timed(lambda: history.compute(columns, times, state.priors))
    everything, _ = _timed(lambda: compute_features(spec, state, columns, times, history))
    rows = [take(columns, np.array([place])) for place in np.linspace(0, len(times) - 1, ROWS).astype(np.int64)]
    seconds = [
        _timed(lambda row=row: compute_features(spec, state, row, row["decision_time"], history))[0] for row in rows
    ]  # type: ignore[misc]
    return {
        "flights": len(times),
        "flights_seconds": built + asked,
        "all_features_rows_a_second": len(times) / everything,
        "one_row_microseconds": float(np.median(seconds)) * 1e6,
    }


def _grown(size: int) -> float:
    """Index so many events and compute seven features for as many rows."""
    events, rows = _sales(size, seed=1), _sales(size, seed=2)
    seconds, _ = _timed(lambda: History.build(SPEC, {"sale": events}).compute(rows, rows["known_at"], {}))
    sys.stderr.write(f"{size:,} events and rows: {seconds:.1f} s, {seconds / size * 1e6:.2f} µs each\n")
    return seconds


def _sorted(size: int) -> float:
    """Time what costs n log n for certain, the sort of as many numbers: the growth that history is held against."""
    numbers = np.random.default_rng(3).permutation(size)
    return float(np.median([_timed(lambda: numbers.argsort(kind="stable"))[0] for _ in range(5)]))


def _sales(size: int, seed: int) -> Columns:
    """Return a year of sales; the more there are, the more customers they have."""
    rng = np.random.default_rng(seed)
    known_at = np.datetime64("2024-01-01", "us") + rng.integers(YEAR_SECONDS, size=size) * np.timedelta64(1, "s")
    return {
        "known_at": np.sort(known_at),
        "region": rng.integers(10, size=size),
        "shop": rng.integers(1_000, size=size),
        "customer": rng.integers(size // 10, size=size),
        "amount": np.round(rng.lognormal(3.0, 1.0, size), 2),
    }


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


if __name__ == "__main__":
    main()
