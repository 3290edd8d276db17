"""A table that keeps its contract passes unchanged; every breach is named with what was found and expected."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from model_lifecycle.contracts.table import ColumnContract, TableContract
from model_lifecycle.errors import ContractError
from model_lifecycle.pipelines.data_engineering.nodes.contracts import check_table
from parcels import CONTRACTS, decisions

CONTRACT = CONTRACTS.table("primary_table")


def _with(values: dict[int, Any], column: str) -> pd.DataFrame:
    """Return 40 good rows with some values of one column replaced."""
    table = decisions(days=2)
    table[column] = table[column].astype(object) if isinstance(next(iter(values.values())), str) else table[column]
    for row, value in values.items():
        table.loc[row, column] = value
    return table


def _message(table: pd.DataFrame, contract: TableContract = CONTRACT) -> str:
    with pytest.raises(ContractError) as refused:
        check_table("parcels", table, contract)
    return str(refused.value)


def test_a_good_table_passes_unchanged_and_undeclared_columns_are_left_out() -> None:
    table = decisions(days=2)
    before = table.assign(extra=1).copy()
    passed = check_table("parcels", before, CONTRACT)
    pd.testing.assert_frame_equal(passed, table[list(CONTRACT.columns)])
    pd.testing.assert_frame_equal(before, table.assign(extra=1))


def test_the_index_of_the_table_is_kept() -> None:
    table = decisions(days=2).set_index(np.arange(100, 140))
    assert check_table("parcels", table, CONTRACT).index.tolist() == list(range(100, 140))


def test_an_absent_column_is_named_beside_those_that_are_there() -> None:
    assert re.fullmatch(
        r"contract 'parcels': columns \['weight'\] are absent; found \['parcel', 'asked_at', 'depot', .*\]",
        _message(decisions(days=2).drop(columns="weight")),
    )


@pytest.mark.parametrize("contract", [{"unique": True}, {"maximum_missing": 0.0}])
def test_no_private_value_is_quoted(contract: dict[str, Any]) -> None:
    column = ColumnContract.model_validate({"type": "category", "private": True, **contract})
    private = TableContract(columns={"depot": column, "parcel": CONTRACT.columns["parcel"]}, key=("depot",))
    told = _message(decisions(days=2).assign(depot=pd.Series(["secret"] * 39)), private)
    assert "secret" not in told
    assert "such as a private value" in told or "values missing" in told


def test_something_that_is_no_table_is_refused() -> None:
    with pytest.raises(ContractError, match=r"contract 'parcels': found list, expected a table"):
        check_table("parcels", [1, 2], CONTRACT)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        ("weight", lambda values: values.astype(str), "found type str, expected number"),
        ("weight", lambda values: values > 1, "found type bool, expected number"),
        ("depot", lambda values: np.arange(len(values)), r"found type int64, expected category \(text\)"),
        (
            "asked_at",
            lambda values: values.astype(str),
            "found type str, expected time with its zone, or time_zone in the contract; text has to be parsed, .*",
        ),
        (
            "asked_at",
            lambda values: values.dt.tz_localize(None),
            r"found type datetime64\[us\], expected time with its zone, or time_zone in the contract",
        ),
    ],
)
def test_a_column_of_another_type_is_refused(column: str, change: Any, message: str) -> None:
    table = decisions(days=2)
    assert re.fullmatch(
        rf"contract 'parcels', column '{column}': {message}", _message(table.assign(**{column: change(table[column])}))
    )


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("weight", {3: -1.0}, "column 'weight': 1 of 40 values such as -1.0 (rows 3); expected >= 0"),
        ("weight", {3: 99.0}, "column 'weight': 1 of 40 values such as 99.0 (rows 3); expected <= 50"),
        (
            "outcome",
            {5: "gone"},
            ("column 'outcome': 1 of 40 values such as gone (rows 5); expected one of ['observed', 'unavailable']"),
        ),
        (
            "parcel",
            {3: "P-2", 9: "P-2"},
            "column 'parcel': 2 of 40 values such as P-2 (rows 3, 9); expected unique values",
        ),
        (
            "weight",
            dict.fromkeys(range(10), np.nan),
            ("column 'weight': 25.0% of 40 values missing; expected at most 20.0% missing"),
        ),
        ("delivered_at", {5: pd.NaT}, "column 'delivered_at': 2.5% of 40 values missing; expected no missing value"),
        (
            "delivered_at",
            {0: pd.Timestamp("2024-02-01", tz="UTC")},
            (
                "rows: 1 of 40 values such as "
                "2024-02-01 00:00:00+00:00 and 2024-03-01 00:00:00+00:00 (rows 0); "
                "expected delivered_at not before asked_at"
            ),
        ),
    ],
)
def test_a_breach_is_named_once_with_count_value_row_and_expectation(
    column: str, values: dict[int, Any], message: str
) -> None:
    assert _message(_with(values, column)) == f"contract 'parcels', {message}"


def test_a_number_that_is_not_finite_is_refused_even_without_a_range() -> None:
    contract = TableContract(columns={"weight": ColumnContract(type="number")})
    assert _message(_with({3: np.inf}, "weight"), contract) == (
        "contract 'parcels', column 'weight': 1 of 40 values such as inf (rows 3); expected finite numbers"
    )


def test_a_fraction_in_a_column_of_integers_is_refused() -> None:
    contract = TableContract(columns={"weight": ColumnContract(type="integer")})
    assert _message(decisions(days=2), contract).startswith(
        "contract 'parcels', column 'weight': found type float64, expected integer; it is none on 40 of 40 values such"
    )


def test_text_among_numbers_is_told_with_its_value_and_row() -> None:
    mixed = decisions(days=2)["weight"].astype(object)
    mixed[7] = "heavy"
    assert _message(decisions(days=2).assign(weight=mixed)) == (
        "contract 'parcels', column 'weight': found type object, expected number; it is none on 1 of 40 values such as "
        "heavy (rows 7)"
    )


def test_text_where_a_time_is_declared_is_told_to_be_parsed() -> None:
    contract = TableContract(columns={"asked_at": ColumnContract(type="time", time_zone="Europe/Berlin")})
    table = decisions(days=2)
    assert _message(table.assign(asked_at=table["asked_at"].astype(str)), contract) == (
        "contract 'parcels', column 'asked_at': found type str, expected time; text has to be parsed, as by "
        "`load_args: {parse_dates: [asked_at]}` of the catalog entry"
    )


def test_times_in_text_of_differing_offsets_are_told_with_the_offsets_and_how_to_parse_them() -> None:
    contract = TableContract(columns={"asked_at": ColumnContract(type="time")})
    table = decisions(days=2)
    local = table["asked_at"].dt.tz_localize(None).astype(str) + pd.Series(["+0100", "+0200"] * (len(table) // 2))
    assert _message(table.assign(asked_at=local), contract) == (
        "contract 'parcels', column 'asked_at': found type str, expected time with its zone, or time_zone in the "
        "contract; it is text whose offsets from UTC differ (['+0100', '+0200']), which `parse_dates` leaves as it is: "
        "store it in UTC, or parse it in `build_tables`, as by `pd.to_datetime(asked_at, utc=True)`, and let the raw "
        "table's contract say category"
    )


def test_a_duplicate_key_of_several_columns_is_named_with_its_values() -> None:
    contract = TableContract(columns=CONTRACT.columns, key=("depot", "asked_at"))
    table = decisions(days=2).assign(depot="north")
    moment = pd.Timestamp("2024-03-01 07:12", tz="UTC")
    table["asked_at"] = table["asked_at"].mask(table.index == 7, moment)
    assert _message(table, contract) == (
        f"contract 'parcels', rows: 1 of 40 values such as north and {moment} (rows 7); expected unique depot, asked_at"
    )


@pytest.mark.parametrize(
    ("limits", "message"),
    [({"minimum_rows": 1000}, "expected at least 1,000 rows"), ({"maximum_rows": 10}, "expected at most 10 rows")],
)
def test_too_few_or_too_many_rows_are_refused(limits: dict[str, int], message: str) -> None:
    assert (
        _message(decisions(days=2), CONTRACT.model_copy(update=limits))
        == f"contract 'parcels', rows: 40 rows; {message}"
    )


def test_all_breaches_are_listed_and_the_full_report_is_the_cause() -> None:
    table = _with({3: -1.0, 4: 77.0}, "weight")
    table.loc[5, "depot"] = None
    table.loc[6, "outcome"] = "gone"
    with pytest.raises(
        ContractError, match=r"contract 'parcels' is broken 3 times:\n  column 'weight': 1 of 40"
    ) as refused:
        check_table("parcels", table, CONTRACT)
    assert isinstance(refused.value.__cause__, pa.errors.SchemaErrors)


def test_the_message_is_bounded_however_many_breaches_there_are() -> None:
    columns = {f"column_{number}": ColumnContract(type="number", maximum=0) for number in range(200)}
    table = pd.DataFrame({name: np.ones(1000) for name in columns})
    told = _message(table, TableContract(columns=columns))
    assert told.endswith("… and 188 more")
    assert len(told) < 2_000
    assert len(_message(table.iloc[:, :1], TableContract(columns=columns))) < 500
    assert len(_message(pd.DataFrame({"name": ["x" * 10_000]}), TableContract(
        columns={"name": ColumnContract(type="category", categories=tuple("y" * 999 + str(n) for n in range(50)))}
    ))) < 2_000  # fmt: skip
