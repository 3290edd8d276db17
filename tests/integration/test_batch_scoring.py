"""Batch scoring as it is started for real: Kedro, Ray Data, a champion in a registry; killed, gone on with, refused."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from eventually import eventually
from finished_project import FinishedRun

pytestmark = pytest.mark.timeout(600)
PARTS = 12


def _some_decisions(data: Path) -> pd.DataFrame:
    table = pd.read_parquet(data / "02_intermediate" / "flight_delays" / "decisions.parquet").tail(2_400)
    asked = pq.read_table(data / "07_model_output" / "flight_delays" / "parity_rows.parquet").column_names
    return table[[name for name in table.columns if name in asked]]


def _wait_for(output: Path, pattern: str, run: "subprocess.Popen[str]") -> None:
    eventually(lambda: list(output.glob(pattern)) != [] or run.poll() is not None, seconds=120)
    assert run.poll() is None, run.communicate()


@pytest.mark.slow  # in one process, with a killed run's leavings: tests/batch/test_run.py
def test_a_killed_run_leaves_no_half_file_and_the_next_one_goes_on(finished_run: FinishedRun, tmp_path: Path) -> None:
    data, source = tmp_path / "data", tmp_path / "input"
    shutil.copytree(finished_run.data, data)
    source.mkdir()
    table = _some_decisions(data)
    for number in range(PARTS):
        table.iloc[number::PARTS].to_parquet(source / f"{number}.parquet", index=False)
    (source / "bad.csv").write_text(table.head(5).assign(distance=-3).to_csv(index=False), encoding="utf-8")
    output = data / "07_model_output" / "flight_delays" / "batch"
    arguments = ("run", "--pipelines", "batch_scoring", "--params")
    options = f"batch_input={source},batch_scoring.extra_columns=ignore"
    slow = finished_run.start(*arguments, f"{options},batch_scoring.batch_rows=2", data=data)
    try:
        _wait_for(output, ".*.unfinished-scores", slow)
        second = finished_run.kedro(*arguments, options, data=data)
        assert second.returncode == 1
        assert f"process {slow.pid}, since" in second.stderr
        _wait_for(output, "*.scores.parquet", slow)
    finally:
        os.killpg(slow.pid, signal.SIGKILL)
        slow.communicate()
    finished = sorted(output.glob("*.scores.parquet"))
    assert all(pq.read_metadata(path).num_rows == len(table) // PARTS for path in finished)
    assert 1 <= len(finished) < PARTS
    assert list(output.glob(".*.unfinished-scores")) != []

    done = finished_run.kedro(*arguments, options, data=data)
    _check_the_end(done, len(finished))
    assert sorted(path.name for path in output.iterdir() if path.name != ".batch.lock") == [
        f"{number}.parquet.scores.parquet" for number in sorted(range(PARTS), key=str)
    ]
    report = (data / "08_reporting" / "flight_delays" / "batch_scoring.txt").read_text(encoding="utf-8")
    assert f"finished before  {len(finished)} partitions" in report


def _check_the_end(done: subprocess.CompletedProcess[str], finished: int) -> None:
    assert done.returncode == 1, done.stderr
    assert f"{PARTS + 1} partitions: {finished} finished before" in done.stdout
    assert (
        f"1 of {PARTS + 1} partitions are refused, the others have their scores:\n"
        "  bad.csv: 5 of 5 rows are wrong" in done.stderr
    )
    assert "distance: 5 rows, first row 0: found -3.0, expected a finite number >= 1" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
