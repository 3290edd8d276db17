"""Batch scoring of a table ten times the flagship, against features and model alone; and its memory against a tenth.

Needs a finished ``make run``. Works in a folder of its own. ``BATCH_TIMES`` and ``BATCH_WORKERS`` choose the size (10
times all flights) and the workers (2). Last line: one JSON object of the figures.
"""

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from model_lifecycle.batch.events import SeenEvents, see_events
from model_lifecycle.batch.run import Folders, Release, score_folder
from model_lifecycle.contracts.batch import BatchReport, BatchSpec, ClusterSpec
from model_lifecycle.contracts.columns import Columns, take
from model_lifecycle.datasets.event_log import StoredEvents
from model_lifecycle.features.tables import to_columns
from model_lifecycle.scoring import Scorer
from model_lifecycle.store import Store
from model_lifecycle.store.backfill import event_records

TIMES = int(os.environ.get("BATCH_TIMES", "10"))
WORKERS = int(os.environ.get("BATCH_WORKERS", "2"))
ALONE_ROWS = 300_000
_SAMPLE_SECONDS = 0.25


def main() -> None:
    """Measure and print."""
    bootstrap_project(Path.cwd())
    with KedroSession.create() as session:
        catalog = session.load_context().catalog
        champion, decisions, events = (catalog.load(name) for name in ("champion", "decisions", "all_events"))
        lags = {kind: declared.availability_lag for kind, declared in champion.scorer.spec.events.items()}
    events = events.assign(known_at=(events["event_time"] + events["kind"].map(lags)).dt.as_unit("us"))
    decisions = decisions[list(champion.scorer.contract.columns)]
    release = Release(champion.files, champion.digest, champion.scorer)
    figures: dict[str, float] = {"processors": float(os.cpu_count() or 1), "workers": WORKERS}
    with tempfile.TemporaryDirectory(prefix="bench-batch-") as place:
        folder = Path(place)
        url = f"sqlite:///{folder}/store.db"
        _say(f"{len(events):,} events into a store of its own")
        with Store.open(url) as store:
            store.append_events(event_records(events))
        figures |= _alone(
            champion.scorer,
            decisions,
            see_events(StoredEvents(url), champion.scorer.spec, _first(decisions, champion.scorer)),
        )
        for times in (1, TIMES):
            _write(decisions, folder / f"input-{times}", times, champion.scorer.question.decision_id)
            folders = Folders(folder / f"input-{times}", "**/*", folder / f"output-{times}")
            _say(f"scoring {times * len(decisions):,} rows in {times * 2} partitions with {WORKERS} workers")
            with _Memory() as memory:
                report = score_folder(
                    folders, release, StoredEvents(url), BatchSpec(cluster=ClusterSpec(workers=WORKERS))
                )
            figures |= {f"{name}_{times}x": value for name, value in _measured(report, memory).items()}
    ten = f"_{TIMES}x"
    figures["ratio_per_core"] = figures["rows_a_second_a_core" + ten] / figures["alone_rows_a_second"]
    figures["ratio_processor_time"] = (
        figures["rows_a_processor_second" + ten] / figures["alone_rows_a_processor_second"]
    )
    figures["peak_growth"] = figures["peak_worker_mib" + ten] / figures["peak_worker_mib_1x"]
    sys.stdout.write("\n".join(f"{name:36} {value:14,.3f}" for name, value in figures.items()) + "\n")
    sys.stdout.write(json.dumps(figures) + "\n")


def _first(decisions: pd.DataFrame, scorer: Scorer) -> pd.Timestamp:
    return decisions[scorer.question.decision_time].min().to_pydatetime()


def _alone(scorer: Scorer, decisions: pd.DataFrame, events: SeenEvents) -> dict[str, float]:
    """Time features and model on columns that are in memory, on one core; the faster of a few sizes of batches."""
    columns = to_columns(decisions.iloc[:ALONE_ROWS])
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(everywhere)})
    try:
        found = [_rates(scorer, columns, events, size) for size in (50_000, ALONE_ROWS) for _ in range(2)]
    finally:
        os.sched_setaffinity(0, everywhere)
    return {
        "alone_rows_a_second": max(wall for wall, _ in found),
        "alone_rows_a_processor_second": max(used for _, used in found),
    }


def _rates(scorer: Scorer, columns: Columns, events: SeenEvents, size: int) -> tuple[float, float]:
    rows = len(columns[scorer.question.decision_id])
    wall, used = time.perf_counter(), time.process_time()
    for start in range(0, rows, size):
        part = take(columns, np.arange(start, min(rows, start + size)))
        scorer.predict(scorer.features(part, events.history))
    return rows / (time.perf_counter() - wall), rows / (time.process_time() - used)


def _write(decisions: pd.DataFrame, folder: Path, times: int, key: str) -> None:
    """Write the decisions so many times over, two files each, with ids of their own."""
    folder.mkdir()
    for number in range(times):
        copy = decisions.assign(**{key: decisions[key] + f"-{number}"})
        half = len(copy) // 2
        copy.iloc[:half].to_parquet(folder / f"{number:02}-a.parquet", index=False)
        copy.iloc[half:].to_parquet(folder / f"{number:02}-b.parquet", index=False)


def _measured(report: BatchReport, memory: "_Memory") -> dict[str, float]:
    scored = report.of("scored")
    rows = sum(outcome.counts.rows for outcome in scored)
    busy = sum(outcome.seconds for outcome in scored)
    return {
        "rows": rows,
        "seconds": report.seconds,
        "rows_a_second": rows / report.seconds,
        "rows_a_second_a_core": rows / busy,
        "rows_a_processor_second": rows / sum(outcome.processor_seconds for outcome in scored),
        "peak_worker_mib": max(outcome.peak_mib for outcome in scored),
        "peak_run_mib": memory.peak,
    }


class _Memory:
    """The most memory that this process and all it has started hold at a time, shared pages counted once."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(map(_share, _family(os.getpid()))) / 1024)


def _family(process: int) -> Iterator[int]:
    yield process
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _share(process: int) -> int:
    """Return a process's proportional set size in KiB, 0 if it is gone."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main()
