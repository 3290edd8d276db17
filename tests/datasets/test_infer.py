"""An inferred contract accepts the very data it came from, and says what it only guessed."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.contracts.table import TableContracts
from model_lifecycle.datasets.contract_command import contract
from model_lifecycle.datasets.infer import infer_contracts, known_with_label, notes_on, to_yaml
from model_lifecycle.errors import ConfigurationError, ContractError
from model_lifecycle.pipelines.data_engineering.nodes.sources import sift_tables

AS_OF = pd.Timestamp("2030-01-01", tz="UTC")
_values = {
    "number": st.floats(allow_nan=True, allow_infinity=False, width=32),
    "integer": st.integers(-(2**50), 2**50),
    "text": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    "boolean": st.booleans(),
    "boolean with gaps": st.none() | st.booleans(),
    "time": st.none() | st.datetimes(min_value=pd.Timestamp("1980-01-01"), max_value=pd.Timestamp("2040-01-01")),
}
_DTYPES = {"number": "float64", "integer": "int64", "text": "str", "boolean": "bool", "boolean with gaps": "object"}


@st.composite
def tables(draw: Any) -> pd.DataFrame:
    rows = draw(st.integers(1, 40))
    found = {}
    for place, kind in enumerate(draw(st.lists(st.sampled_from(list(_values)), min_size=1, max_size=5))):
        column = draw(st.lists(_values[kind], min_size=rows, max_size=rows))
        name = draw(st.sampled_from([f"c{place}", f"größe {place}", f"a: {place}", f"{place}"]))
        times = kind == "time"
        found[name] = pd.to_datetime(pd.Series(column), utc=True) if times else pd.Series(column, dtype=_DTYPES[kind])
    return pd.DataFrame(found)


@given(tables())
def test_a_contract_accepts_what_it_was_inferred_from_also_through_yaml(table: pd.DataFrame) -> None:
    written = to_yaml(infer_contracts({"orders": table}))
    read = TableContracts.model_validate(yaml.safe_load(written)["contracts"])
    found = sift_tables({"orders": table}, read, AS_OF)["orders"]
    assert len(found.kept) == len(table)
    assert not found.breaches


def orders(rows: int = 100) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "order": np.arange(rows), "shop": [("north", "south")[place % 2] for place in range(rows)],
            "amount": np.linspace(0.0, 99.5, rows), "note": [None, "x"] * (rows // 2), "nothing": [np.nan] * rows,
        }
    )  # fmt: skip


def test_true_false_and_blanks_are_boolean_as_a_csv_file_has_them() -> None:
    table = pd.read_csv(io.StringIO("order,insured\n1,True\n2,\n3,False\n"))
    column = infer_contracts({"orders": table}).table("orders").columns["insured"]
    assert (column.type, column.maximum_missing) == ("boolean", 0.4)


def test_ranges_have_room_categories_are_few_and_keys_are_found() -> None:
    shops = pd.DataFrame({"shop": ["north", "south", "east"], "opened": pd.Timestamp("2020-01-01", tz="UTC")})
    found = infer_contracts({"orders": orders(), "shops": shops})
    table = found.table("orders")
    assert table.key == ("order",)
    assert (table.columns["amount"].minimum, table.columns["amount"].maximum) == (0.0, 110.0)
    assert table.columns["shop"].categories == ("north", "south")
    assert table.columns["note"].maximum_missing == 0.55
    assert (table.columns["nothing"].type, table.columns["nothing"].maximum_missing) == ("number", 1.0)
    assert {column: reference.to for column, reference in table.references.items()} == {"shop": "shops.shop"}
    assert found.table("shops").columns["opened"].type == "time"
    assert found.table("shops").columns["shop"].categories is None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"a": []}), "table 'orders': no rows to infer a contract from"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"columns \['a'\] occur twice"),
        (pd.DataFrame({"a": [1, "b", None]}), r"column 'a': found values of \['int', 'str'\], expected text, numbers"),
        (pd.DataFrame({"a": [1.0, np.inf]}), "column 'a': 1 values are infinite"),
    ],
)
def test_a_table_that_tells_nothing_is_refused(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        infer_contracts({"orders": table})


def test_times_without_a_zone_are_taken_for_utc_and_marked_to_be_checked() -> None:
    found = infer_contracts({"orders": pd.DataFrame({"a": pd.to_datetime(["2020-01-01", "2020-01-02"])})})
    assert found.table("orders").columns["a"].time_zone == "UTC"
    assert "      a: {type: time, time_zone: UTC}  # check me: no zone was told\n" in to_yaml(found)


_WINTER, _SUMMER = "2025-03-29T09:00:00+0100", "2025-03-30T09:00:00+0200"


@pytest.mark.parametrize(
    ("texts", "note"),
    [
        ([_WINTER, _SUMMER], "it came as text of offsets +0100, +0200: store UTC, or say category here and parse"),
        ([_WINTER, _WINTER], "it came as text: parse it, as by load_args: {parse_dates: [opened]}"),
    ],
    ids=["of several offsets", "of one offset"],
)
def test_times_with_an_offset_that_came_as_text_are_times_with_a_word_on_what_to_do(
    tmp_path: Path, texts: list[str], note: str
) -> None:
    (tmp_path / "tickets.csv").write_text("\n".join(["opened", *texts]) + "\n")
    done = CliRunner().invoke(contract, ["infer", str(tmp_path / "tickets.csv")])
    assert f"      opened: {{type: time}}  # check me: {note}" in done.output


@pytest.mark.parametrize(
    ("texts", "note"),
    [
        (["31.12.2024", "01.02.2025"], "dates that came as text, such as '31.12.2024': parse them, as by load_args: "),
        (["2024-12-31 10:00", "2025-01-01 11:30"], "dates that came as text, such as '2024-12-31 10:00': parse them"),
        (["1.234,50", "-7,25", None], "numbers that came as text, such as '1.234,50': read them as such"),
        (["€ 12", "$ 1,300.50"], "numbers that came as text, such as '€ 12'"),
        (["31.12.2024", "unknown"], None),
        (["1.2.3", "1.10.0"], None),
        (["007", "123"], None),
        (["192.168.0.1", "10.0.0.7"], None),
        (["2024-12", "2025-01"], None),
    ],
)
def test_dates_and_numbers_that_came_as_text_are_categories_with_a_word_on_what_to_do(
    texts: list[str | None], note: str | None
) -> None:
    table = {"orders": pd.DataFrame({"given": texts * 10})}
    assert infer_contracts(table).table("orders").columns["given"].type == "category"
    told = notes_on(table)
    assert told == {} if note is None else told["orders", "given"].startswith(note)


def test_texts_of_which_one_is_no_time_or_has_no_offset_stay_categories() -> None:
    for other in ("later", "2025-03-30T09:00:00", "2025-13-45T09:00:00+0100"):
        found = infer_contracts({"tickets": pd.DataFrame({"opened": [_WINTER, other]})})
        assert found.table("tickets").columns["opened"].type == "category"


def test_the_command_prints_a_contract_for_files(tmp_path: Path) -> None:
    orders().to_csv(tmp_path / "orders.csv.gz", index=False)
    orders().assign(at=AS_OF).to_parquet(tmp_path / "others.parquet")
    done = CliRunner().invoke(contract, ["infer", str(tmp_path / "orders.csv.gz"), str(tmp_path / "others.parquet")])
    read = TableContracts.model_validate(yaml.safe_load(done.output)["contracts"])
    assert sorted(read.root) == ["orders", "others"]
    assert "key: [order]  # check me" in done.output


def test_what_the_question_says_is_known_with_the_label_is_marked() -> None:
    found = known_with_label(infer_contracts({"orders": orders()}), "orders", ["amount", "note"])
    marked = [name for name, column in found.table("orders").columns.items() if column.known == "label"]
    assert marked == ["amount", "note"]
    assert "note: {type: category, categories: [x], maximum_missing: 0.55, known: label}" in to_yaml(found)


def test_a_time_column_that_no_table_has_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    orders().to_csv(tmp_path / "orders.csv", index=False)
    done = CliRunner().invoke(contract, ["infer", str(tmp_path / "orders.csv"), "--time", "ordered_on"])
    with pytest.raises(ConfigurationError, match=r"--time: found \['ordered_on'\], expected some of \['order', 'shop'"):
        raise done.exception or AssertionError(done.output)


def test_what_is_neither_file_nor_entry_is_named() -> None:
    command = [sys.executable, "-m", "model_lifecycle", "contract", "infer", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stderr.strip() == "Error: 'nowhere' is neither a file nor an entry of the catalog"
