"""A sheet as people keep it: what is declared is tidied, everything else is named by its cell."""

from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from kedro.io import DatasetError

from model_lifecycle.datasets.spreadsheet import SpreadsheetDataset
from model_lifecycle.errors import SourceError

COLUMNS: dict[str, dict[str, Any]] = {
    "depot": {"type": "text", "title": "Depot  name"},
    "parcels": {"type": "integer", "thousands": ","},
    "weight": {"type": "number", "title": "Weight (kg)", "missing": ["n/a", "-"]},
    "opened": {"type": "time", "formats": ["%d.%m.%Y"], "time_zone": "Europe/Berlin"},
    "express": {"type": "boolean"},
}
ROWS: list[list[Any]] = [
    ["Depots of the north", None, None, None, None, None, None],
    ["kept by hand, ask Kim", None, None, None, None, None, None],
    [],
    [None, "depot name", "Parcels ", "WEIGHT (kg)", "Opened", "Express", "Remarks"],
    [None, " north ", "1,234", 12.5, pd.Timestamp("2024-03-01T08:30").to_pydatetime(), "yes", "new roof"],
    [None, None, None, None, None, None, None],
    [None, 17, 56, "n/a", date(2024, 7, 1), False, None],
    [None, "süd", 7.0, " 3.25\u00a0", "15.07.2024", "No", None],
    [None, "Total", 1297, 15.75, None, None, None],
]


def sheet(tmp_path: Path, rows: list[list[Any]] | None = None, more: str | None = None) -> str:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = "Depots"
    for row in ROWS if rows is None else rows:
        page.append(row)
    page.merge_cells("A1:C1")
    if more:
        book.create_sheet(more)
    path = tmp_path / "depots.xlsx"
    book.save(path)
    return str(path)


def load(path: str, **options: Any) -> pd.DataFrame:
    given: dict[str, Any] = {"columns": COLUMNS, "leave_out": {"depot": ["Total", "Sum"]}, **options}
    table: pd.DataFrame = SpreadsheetDataset(path, **given).load()
    return table


def test_a_sheet_of_mixed_types_becomes_a_typed_table(tmp_path: Path) -> None:
    table = load(sheet(tmp_path))
    assert table["depot"].tolist() == ["north", "17", "süd"]
    assert table["parcels"].tolist() == [1234, 56, 7]
    assert table["weight"].tolist()[::2] == [12.5, 3.25]
    assert pd.isna(table["weight"][1])
    assert table["opened"].tolist() == [
        pd.Timestamp("2024-03-01T07:30Z"), pd.Timestamp("2024-06-30T22:00Z"), pd.Timestamp("2024-07-14T22:00Z")
    ]  # fmt: skip
    assert table["express"].tolist() == [True, False, False]
    assert table.dtypes.astype("str").tolist() == ["str", "int64", "float64", "datetime64[us, UTC]", "bool"]


def test_every_cell_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    rows = [*ROWS[:5], [None, "east", "many", True, "2024-07-15", "perhaps", None], *ROWS[5:]]
    with pytest.raises(DatasetError) as refused:
        load(sheet(tmp_path, rows))
    for words in (
        "4 cells cannot be read", "Depots!C6: found 'many', expected a whole number", "Depots!D6: found True, expected",
        "Depots!E6: found '2024-07-15', expected an ISO 8601 time", "Depots!F6: found 'perhaps', expected true or",
    ):  # fmt: skip
        assert words in str(refused.value)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (ROWS[:3], {}, r"no row with the titles of \['depot', 'express', 'opened', 'parcels', 'weight'\] in the first"),
        (
            [[], [*ROWS[3][1:6], "Depot name"]],
            {},
            r"row 2: titles \['depot name'\] stand there twice",
        ),
        (None, {"sheet": "Stores"}, r"no sheet 'Stores'; found \['Depots'\]"),
    ],
)
def test_a_sheet_or_title_that_is_not_there_is_named(
    tmp_path: Path, rows: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        load(sheet(tmp_path, rows), **options)


def test_of_several_sheets_one_must_be_named(tmp_path: Path) -> None:
    path = sheet(tmp_path, more="Notes")
    with pytest.raises(DatasetError, match=r"sheets \['Depots', 'Notes'\]; expected one, or a name in `sheet`"):
        load(path)
    assert len(load(path, sheet="Depots")) == 3


def test_a_file_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "depots.xlsx").write_bytes(b"not a workbook")
    with pytest.raises(DatasetError, match=r"depots.xlsx: cannot be read as an Excel file"):
        load(str(tmp_path / "depots.xlsx"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"depot": {"type": "colour"}}}, r"(?s)columns of .*depots.xlsx.*type"),
        ({"leave_out": {"town": ["Total"]}}, r"leave_out of .*: found \['town'\], expected some of"),
    ],
)
def test_a_wrong_declaration_is_refused_when_the_catalog_is_made(options: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"columns": COLUMNS, **options}
    with pytest.raises(SourceError, match=message):
        SpreadsheetDataset("depots.xlsx", **given)
