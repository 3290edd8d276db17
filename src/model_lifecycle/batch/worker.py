"""One partition from its file to its scores."""

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from model_lifecycle.batch.columns import checked_parts
from model_lifecycle.batch.events import SeenEvents
from model_lifecycle.batch.output import (
    Provenance,
    WholeFile,
    scores_file,
    scores_table,
    wrong_rows_file,
    wrong_rows_table,
)
from model_lifecycle.batch.partitions import Partition, PartitionReader, readable
from model_lifecycle.contracts.batch import BatchSpec, Counts, Outcome, WrongField
from model_lifecycle.errors import BatchError, LifecycleError
from model_lifecycle.features.records import RecordProblem, expectation
from model_lifecycle.scoring import Scorer

_log = logging.getLogger(__name__)
_MOST_FIELDS = 50  # ways to be wrong that are told of a partition


@dataclass(frozen=True)
class Job:
    """What is the same for every partition of a run, on its way to the workers."""

    release: Mapping[str, bytes]
    digest: str
    events: SeenEvents
    spec: BatchSpec
    output: str


@dataclass
class _Tally:
    """What a partition's rows have come to so far."""

    read: int = 0
    counts: Counts = field(default_factory=Counts)
    wrong: dict[tuple[str, str], WrongField] = field(default_factory=dict)
    wrong_rows: int = 0

    def total(self) -> Counts:
        """Return the counts, with the rows that were set aside."""
        return self.counts.model_copy(update={"wrong_rows": self.wrong_rows})

    def add_wrong(self, problems: tuple[RecordProblem, ...], first: int) -> None:
        """Count wrong rows of a part that begins at a row of the file."""
        self.wrong_rows += len({problem.row for problem in problems})
        for problem in problems:
            key = (problem.field, problem.expected)
            known = self.wrong.get(key)
            if known is not None:
                self.wrong[key] = known.model_copy(update={"rows": known.rows + 1})
            elif len(self.wrong) < _MOST_FIELDS:
                self.wrong[key] = WrongField(
                    field=problem.field, expected=problem.expected, rows=1, first_row=first + problem.row,
                    found=problem.found,
                )  # fmt: skip


class Worker:
    """Scores partitions one after another, each with a release that it restored once.

    Parameters
    ----------
    job : Job
        What to do.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._scorer = Scorer.from_files(job.release)

    def score(self, partition: Partition) -> Iterator[int | Outcome]:
        """Score one partition.

        Yields
        ------
        int or Outcome
            How many rows are done, again and again; at last what became of it. Whatever goes wrong with a partition
            refuses that partition alone.
        """
        started, used = time.monotonic(), time.process_time()
        tally, reasons = _Tally(), list[str]()
        try:
            with readable():
                yield from self._score(partition, tally)
        except LifecycleError as error:
            reasons.append(str(error))
        except Exception as error:
            _log.exception("partition %s", partition.shown)
            reasons.append(f"{type(error).__name__}: {error}")
        yield Outcome(
            partition=partition.shown,
            status="refused" if reasons else "scored",
            counts=Counts() if reasons else tally.total(),
            reasons=tuple(reasons),
            wrong=tuple(tally.wrong.values()),
            seconds=time.monotonic() - started,
            processor_seconds=time.process_time() - used,
            peak_mib=peak_mib(),
        )

    def _score(self, partition: Partition, tally: _Tally) -> Iterator[int]:
        root, spec = Path(self._job.output), self._job.spec
        with (
            PartitionReader(partition.path, spec.delimiter, spec.batch_rows) as reader,
            WholeFile(scores_file(root, partition.name)) as scores,
            WholeFile(wrong_rows_file(root, partition.name)) as aside,
        ):
            self._check_names(reader.names)
            for batch in reader.batches(reader.names):
                kept = self._right_rows(batch, reader.typed, tally, aside)
                if kept and not self._is_refused(tally):
                    self._write(kept, tally, scores)
                tally.read += batch.num_rows
                yield tally.read
            if self._is_refused(tally) or not tally.counts.rows:
                raise BatchError(f"{tally.wrong_rows:,} of {tally.read:,} rows are wrong")
            partition.check_unchanged()
            provenance = self._provenance(partition, tally)
            aside.finish(provenance)
            scores.finish(provenance)

    def _is_refused(self, tally: _Tally) -> bool:
        return self._job.spec.wrong_rows == "refuse" and tally.wrong_rows > 0

    def _check_names(self, names: list[str]) -> None:
        columns = self._scorer.contract.columns
        absent = [name for name in columns if name not in names]
        reasons = [f"column {name!r} is absent; expected {expectation(columns[name])}" for name in absent]
        extra = [name for name in names if name not in columns]
        if extra and self._job.spec.extra_columns == "refuse":
            reasons.append(
                f"columns {extra[:20]} are unknown, expected some of {sorted(columns)}; "
                f"`batch_scoring.extra_columns=ignore` leaves them out"
            )
        if reasons:
            raise BatchError("; ".join(reasons))

    def _right_rows(
        self, batch: pa.RecordBatch, typed: bool, tally: _Tally, aside: WholeFile
    ) -> dict[str, np.ndarray] | None:
        """Return the columns of the rows that are right, None without any."""
        kept, first = [], tally.read
        for part, found in checked_parts(self._scorer.contract, batch, typed):
            if isinstance(found, dict):
                kept.append(found)
            else:
                tally.add_wrong(found, first)
                if self._job.spec.wrong_rows == "set_aside":
                    aside.write(wrong_rows_table(part, found, first))
                    kept += self._others(part, found, typed)
            first += part.num_rows
        kept = [columns for columns in kept if len(columns[self._scorer.question.decision_id])]
        return {name: np.concatenate([columns[name] for columns in kept]) for name in kept[0]} if kept else None

    def _others(
        self, part: pa.RecordBatch, problems: tuple[RecordProblem, ...], typed: bool
    ) -> list[dict[str, np.ndarray]]:
        right = np.ones(part.num_rows, dtype=bool)
        right[[problem.row for problem in problems]] = False
        rest = checked_parts(self._scorer.contract, part.filter(pa.array(right)), typed)
        return [found for _, found in rest if isinstance(found, dict)]

    def _write(self, columns: dict[str, np.ndarray], tally: _Tally, scores: WholeFile) -> None:
        found = self._scorer.score(columns, self._job.events.history)
        complete = self._job.events.complete(columns[self._scorer.question.decision_time])
        table, counts = scores_table(self._scorer, columns, found, complete, self._job.spec.features)
        scores.write(table)
        tally.counts = tally.counts.plus(counts)

    def _provenance(self, partition: Partition, tally: _Tally) -> Provenance:
        events = self._job.events
        return Provenance(
            partition=partition.shown,
            sha256=partition.sha256,
            release=self._scorer.release_id,
            digest=self._job.digest,
            features=self._job.spec.features,
            watermark=events.watermark,
            newest_event=events.newest.isoformat() if events.newest else None,
            first_event=events.first.isoformat() if events.first else None,
            counts=tally.total(),
        )


def peak_mib() -> float:
    """Return the most memory that this process has used so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 2**20 if sys.platform == "darwin" else used / 2**10
