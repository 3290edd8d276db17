"""What is written: files that appear whole or not at all, and tell themselves what they were made from."""

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from model_lifecycle.batch.partitions import Partition
from model_lifecycle.contracts.base import Contract
from model_lifecycle.contracts.batch import BatchSpec, Counts
from model_lifecycle.contracts.columns import Columns
from model_lifecycle.features.records import RecordProblem
from model_lifecycle.scoring import Scorer, Scores

SCORES, WRONG_ROWS = ".scores.parquet", ".wrong_rows.parquet"
_TEMPORARY = ".unfinished-scores"
_KEY = b"model_lifecycle.batch"
_FIXED = ("score", "decision", "release", "threshold", "missing", "unknown", "history_complete")


class Provenance(Contract):
    """What a file of scores was made from; it stands in the file's own metadata."""

    version: int = 1
    partition: str
    sha256: str
    release: str
    digest: str
    features: bool
    watermark: int
    newest_event: str | None
    first_event: str | None
    counts: Counts

    def holds(self, partition: Partition, digest: str, spec: BatchSpec, first_event: str | None) -> bool:
        """Tell whether the same scores would be written again.

        Scores that lacked a part of their history would not, once the store has earlier events.
        """
        refused = self.counts.wrong_rows > 0 and spec.wrong_rows == "refuse"
        reached = not self.counts.incomplete or self.first_event == first_event
        wanted = (partition.shown, partition.sha256, digest, spec.features)
        return (self.partition, self.sha256, self.digest, self.features) == wanted and reached and not refused


class WholeFile:
    """A Parquet file that is written beside its place and renamed when it is complete.

    Parameters
    ----------
    path : Path
        Its place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{secrets.token_hex(8)}{_TEMPORARY}")
        self._file: IO[bytes] | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Take away what was not finished."""
        if self._file is not None:
            with suppress(OSError, pa.ArrowException):  # a full disk
                self._writer.close()
            self._file.close()
            self._temporary.unlink(missing_ok=True)

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._temporary.open("wb")
            # Without the types of this program's own memory: every reader sees plain text, numbers and times.
            self._writer = pq.ParquetWriter(self._file, table.schema, store_schema=False)
        self._writer.write_table(table)

    def finish(self, provenance: Provenance) -> None:
        """Put the file in its place, if a row was written; else take away one that stands there."""
        if self._file is None:
            self._path.unlink(missing_ok=True)
            return
        self._writer.add_key_value_metadata({_KEY: provenance.model_dump_json()})
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        self._temporary.replace(self._path)


def scores_file(root: Path, name: str) -> Path:
    """Return where the scores of a partition stand."""
    return root / f"{name}{SCORES}"


def wrong_rows_file(root: Path, name: str) -> Path:
    """Return where the wrong rows of a partition stand."""
    return root / f"{name}{WRONG_ROWS}"


def read_provenance(root: Path, name: str) -> Provenance | None:
    """Return what the finished scores of a partition were made from; None if there are none, or none of ours."""
    try:
        with scores_file(root, name).open("rb") as file:
            found = pq.read_metadata(file).metadata or {}
        provenance = Provenance.model_validate_json(found[_KEY])
    except (OSError, pa.ArrowException, KeyError, ValidationError):
        return None
    whole = not provenance.counts.wrong_rows or wrong_rows_file(root, name).is_file()
    return provenance if whole else None


def remove_unfinished(root: Path) -> int:
    """Take away what runs that were killed have left, and return how many files that were."""
    found = list(root.rglob(f".*{_TEMPORARY}"))
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def count_left_over(root: Path, names: Sequence[str]) -> int:
    """Return how many files of scores belong to none of these partitions."""
    expected = {scores_file(root, name) for name in names}
    return len({path for path in root.rglob(f"*{SCORES}") if path.is_file()} - expected)


def scores_table(
    scorer: Scorer, columns: Columns, scores: Scores, complete: np.ndarray, with_features: bool
) -> tuple[pa.Table, Counts]:
    """Return a row for each decision, as the service would answer it, and what they come to.

    Raises
    ------
    BatchError
        If the case's own names stand for something else here.
    """
    question, rows = scorer.question, len(scores.score)
    decisions = pa.array(scorer.task.decisions(scores.action), pa.string()).dictionary_encode()
    missing, unknown = _marked(scores.marks.missing, rows), _marked(scores.marks.unknown, rows)
    names = (question.decision_id, question.decision_time)
    found = {
        names[0]: pa.array(columns[names[0]]),
        names[1]: pa.array(columns[names[1]], pa.timestamp("us", "UTC")),
        "score": pa.array(scores.score),
        "decision": decisions,
        **{f"output_{name}": pa.array(values) for name, values in scorer.task.outputs(scores.prediction).items()},
        "release": _constant(scorer.release_id, rows),
        "threshold": pa.array(np.full(rows, scorer.threshold)) if scorer.threshold is not None else
                     pa.nulls(rows, pa.float64()),
        "missing": missing,
        "unknown": unknown,
        "history_complete": pa.array(complete),
    }  # fmt: skip
    if with_features:
        found |= {f"feature_{name}": pa.array(values, from_pandas=True) for name, values in scores.features.items()}
    words = decisions.value_counts()
    counts = Counts(
        rows=rows,
        decisions=dict(zip(words.field(0).to_pylist(), words.field(1).to_pylist(), strict=True)),
        missing=rows - int(np.count_nonzero(np.diff(missing.offsets) == 0)),
        unknown=rows - int(np.count_nonzero(np.diff(unknown.offsets) == 0)),
        incomplete=rows - int(np.count_nonzero(complete)),
    )
    return pa.table(found), counts


def clashing_names(scorer: Scorer) -> list[str]:
    """Return which of the case's own names stand for something else in a file of scores."""
    return sorted({scorer.question.decision_id, scorer.question.decision_time} & set(_FIXED))


def wrong_rows_table(batch: pa.RecordBatch, problems: Sequence[RecordProblem], first: int) -> pa.Table:
    """Return the wrong rows as they came, with their number in the file and all that is wrong with each."""
    told: dict[int, list[str]] = {}
    for problem in problems:
        told.setdefault(problem.row, []).append(f"{problem.field}: found {problem.found}, expected {problem.expected}")
    table = pa.Table.from_batches([batch.take(pa.array(list(told), pa.int64()))])
    rows = pa.array([first + row for row in told], pa.int64())
    return table.append_column("wrong_row", rows).append_column("wrong_because", pa.array(list(told.values())))


def _constant(value: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), pa.array([value]))


def _marked(masks: Columns, rows: int) -> pa.ListArray:
    """Return for each row the names whose mask marks it."""
    marked = np.column_stack([*masks.values()]) if masks else np.zeros((rows, 0), dtype=bool)
    offsets = np.concatenate([[0], np.cumsum(marked.sum(axis=1))]).astype(np.int32)
    names = pa.DictionaryArray.from_arrays(np.nonzero(marked)[1].astype(np.int32), pa.array([*masks], pa.string()))
    return pa.ListArray.from_arrays(offsets, names.dictionary_decode())
