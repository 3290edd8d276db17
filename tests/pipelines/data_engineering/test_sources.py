"""Each planted fault is stopped, told or set aside as its severity says; and no row is ever lost."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.cases import Case
from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.errors import ContractError
from model_lifecycle.pipelines.data_engineering.nodes.contracts import REASONS, ROW, Sifted
from model_lifecycle.pipelines.data_engineering.nodes.sources import sift_tables, source_checker
from parcels import RUN

AS_OF = pd.Timestamp("2024-03-01", tz="UTC")
DEPOTS = pd.DataFrame({"depot": ["north", "south", "east"]})


def parcels(rows: int = 200) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "parcel": [f"P-{number}" for number in range(rows)],
            "weight": np.linspace(0.5, 40.0, rows),
            "depot": [("north", "south")[number % 2] for number in range(rows)],
            "sent": pd.date_range("2024-01-01", periods=rows, freq="6h", tz="UTC"),
            "back": pd.date_range("2024-01-03", periods=rows, freq="6h", tz="UTC"),
        }
    )


def contracts(**parcel: Any) -> TableContracts:
    weight = {"type": "number", "minimum": 0, "maximum": 100, **parcel.pop("weight", {})}
    depot = {"type": "category", **parcel.pop("depot", {})}
    return TableContracts.model_validate(
        {
            "parcels": {
                "key": ["parcel"], "not_before": [["back", "sent"]], "maximum_quarantined": 0.1,
                "columns": {
                    "parcel": {"type": "category"}, "weight": weight, "depot": depot, "sent": {"type": "time"},
                    "back": {"type": "time"},
                },
                **parcel,
            },
            "depots": {"key": ["depot"], "columns": {"depot": {"type": "category"}}},
        }
    )  # fmt: skip


def sift(table: pd.DataFrame, depots: pd.DataFrame = DEPOTS, **parcel: Any) -> Sifted:
    return sift_tables({"parcels": table, "depots": depots}, contracts(**parcel), AS_OF)["parcels"]


def changed(column: str, values: dict[int, Any], kind: Any = None) -> pd.DataFrame:
    table = parcels()
    if kind is not None:
        table[column] = table[column].astype(kind)
    for row, value in values.items():
        table.loc[row, column] = value
    return table


def duplicated() -> pd.DataFrame:
    return changed("parcel", {5: "P-4", 6: "P-4"})


FAULTS: list[tuple[pd.DataFrame, dict[str, Any], list[int], str]] = [
    (changed("weight", {3: -1.0, 7: -2.0}), {"weight": {}}, [3, 7], "expected >= 0"),
    (changed("weight", {9: np.nan}), {"weight": {}}, [9], "no missing value"),
    (changed("weight", {2: "heavy"}, object), {"weight": {}}, [2], "number"),
    (changed("depot", {4: "moon"}), {"depot": {"categories": ["north", "south"]}}, [4], "one of"),
    (duplicated(), {"rows": ""}, [5, 6], "unique"),
    (changed("back", {8: pd.Timestamp("2023-12-01", tz="UTC")}), {"rows": ""}, [8], "back not before sent"),
    (changed("depot", {1: "moon"}), {"references": {"depot": {"to": "depots.depot"}}}, [1], "a value of depots.depot"),
]
NAMES = ["range", "missing", "type", "category", "duplicate", "order of times", "foreign key"]


def with_severity(options: dict[str, Any], severity: str) -> dict[str, Any]:
    if "rows" in options:
        return {"rows": severity}
    if "references" in options:
        return {"references": {"depot": {"to": "depots.depot", "severity": severity}}}
    return {name: {**fields, "severity": severity} for name, fields in options.items()}


@pytest.mark.parametrize(("table", "options", "rows", "words"), FAULTS, ids=NAMES)
def test_an_error_stops_the_run(table: pd.DataFrame, options: dict[str, Any], rows: list[int], words: str) -> None:
    with pytest.raises(ContractError, match=f"contract 'parcels'.*{words}"):
        sift(table, **with_severity(options, "error"))


@pytest.mark.parametrize(("table", "options", "rows", "words"), FAULTS, ids=NAMES)
def test_quarantine_sets_the_rows_aside_with_the_reason_and_loses_none(
    table: pd.DataFrame, options: dict[str, Any], rows: list[int], words: str
) -> None:
    found = sift(table, **with_severity(options, "quarantine"))
    assert found.aside[ROW].tolist() == rows
    assert all(words.replace("expected ", "") in reason for reason in found.aside[REASONS])
    assert len(found.kept) + len(found.aside) == len(table)
    assert found.kept.index.tolist() == [row for row in table.index if row not in rows]
    assert found.aside["parcel"].tolist() == table.loc[rows, "parcel"].tolist()


@pytest.mark.parametrize(("table", "options", "rows", "words"), FAULTS, ids=NAMES)
def test_a_warning_is_told_and_changes_nothing(
    table: pd.DataFrame, options: dict[str, Any], rows: list[int], words: str
) -> None:
    if words == "number":
        pytest.skip("a column that cannot be read cannot be merely told")
    found = sift(table, **with_severity(options, "warning"))
    assert len(found.kept) == len(table)
    assert len(found.warnings) == 1
    assert words.replace("expected ", "") in found.warnings[0]


def test_a_kept_column_has_its_type_although_a_cell_was_text() -> None:
    found = sift(FAULTS[2][0], weight={"severity": "quarantine"})
    assert found.kept["weight"].dtype == np.float64
    assert found.aside["weight"].tolist() == ["heavy"]


def test_too_many_rows_for_quarantine_stop_the_run() -> None:
    table = changed("weight", dict.fromkeys(range(30), -1.0))
    with pytest.raises(ContractError, match=r"30 of 200 rows \(15.00%\) would be set aside, at most 10.00% may"):
        sift(table, weight={"severity": "quarantine"})


def test_the_reason_of_a_row_is_true_of_that_row() -> None:
    found = sift(duplicated(), rows="quarantine")
    assert found.aside[REASONS].tolist() == ["rows: expected unique parcel (one of 2 such rows)"] * 2
    assert found.breaches[0].message == "rows: 2 of 200 values such as P-4 (rows 5, 6); expected unique parcel"


def test_what_is_left_must_keep_the_contract() -> None:
    with pytest.raises(ContractError, match="expected at least 200 rows"):
        sift(changed("weight", {3: -1.0}), weight={"severity": "quarantine"}, minimum_rows=200)


def test_a_row_set_aside_takes_those_that_refer_to_it_along() -> None:
    given = contracts(references={"depot": {"to": "depots.depot", "severity": "quarantine"}}, maximum_quarantined=0.6)
    depots = {**given.root["depots"].model_dump(), "maximum_quarantined": 0.5}
    depots["columns"] = {"depot": {"type": "category", "categories": ["north", "east"], "severity": "quarantine"}}
    whole = TableContracts.model_validate({"parcels": given.root["parcels"].model_dump(), "depots": depots})
    found = sift_tables({"parcels": parcels(), "depots": DEPOTS}, whole, AS_OF)
    assert found["depots"].aside["depot"].tolist() == ["south"]
    assert set(found["parcels"].aside["depot"]) == {"south"}
    assert set(found["parcels"].kept["depot"]) == {"north"}


def test_an_allowed_share_of_orphans_is_not_told() -> None:
    reference = {"to": "depots.depot", "maximum_share": 0.01}
    assert not sift(changed("depot", {1: "moon"}), references={"depot": reference}).breaches
    with pytest.raises(ContractError, match=r"3 of 200 values such as moon.*on all but 1.0% of the rows"):
        sift(changed("depot", {1: "moon", 2: "moon", 3: "moon"}), references={"depot": reference})


def test_stale_data_stop_the_run_and_later_rows_do_not_make_them_fresh() -> None:
    fresh = {"column": "sent", "maximum_age": "2d"}
    table = parcels()
    assert len(sift(table[table["sent"] < AS_OF], freshness={**fresh, "maximum_age": "30d"}).kept)
    future = changed("sent", {199: pd.Timestamp("2030-01-01", tz="UTC")}).assign(back=pd.Timestamp("2031", tz="UTC"))
    for stale in (table, future):
        with pytest.raises(ContractError, match=r"column 'sent': newest value before .* is 2024-02-19"):
            sift(stale, freshness=fresh)
    assert sift(table, freshness={**fresh, "severity": "warning"}).warnings


def test_shuffled_rows_stop_the_run() -> None:
    table = parcels()
    assert len(sift(table, ordered_by=["sent"]).kept) == 200
    swapped = table.iloc[[0, 1, 3, 2, *range(4, 200)]].reset_index(drop=True)
    with pytest.raises(ContractError, match=r"1 of 200 values such as .* \(rows 3\); expected ascending order of sent"):
        sift(swapped, ordered_by=["sent"])


@pytest.mark.parametrize(("limits", "words"), [({"minimum_rows": 300}, "at least 300"), ({"maximum_rows": 20}, "most")])
def test_too_few_or_too_many_rows_stop_the_run(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        sift(parcels(), **limits)


def test_the_breaches_of_all_tables_are_told_at_once() -> None:
    with pytest.raises(ContractError, match=r"(?s)2 tables break their contracts:.*'parcels'.*'depots'"):
        sift(changed("weight", {3: -1.0}), pd.DataFrame({"depot": ["north", "north"]}))


@given(st.lists(st.sampled_from(["weight", "depot", "parcel", "back"]), max_size=12), st.randoms())
def test_what_comes_in_is_kept_or_set_aside_whatever_is_wrong(faults: list[str], draw: Any) -> None:
    table = parcels(50)
    bad: dict[str, Any] = {
        "weight": -5.0,
        "depot": "moon",
        "parcel": "P-0",
        "back": pd.Timestamp("2020-01-01", tz="UTC"),
    }
    for column in faults:
        table.loc[int(draw.randrange(1, 50)), column] = bad[column]
    found = sift(
        table, rows="quarantine", maximum_quarantined=1.0, weight={"severity": "quarantine"},
        depot={"categories": ["north", "south"], "severity": "quarantine"},
    )  # fmt: skip
    assert sorted([*found.places.tolist(), *found.aside[ROW].tolist()]) == list(range(50))
    wrong = (table["weight"] < 0) | (table["depot"] == "moon") | (table["back"] < table["sent"])
    wrong |= table["parcel"].duplicated()
    assert found.aside[ROW].tolist() == wrong.to_numpy().nonzero()[0].tolist()


def test_the_node_gives_kept_tables_then_those_set_aside_then_the_warnings() -> None:
    case = cast(Case, SimpleNamespace(SOURCES=("parcels", "depots")))
    given = contracts(weight={"severity": "quarantine"})
    kept, depots, aside, none, warnings = source_checker(case)(given, RUN, changed("weight", {3: -1.0}), DEPOTS)
    assert (len(cast(Any, kept)), len(cast(Any, depots)), len(cast(Any, aside)), len(cast(Any, none))) == (199, 3, 1, 0)
    assert warnings == {"parcels": [], "depots": []}


def test_times_without_a_zone_are_read_on_the_clock_that_the_contract_names() -> None:
    table = parcels(4)
    clock = ["2024-03-30 12:00", "2024-03-31 02:30", "2024-10-27 02:30", "2024-10-27 03:30"]
    table["sent"], table["back"] = pd.to_datetime(clock), pd.Timestamp("2024-12-01", tz="UTC")
    columns = contracts().model_dump(mode="json")["parcels"]["columns"]
    columns["sent"]["time_zone"] = "Europe/Berlin"
    kept = sift(table, columns=columns).kept
    # Clocks go from 2:00 to 3:00 in March, and from 3:00 back to 2:00 in October: the first half past two is meant.
    expected = ["2024-03-30 11:00", "2024-03-31 01:00", "2024-10-27 00:30", "2024-10-27 02:30"]
    assert kept["sent"].dt.tz_convert("UTC").tolist() == pd.to_datetime(expected, utc=True).tolist()
    assert table["sent"].dt.tz is None


def test_times_that_bring_their_zone_keep_it() -> None:
    columns = contracts().model_dump(mode="json")["parcels"]["columns"]
    columns["sent"]["time_zone"] = "Europe/Berlin"
    pd.testing.assert_series_equal(sift(parcels(), columns=columns).kept["sent"], parcels()["sent"])


def test_a_zone_belongs_to_times_only() -> None:
    with pytest.raises(ValueError, match="time_zone belongs to type 'time', found type 'number'"):
        contracts(weight={"time_zone": "UTC"})
