"""Folders in, scores out: what the service would answer, each partition whole or not at all."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_world import ROWS, BatchWorld, some_records, spread_here
from model_lifecycle.batch.run import LOCK_FILE
from model_lifecycle.batch.summary import batch_summary, refusal
from model_lifecycle.errors import BatchError, RunLocked
from model_lifecycle.locking import take_lock
from model_lifecycle.scoring import Scorer
from model_lifecycle.store import Store
from task_questions import AMOUNT, KIND
from tiny_release import QUESTION, THRESHOLD, event, record, scorer


def by_question(name: str) -> Scorer:
    question = {"binary": QUESTION, "regression": AMOUNT, "multiclass": KIND}[name]
    return scorer(threshold=THRESHOLD if name == "binary" else None, question=question)


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass"])
@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_scores_are_those_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, name: str) -> None:
    monkeypatch.setattr("model_lifecycle.batch.run.spread", spread_here)
    world = BatchWorld(tmp_path, by_question(task))
    world.put(name)
    assert refusal(world.run(batch_rows=17, features=True)) is None
    answers = world.answers(some_records())
    assert len(answers) == ROWS
    for mine, theirs, sent in zip(world.scores(name), answers, some_records(), strict=True):
        outputs = {key.removeprefix("output_"): value for key, value in mine.items() if key.startswith("output_")}
        assert outputs == theirs["outputs"]
        assert (mine["asked_at"].isoformat(), mine["feature_weight"]) == (sent["asked_at"], sent.get("weight"))
        for key in ("parcel", "score", "decision", "release", "threshold", "missing", "unknown"):
            assert mine[key] == theirs[key]


def test_each_decision_sees_the_events_known_by_then_and_says_whether_they_reach_back(world: BatchWorld) -> None:
    early = record(1, asked_at="2024-02-28T00:00:00+00:00")
    world.put("a.parquet", [record(0), record(0, asked_at="2024-03-14T00:00:00+00:00"), early])
    world.run(features=True)
    first, second, last = world.scores("a.parquet")
    assert (first["feature_deliveries_7d"], second["feature_deliveries_7d"]) == (168.0, 112.0)
    assert [row["history_complete"] for row in (first, second, last)] == [True, True, False]


def test_finished_partitions_are_skipped_by_their_content_and_release(world: BatchWorld) -> None:
    for name in ("a.parquet", "b.csv"):
        world.put(name)
    assert [one.status for one in world.run().outcomes] == ["scored", "scored"]
    shutil.copystat(world.input / "b.csv", world.input / "a.parquet")  # times say nothing
    report = world.run()
    assert [one.status for one in report.outcomes] == ["finished before", "finished before"]
    assert sum(one.counts.rows for one in report.outcomes) == 2 * ROWS
    world.put("b.csv", some_records(5))
    assert [one.status for one in world.run().outcomes] == ["finished before", "scored"]
    assert world.scores("b.csv")[0]["parcel"] == "P-5"
    assert [one.status for one in world.run(again=True).outcomes] == ["scored", "scored"]
    assert [one.status for one in world.run(features=True).outcomes] == ["scored", "scored"]
    world.promote(scorer("parcels-2", seed=8))
    assert [one.status for one in world.run(features=True).outcomes] == ["scored", "scored"]
    assert {row["release"] for row in world.scores("a.parquet")} == {"parcels-2"}


def test_the_name_of_an_output_says_nothing(world: BatchWorld) -> None:
    world.put("a.parquet")
    world.put("b.parquet", some_records(3))
    world.run()
    shutil.copy(world.output / "a.parquet.scores.parquet", world.output / "b.parquet.scores.parquet")
    assert world.outcome("b.parquet").status == "scored"
    (world.output / "a.parquet.scores.parquet").write_bytes(b"PAR1 torn")
    assert world.outcome("a.parquet").status == "scored"


def test_scores_that_lacked_history_are_made_again_once_it_is_filled(world: BatchWorld) -> None:
    world.put("a.parquet", [record(1, asked_at="2024-02-28T00:00:00+00:00")])
    assert world.outcome("a.parquet").counts.incomplete == 1
    assert world.outcome("a.parquet").status == "finished before"
    with Store.open(world.url) as store:
        store.append_events([event(number) for number in range(-900, -800)])
    found = world.outcome("a.parquet")
    assert (found.status, found.counts.incomplete) == ("scored", 0)


def test_a_wrong_row_refuses_its_partition_in_the_words_of_the_service_and_the_others_go_on(world: BatchWorld) -> None:
    rows = some_records()
    rows[17] = {**rows[17], "weight": -3.0}
    rows[41] = {**rows[41], "weight": 51.0, "depot": "north", "slot": "2024-03-10T14:00:00"}
    world.put("bad.csv", rows)
    world.put("good.csv")
    report = world.run(batch_rows=10)
    bad, good = report.outcomes
    assert (good.status, bad.status, bad.reasons) == ("scored", "refused", ("2 of 60 rows are wrong",))
    assert [(one.field, one.rows, one.first_row, one.found) for one in bad.wrong] == [
        ("weight", 2, 17, "-3.0"),
        ("slot", 1, 41, "'2024-03-10T14:00:00'"),
    ]
    assert world.files() == ["good.csv.scores.parquet"]
    told = str(refusal(report))
    assert told.startswith("1 of 2 partitions are refused, the others have their scores:\n  bad.csv: 2 of 60")
    assert "weight: 2 rows, first row 17: found -3.0, expected a finite number >= 0 and <= 50 (kg) or null" in told
    assert told.splitlines()[1] in batch_summary(report)


@pytest.mark.parametrize("name", ["bad.csv", "bad.parquet"])
def test_wrong_rows_can_be_set_aside_and_nothing_is_lost(world: BatchWorld, name: str) -> None:
    rows = some_records()
    rows[17], rows[41] = {**rows[17], "weight": 51.0}, {**rows[41], "parcel": None}
    world.put(name, rows)
    found = world.outcome(name, wrong_rows="set_aside", batch_rows=25)
    assert (found.status, found.counts.rows, found.counts.wrong_rows) == ("scored", ROWS - 2, 2)
    aside = pq.read_table(world.output / f"{name}.wrong_rows.parquet").to_pylist()
    assert [row["wrong_row"] for row in aside] == [17, 41]
    assert [float(row["weight"]) for row in aside[:1]] == [51.0]
    assert aside[1]["wrong_because"] == ["parcel: found null, expected text"]
    right = [row for place, row in enumerate(rows) if place not in (17, 41)]
    assert [row["score"] for row in world.scores(name)] == [one["score"] for one in world.answers(right)]
    assert world.outcome(name, wrong_rows="set_aside").status == "finished before"
    assert world.outcome(name, wrong_rows="refuse").status == "refused"
    world.put(name)
    assert world.outcome(name, wrong_rows="set_aside").status == "scored"
    assert world.files() == [f"{name}.scores.parquet"]


def test_a_partition_of_wrong_rows_alone_is_refused(world: BatchWorld) -> None:
    world.put("a.csv", [record(0, weight=99.0)])
    assert world.outcome("a.csv", wrong_rows="set_aside").reasons == ("1 of 1 rows are wrong",)
    assert world.files() == []


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"", "the file is empty (0 bytes)"),
        ("a.csv", b"parcel,asked_at,slot\n", "the file holds no rows"),
        ("a.parquet", b"PAR1 and then nothing", "cannot be read: Parquet magic bytes not found"),
        (
            "a.csv",
            b"parcel,asked_at,slot\na,b\n",
            "cannot be read: CSV parse error: Row #2: Expected 3 columns, got 2",
        ),
        ("a.csv", b"parcel,asked_at,slot,parcel\na,b,c,d\n", "columns ['parcel'] stand there twice"),
        ("a.csv.gz", b"no gzip", "cannot be read: "),
        ("a.txt", b"words", "unknown kind of file, expected names that end with one of .parquet, .csv, .csv.gz"),
        ("a.csv", b"parcel,asked_at\na,b\n", "column 'slot' is absent; expected an ISO 8601 time with an offset"),
        ("a.csv", b"parcel,asked_at,slot,late\na,b,c,d\n", "columns ['late'] are unknown, expected some of ['asked_at"),
        ("a.csv", b"parcel,asked_at,slot,weight\na,b,c,1\n", "column 'depot' is absent; expected text or null"),
        ("a.csv", b"parcel,asked_at,slot,weight,depot\na\xff,b,c,1,d\n", "cannot be read: "),
    ],
)
def test_bad_input_is_refused_by_its_own_reason(world: BatchWorld, name: str, content: bytes, reason: str) -> None:
    world.put("good.csv")
    (world.input / name).write_bytes(content)
    report = world.run()
    outcomes = {one.partition: one for one in report.outcomes}
    assert reason in outcomes[name].reasons[0]
    assert outcomes["good.csv"].status == "scored"
    assert json.loads(report.model_dump_json())["outcomes"]


def test_extra_columns_can_be_left_out(world: BatchWorld) -> None:
    world.put("a.csv", [{**row, "late": 1} for row in some_records()])
    assert world.outcome("a.csv", extra_columns="ignore").status == "scored"


def test_names_with_odd_characters_and_folders_are_kept(world: BatchWorld) -> None:
    names = ["day=1/a b;'\"ü東.csv", " blank.parquet", "new\nline.csv", os.fsdecode(b"no-utf8-\xff.csv")]
    for name in names:
        world.put(name)
    world.put("_temporary.csv")
    world.put(".hidden/a.csv")
    report = world.run()
    assert [one.status for one in report.outcomes] == ["scored"] * 4
    assert sorted(world.files()) == sorted(f"{name}.scores.parquet" for name in names)
    assert "finished before  4 partitions, 240 rows" in batch_summary(world.run()).encode("ascii", "replace").decode()


def test_a_folder_without_files_or_inside_the_output_is_refused(world: BatchWorld) -> None:
    with pytest.raises(BatchError, match=r"input folder .*input: no file '\*\*/\*' in it; expected files to be scored"):
        world.run()
    shutil.rmtree(world.input)
    with pytest.raises(BatchError, match=r"input folder .*input: not there; put the files to be scored into it"):
        world.run()
    world.put("a.csv")
    world.output = world.input / "scores"
    with pytest.raises(BatchError, match="lie in one another, expected two folders"):
        world.run()


def test_one_run_at_a_time_and_what_a_killed_one_has_left_is_taken_away(world: BatchWorld) -> None:
    world.put("sub/a.csv")
    world.run()
    (world.output / "sub" / ".0123.unfinished-scores").write_bytes(b"half")
    (world.output / ".batch.json").write_bytes(b"someone else's")
    with take_lock(world.output / LOCK_FILE), pytest.raises(RunLocked, match=f"process {os.getpid()}, since"):
        world.run()
    world.run()
    assert world.files() == [".batch.json", "sub/a.csv.scores.parquet"]


def test_a_file_that_changes_meanwhile_is_refused(world: BatchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("a.csv")
    put = BatchWorld.put

    def write_and_score(*arguments: object) -> object:
        put(world, "a.csv", some_records(9))
        return spread_here(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("model_lifecycle.batch.run.spread", write_and_score)
    assert "the file was changed while it was scored" in world.outcome("a.csv").reasons[0]
    assert world.files() == []


def test_whatever_goes_wrong_with_a_partition_refuses_that_partition_alone(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("a.csv")
    world.put("b.csv", some_records(100))
    score = Scorer.score

    def stumble(self: Scorer, columns: dict[str, object], history: object) -> object:
        if columns["parcel"][0] == "P-0":  # type: ignore[index]
            raise ZeroDivisionError("a mistake in the code")
        return score(self, columns, history)  # type: ignore[arg-type]

    monkeypatch.setattr(Scorer, "score", stumble)
    report = world.run()
    assert report.outcomes[0].reasons == ("ZeroDivisionError: a mistake in the code",)
    assert world.files() == ["b.csv.scores.parquet"]


def test_the_same_input_gives_the_same_bytes_and_one_row_group_a_batch(world: BatchWorld) -> None:
    world.put("a.parquet")
    world.run(batch_rows=20)
    path = world.output / "a.parquet.scores.parquet"
    before = path.read_bytes()
    assert pq.ParquetFile(path).num_row_groups == 3
    world.run(batch_rows=20, again=True)
    assert path.read_bytes() == before


def test_types_that_a_warehouse_writes_are_taken(world: BatchWorld) -> None:
    table = pa.Table.from_pandas(pd.DataFrame(some_records(11)), preserve_index=False)
    for name, values in {
        "weight": table["weight"].cast(pa.decimal128(20, 3)),
        "depot": table["depot"].dictionary_encode(),
        "asked_at": pa.chunked_array([pd.to_datetime(table["asked_at"].to_pandas()).dt.tz_convert("Asia/Tokyo")]),
    }.items():
        table = table.set_column(table.column_names.index(name), name, values)
    pq.write_table(table, world.input / "a.parquet")
    assert world.run().outcomes[0].reasons == ()
    assert [row["score"] for row in world.scores("a.parquet")] == [
        one["score"] for one in world.answers(some_records(11))
    ]
