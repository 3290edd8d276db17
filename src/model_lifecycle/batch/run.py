"""A run of batch scoring: what is to do, done by workers, and told."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from model_lifecycle.batch.events import EventReader, see_events
from model_lifecycle.batch.output import (
    clashing_names,
    count_left_over,
    read_provenance,
    remove_unfinished,
)
from model_lifecycle.batch.partitions import Partition, find_partitions, identify, shown, survey
from model_lifecycle.batch.worker import Job, Worker
from model_lifecycle.cluster import spread
from model_lifecycle.contracts.batch import BatchReport, BatchSpec, Outcome
from model_lifecycle.errors import BatchError
from model_lifecycle.locking import take_lock
from model_lifecycle.scoring import Scorer

_log = logging.getLogger(__name__)

LOCK_FILE = ".batch.lock"
_PROGRESS_SECONDS = 5.0


@dataclass(frozen=True)
class Release:
    """A verified release: its files, its digest and the scorer made of them."""

    files: Mapping[str, bytes]
    digest: str
    scorer: Scorer


@dataclass(frozen=True)
class Folders:
    """Where partitions are, which files count as such, and where scores go."""

    input: Path
    pattern: str
    output: Path


@dataclass
class _Plan:
    """What becomes of the partitions: an end already known, or work with its number of rows."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    pending: list[Partition] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    earliest: datetime | None = None


def score_folder(folders: Folders, release: Release, events: EventReader, spec: BatchSpec) -> BatchReport:
    """Score every partition that is not finished, each whole or not at all.

    Parameters
    ----------
    folders : Folders
        Input and output; one run at a time writes to an output.
    release : Release
        Scores.
    events : EventReader
        The store, for history features.
    spec : BatchSpec
        How.

    Raises
    ------
    BatchError
        If there is nothing to score, or the folders lie in one another.
    RunLocked
        If another run writes to the output.
    ClusterError
        If Ray cannot be started or reached.
    """
    _check(folders, release.scorer)
    names = find_partitions(folders.input, folders.pattern)
    with take_lock(folders.output / LOCK_FILE):
        removed = remove_unfinished(folders.output)
        if removed:
            _log.info("took away %d unfinished files of a run that was stopped", removed)
        plan = _plan(folders, names, release, events, spec)
        seen = see_events(events, release.scorer.spec, plan.earliest)
        _log.info(
            "%d partitions: %d finished before, %d refused, %d to score with %s rows",
            len(names), len(names) - len(plan.pending) - _refused(plan), _refused(plan), len(plan.pending),
            f"{sum(plan.rows.values()):,}",
        )  # fmt: skip
        started = time.monotonic()
        try:
            _score(plan, Job(dict(release.files), release.digest, seen, spec, str(folders.output.resolve())))
        finally:
            remove_unfinished(folders.output)  # of workers that died
        return BatchReport(
            release=release.scorer.release_id,
            threshold=release.scorer.threshold,
            input=str(folders.input),
            output=str(folders.output),
            watermark=seen.watermark,
            newest_event=seen.newest.isoformat() if seen.newest else None,
            seconds=time.monotonic() - started,
            left_over=count_left_over(folders.output, names),
            outcomes=tuple(plan.outcomes[name] for name in names),
        )


def make_work(job: Job) -> Callable[[Mapping[str, Any]], Iterator[dict[str, object]]]:
    """Return what a worker does with one partition, as JSON has it: rows done, again and again, then the outcome."""
    worker = Worker(job)

    def work(item: Mapping[str, Any]) -> Iterator[dict[str, object]]:
        for found in worker.score(Partition.from_json(item)):
            done = {"rows": found} if isinstance(found, int) else {"outcome": found.model_dump()}
            yield {"partition": item["name"], **done}

    return work


def _check(folders: Folders, scorer: Scorer) -> None:
    source, output = folders.input.resolve(), folders.output.resolve()
    if source.is_relative_to(output) or output.is_relative_to(source):
        raise BatchError(f"input {folders.input} and output {folders.output} lie in one another, expected two folders")
    if clashing := clashing_names(scorer):
        raise BatchError(f"columns {clashing} of the case are called as columns of the scores; rename them in the case")


def _plan(folders: Folders, names: Sequence[str], release: Release, events: EventReader, spec: BatchSpec) -> _Plan:
    plan, first = _Plan(), events.first_known_at()
    time_column = release.scorer.question.decision_time
    for name in names:
        try:
            partition = identify(folders.input.resolve(), name)
            made = None if spec.again else read_provenance(folders.output, name)
            if made is not None and made.holds(partition, release.digest, spec, first.isoformat() if first else None):
                plan.outcomes[name] = Outcome(partition=shown(name), status="finished before", counts=made.counts)
                continue
            plan.rows[name], earliest = survey(partition.path, time_column, spec.delimiter)
        except BatchError as error:
            plan.outcomes[name] = Outcome(partition=shown(name), status="refused", reasons=(str(error),))
            continue
        plan.pending.append(partition)
        plan.earliest = min(filter(None, (plan.earliest, earliest)), default=None)
    plan.pending.sort(key=lambda partition: -plan.rows[partition.name])  # the largest first: no worker waits for it
    return plan


def _refused(plan: _Plan) -> int:
    return sum(outcome.status == "refused" for outcome in plan.outcomes.values())


def _score(plan: _Plan, job: Job) -> None:
    """Give the work out and tell how far it is."""
    progress = _Progress(len(plan.pending), sum(plan.rows.values()))
    cluster = job.spec.cluster
    items = [partition.to_json() for partition in plan.pending]
    for found in spread(items, make_work, job, cluster.workers, cluster.address):
        name = str(found["partition"])
        if "outcome" in found:
            plan.outcomes[name] = Outcome.model_validate(found["outcome"])
            progress.finished(name, plan.rows[name])
        else:
            progress.advanced(name, int(str(found["rows"])))


class _Progress:
    """Says every few seconds how far the work is."""

    def __init__(self, partitions: int, rows: int) -> None:
        self._partitions, self._rows = partitions, rows
        self._done: dict[str, int] = {}
        self._finished = 0
        self._started = self._told = time.monotonic()
        self._before = 0  # rows of the first result, which was waited for from before the clock

    def advanced(self, name: str, rows: int) -> None:
        """Note the rows of a partition that are done."""
        if not self._done:
            self._started, self._before = time.monotonic(), rows
        self._done[name] = rows
        if time.monotonic() - self._told >= _PROGRESS_SECONDS:
            self._tell()

    def finished(self, name: str, rows: int) -> None:
        """Note that a partition has come to its end."""
        self._finished += 1
        self.advanced(name, rows)
        if self._finished == self._partitions:
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        done = sum(self._done.values())
        rate = (done - self._before) / max(self._told - self._started, 1e-9)
        left = f", {(self._rows - done) / rate:,.0f} s left" if rate and done < self._rows else ""
        _log.info(
            "%d of %d partitions, %s of %s rows (%.0f%%), %s rows/s%s",
            self._finished, self._partitions, f"{done:,}", f"{self._rows:,}", 100 * done / self._rows,
            f"{rate:,.0f}", left,
        )  # fmt: skip
