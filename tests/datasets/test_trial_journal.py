"""The journal outlives a killed process, and nothing that is torn or of another search is read from it."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kedro.io import DatasetError

from model_lifecycle.contracts.trials import Trial, TrialRecord
from model_lifecycle.datasets import installed
from model_lifecycle.datasets.trial_journal import TrialFile, TrialJournalDataset

SOURCE = str(Path(__file__).parents[2] / "src")
PREDICTIONS = np.array([0.1, 1 / 3, np.nan, 5e-324])


def trial(number: int, **changes: Any) -> Trial:
    """Return a trial with a number of every kind."""
    made: Any = {
        "candidate": "trees",
        "number": number,
        "state": "complete",
        "parameters": {"depth": 4, "rate": 0.1 + 0.2, "one": 1.0, "fast": True, "mode": "Plain"},
        "loss": [1 / 3, 0.1 * number],
        "seconds": 1.5,
        "one_row_microseconds": 12.25,
        "size_bytes": 7,
        **changes,
    }
    found: Trial = made
    return found


def filled(path: Path, count: int = 3) -> TrialFile:
    journal = TrialFile(path, "v1")
    for number in range(1, count + 1):
        journal.append("a", TrialRecord(trial(number), PREDICTIONS if number == 2 else None))
    return journal


def test_trials_are_read_by_another_process_as_they_were_kept_bit_by_bit(tmp_path: Path) -> None:
    filled(tmp_path / "deep" / "journal.jsonl")
    found = TrialFile(tmp_path / "deep" / "journal.jsonl", "v1").read("a")
    assert {number: record.trial for number, record in found.items()} == {n: trial(n) for n in (1, 2, 3)}
    types = [type(value) for value in found[1].trial["parameters"].values()]
    assert types == [int, float, float, bool, str]
    assert found[1].predictions is None
    predictions = found[2].predictions
    assert predictions is not None
    assert predictions.dtype == np.float64
    assert predictions.tobytes() == PREDICTIONS.tobytes()


def test_a_failed_trial_keeps_its_error(tmp_path: Path) -> None:
    failed = trial(1, state="failed", loss=[], error="catboost: no such depth")
    del failed["size_bytes"], failed["one_row_microseconds"]
    TrialFile(tmp_path / "j", "v1").append("a", TrialRecord(failed))
    assert TrialFile(tmp_path / "j", "v1").read("a")[1].trial == failed


@pytest.mark.parametrize(("key", "version"), [("b", "v1"), ("a", "v2")])
def test_another_key_or_another_version_finds_nothing(tmp_path: Path, key: str, version: str) -> None:
    filled(tmp_path / "j")
    assert TrialFile(tmp_path / "j", version).read(key) == {}


def test_keys_stand_side_by_side_and_the_last_trial_of_a_number_counts(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", 1)
    journal.append("b", TrialRecord(trial(1, seconds=9.0)))
    journal.append("a", TrialRecord(trial(1, seconds=8.0)))
    assert journal.read("a")[1].trial["seconds"] == 8.0
    assert journal.read("b")[1].trial["seconds"] == 9.0


@pytest.mark.parametrize("cut", [1, 2, 60])
def test_a_torn_last_line_is_left_out_and_written_over(
    tmp_path: Path, cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "j"
    filled(path)
    path.write_bytes(path.read_bytes()[:-cut])
    journal = TrialFile(path, "v1")
    assert list(journal.read("a")) == [1, 2]
    assert "search journal: line 3 is damaged; trials from there on are fitted again" in caplog.text
    journal.append("a", TrialRecord(trial(3)))
    journal.append("a", TrialRecord(trial(4)))
    assert list(TrialFile(path, "v1").read("a")) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "line",
    [b"\x00\x00\x00\n", b"[]\n", b"{}\n", b'{"key": "k", "trial": {"number": 1}, "predictions": null}\n', b"\xff\n"],
)
def test_nothing_from_a_damaged_line_on_is_read(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "j"
    filled(path)
    first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + line + b"".join(others))
    assert list(TrialFile(path, "v1").read("a")) == [1]


def test_a_cleared_journal_is_gone_and_begins_anew(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j")
    journal.clear()
    assert not (tmp_path / "j").exists()
    journal.clear()
    journal.append("a", TrialRecord(trial(1)))
    assert list(journal.read("a")) == [1]


def test_a_kept_trial_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from model_lifecycle.contracts.trials import TrialRecord\n"
        "from model_lifecycle.datasets.trial_journal import TrialFile\n"
        "one = {'candidate': 'trees', 'number': 1, 'state': 'complete', 'parameters': {}, 'loss': [0.5],"
        " 'seconds': 1.0}\n"
        "TrialFile(Path(sys.argv[1])).append('a', TrialRecord(one))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "j")], env={"PYTHONPATH": SOURCE}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(TrialFile(tmp_path / "j").read("a")) == [1]  # the version of this code is the same in both processes


def test_the_version_follows_the_source_and_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for source in ("a = 1", "a = 2"):
        (tmp_path / "module.py").write_text(source, encoding="utf-8")
        monkeypatch.setattr(installed, "_PACKAGE", tmp_path)
        installed.installed_version.cache_clear()
        found.append(installed.installed_version())
    monkeypatch.setattr(installed, "distributions", lambda path: [])  # noqa: ARG005
    installed.installed_version.cache_clear()
    found.append(installed.installed_version())
    installed.installed_version.cache_clear()
    assert len(set(found)) == 3


def test_the_dataset_hands_out_the_journal_and_is_never_saved(tmp_path: Path) -> None:
    dataset = TrialJournalDataset(str(tmp_path / "j"))
    assert dataset.exists()
    dataset.load().append("a", TrialRecord(trial(1)))
    assert list(dataset.load().read("a")) == [1]
    with pytest.raises(DatasetError, match="the journal is written by the search, trial by trial, never saved"):
        dataset.save(object())  # type: ignore[arg-type]
