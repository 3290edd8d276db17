"""The journal of a search: one line a finished trial, so that an interrupted search goes on where it was."""

import base64
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from kedro.io import AbstractDataset, DatasetError
from pydantic import TypeAdapter, ValidationError

from model_lifecycle.contracts.trials import Trial, TrialRecord
from model_lifecycle.datasets.installed import installed_version

_log = logging.getLogger(__name__)
_TRIAL = TypeAdapter(Trial)


class TrialFile:
    """A `TrialJournal` in one file of JSON lines.

    Every line is written to the disk before the next trial begins. What a crash has torn is cut off with all that
    stands behind it. Lines of other keys, or of another version of the code or its libraries, are never read.

    Parameters
    ----------
    path : Path
        Made with the first line, removed by `clear`.
    version : str, optional
        Of all that the caller's key does not tell; by default of this package's source and of what is installed.
    """

    def __init__(self, path: Path, version: str | None = None) -> None:
        self._path = path
        self._version = version
        self._end: int | None = None  # of the last sound line

    def read(self, key: str) -> Mapping[int, TrialRecord]:
        """Return the trials of the key by number; the last one of a number counts."""
        wanted = self._full(key)
        return {
            record.trial["number"]: record for full, record, _ in _sound(self._content(), tell=True) if full == wanted
        }

    def append(self, key: str, record: TrialRecord) -> None:
        """Write one line behind the last sound one, through to the disk."""
        line = json.dumps({"key": self._full(key), "trial": record.trial, "predictions": _encoded(record.predictions)})
        if self._end is None:
            self._end = max((end for _, _, end in _sound(self._content())), default=0)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.truncate(self._end)
            self._end += file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def clear(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)
        self._end = 0

    def _content(self) -> bytes:
        return self._path.read_bytes() if self._path.exists() else b""

    def _full(self, key: str) -> str:
        version = installed_version() if self._version is None else self._version
        return hashlib.sha256(f"{key} {version}".encode()).hexdigest()


class TrialJournalDataset(AbstractDataset[NoReturn, TrialFile]):
    """Loads the journal, which the search itself writes.

    Parameters
    ----------
    filepath : str
        Of the JSON lines; there only while a search is under way or interrupted.
    metadata : dict, optional
        For kedro-viz.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> TrialFile:
        """Return the journal, read when it is asked."""
        return TrialFile(self._filepath)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - kedro's signature
        """Refuse."""
        raise DatasetError("the journal is written by the search, trial by trial, never saved")

    def _exists(self) -> bool:
        return True  # an empty journal is one, too

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def _sound(content: bytes, *, tell: bool = False) -> Iterator[tuple[str, TrialRecord, int]]:
    """Yield key, trial and end of every line before the first one that is damaged."""
    end = 0
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        try:
            if not line.endswith(b"\n"):
                raise ValueError("torn")
            found = json.loads(line)
            trial = _TRIAL.validate_python(found["trial"], strict=True)
            predictions = _decoded(found["predictions"])
        except (ValueError, KeyError, TypeError, ValidationError):
            if tell:
                _log.warning("search journal: line %d is damaged; trials from there on are fitted again", number)
            return
        end += len(line)
        yield str(found["key"]), TrialRecord(trial, predictions), end


def _encoded(predictions: np.ndarray | None) -> dict[str, Any] | None:
    if predictions is None:
        return None
    return {"shape": predictions.shape, "values": base64.b64encode(predictions.astype("<f8").tobytes()).decode()}


def _decoded(told: dict[str, Any] | None) -> np.ndarray | None:
    if told is None:
        return None
    values = np.frombuffer(base64.b64decode(told["values"], validate=True), dtype="<f8")
    return values.reshape(told["shape"]).astype(np.float64)
