"""History is checked as a whole before any of it is stored, and storing it twice changes nothing."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from model_lifecycle.datasets.backfill import read_history
from model_lifecycle.datasets.backfill_command import backfill
from model_lifecycle.errors import ContractError
from model_lifecycle.store import Store
from tiny_release import SPEC


def history(**changes: Any) -> pd.DataFrame:
    given: dict[str, Any] = {
        "event_id": [f"D-{number}" for number in range(6)],
        "kind": "delivery",
        "event_time": pd.date_range("2024-03-01", periods=6, freq="1h", tz="UTC"),
        "depot": ["north", "south", None] * 2,
        "late": [0.0, 1.0, None] * 2,
        "remark": "left out",
    }
    return pd.DataFrame({**given, **changes})


def _events() -> pd.DataFrame:
    """Events of the chosen case, flights."""
    return pd.DataFrame(
        {
            "event_id": ["departure:1", "arrival:1"], "kind": ["departure", "arrival"],
            "event_time": ["2013-07-01T10:00:00Z", "2013-07-01T12:00:00Z"], "carrier": "UA", "flight": "1",
            "origin": "EWR", "dest": "IAH", "tailnum": "N1", "dep_delay": [5.0, None], "arr_delay": [None, 20.0],
            "late": [None, 1.0],
        }
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["parquet", "csv", "csv.gz"])
def test_a_file_of_any_kind_gives_the_same_events(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"events.{kind}"
    if kind == "parquet":
        history().to_parquet(path)
    else:
        history().to_csv(path, index=False)
    found = read_history(path, SPEC, None)
    assert list(found.columns) == ["event_id", "kind", "event_time", "known_at", "depot", "late"]
    assert (found["known_at"] - found["event_time"]).unique().tolist() == [pd.Timedelta("5min")]
    assert found["late"].tolist()[:2] == [0.0, 1.0]


def test_ids_in_a_csv_stay_as_they_are(tmp_path: Path) -> None:
    given = history(depot=["0042", "NA", "null", None, "1.0", "007.0"], late=["NA", "", "nan", 0, 1, 1])
    given.assign(event_id=["01", "NA", "1.0", "a", "b", "c"]).to_csv(tmp_path / "events.csv", index=False)
    found = read_history(tmp_path / "events.csv", SPEC, None)
    assert [*found["depot"].dropna()] == ["0042", "NA", "null", "1.0", "007.0"]
    assert found["depot"].isna().tolist() == [False, False, False, True, False, False]
    assert found["event_id"].tolist() == ["01", "NA", "1.0", "a", "b", "c"]
    assert found["late"].isna().tolist() == [True, True, True, False, False, False]


def test_whole_numbers_that_were_written_as_floats_are_the_same_ids_again(tmp_path: Path) -> None:
    history(depot=[7.0, None, 1013.0] * 2).to_csv(tmp_path / "events.csv", index=False)
    assert read_history(tmp_path / "events.csv", SPEC, None)["depot"].dropna().tolist() == ["7", "1013"] * 2


def test_until_leaves_later_events_out(tmp_path: Path) -> None:
    history().to_parquet(tmp_path / "events.parquet")
    assert len(read_history(tmp_path / "events.parquet", SPEC, "2024-03-01T02:05:00Z")) == 2


@pytest.mark.parametrize("told", [None, "2024-03-02T00:00:00Z"])
def test_an_event_that_does_not_say_when_it_is_known_is_known_after_its_lag(tmp_path: Path, told: str | None) -> None:
    history(known_at=[told, *[None] * 5]).to_csv(tmp_path / "events.csv", index=False)
    found = read_history(tmp_path / "events.csv", SPEC, None)
    lagging = found[found["known_at"] == found["event_time"] + pd.Timedelta("5min")]
    assert len(lagging) == (6 if told is None else 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "loss"}, r"6 of 6 events with kinds beside \['delivery'\], such as \['loss'"),
        ({"event_id": ["D-1"] * 6}, r"5 of 6 events with an event_id that occurs before"),
        ({"event_id": [None, *"abcde"]}, r"1 of 6 events with no event_id.*\(rows \[0\]\)"),
        ({"event_time": "2024-03-01T00:00:00"}, r"6 of 6 events with event_time without its offset"),
        ({"event_time": ["noon+00:00"] * 6}, r"6 of 6 events with no readable event_time"),
        ({"known_at": pd.Timestamp("2020-01-01", tz="UTC")}, r"6 of 6 events with known_at before event_time"),
        ({"late": ["yes", *"01000"]}, r"1 of 6 events with late that is no number within ±1e\+09, such as \['yes'\]"),
        (
            {"known_at": ["2099-12-31T00:00:00Z", *[None] * 5]},
            r"1 of 6 .* known_at more than a day from now, expected none after 20.*Z, such as \['2099.*\(rows \[0\]\)",
        ),
        ({"event_time": "2099-12-31T00:00:00Z"}, r"6 of 6 events with event_time more than a day from now"),
        ({"late": 1e12}, r"6 of 6 events with late that is no number"),
    ],
)
def test_a_wrong_history_is_refused_whole(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    history(**changes).to_csv(tmp_path / "events.csv", index=False)
    with pytest.raises(ContractError, match=message):
        read_history(tmp_path / "events.csv", SPEC, None)


def test_an_absent_column_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"nothing.parquet: no such file"):
        read_history(tmp_path / "nothing.parquet", SPEC, None)
    (tmp_path / "broken.parquet").write_bytes(b"not parquet")
    with pytest.raises(ContractError, match=r"broken.parquet: cannot be read as Parquet or CSV"):
        read_history(tmp_path / "broken.parquet", SPEC, None)
    for column in ("event_id", "depot"):
        history().drop(columns=column).to_parquet(tmp_path / "events.parquet")
        with pytest.raises(ContractError, match=rf"columns \['{column}'\]"):
            read_history(tmp_path / "events.parquet", SPEC, None)


def test_the_environment_of_the_command_is_the_one_that_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(Path(__file__).parents[2] / "conf", tmp_path / "conf")
    for env in ("east", "west"):
        (tmp_path / "conf" / env).mkdir()
        (tmp_path / "conf" / env / "globals.yml").write_text(f"store: sqlite:///{tmp_path}/{env}.db\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEDRO_ENV", "east")
    _events().to_csv("events.csv", index=False)
    for given in ([], ["--env", "west"]):
        done = CliRunner().invoke(backfill, ["--from", "events.csv", *given])
        assert "2 events are new" in done.output
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["east.db", "west.db"]


def test_the_command_fills_the_store_once(tmp_path: Path) -> None:
    _events().to_csv(tmp_path / "events.csv", index=False)
    url = f"sqlite:///{tmp_path / 'store.db'}"
    given = ["--from", str(tmp_path / "events.csv"), "--store", url]
    dry = CliRunner().invoke(backfill, [*given, "--dry-run"])
    assert "nothing is written" in dry.output
    assert not (tmp_path / "store.db").exists()
    first, again = CliRunner().invoke(backfill, given), CliRunner().invoke(backfill, given)
    assert "2 events are new, 0 were there already" in first.output
    assert "0 events are new, 2 were there already" in again.output
    with Store.open(url) as store:
        assert [event.payload["carrier"] for _, event in store.events_after(0, 10)] == ["UA", "UA"]
