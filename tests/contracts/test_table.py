from typing import Any

import pytest
from pydantic import ValidationError

from model_lifecycle.contracts.table import ColumnContract, TableContract, TableContracts
from model_lifecycle.errors import ConfigurationError

DEPOTS = {"columns": {"depot": {"type": "category"}, "opened": {"type": "time"}, "closed": {"type": "time"}}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"type": "category", "minimum": 1}, "minimum and maximum belong to integer and number, found type 'category'"),
        ({"type": "time", "maximum": 0}, "minimum and maximum belong to integer and number, found type 'time'"),
        ({"type": "number", "minimum": 2, "maximum": 1.5}, "minimum 2 lies above maximum 1.5"),
        ({"type": "number", "categories": ["a"]}, "categories belong to type 'category', found type 'number'"),
        ({"type": "text"}, "Input should be 'category', 'integer', 'number', 'boolean' or 'time'.*input_value='text'"),
        ({"type": "number", "maximum_missing": 1.5}, "maximum_missing\n  Input should be less than or equal to 1"),
        ({"type": "number", "minimum": float("nan")}, "minimum\n  Input should be a finite number"),
        ({"type": "number", "known": "later"}, "Input should be 'decision' or 'label'"),
    ],
)
def test_a_wrong_column_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ColumnContract.model_validate(fields)


def test_a_category_may_begin_or_end_with_a_blank() -> None:
    column = ColumnContract(type="category", categories=(" north", "south "))
    assert ColumnContract.model_validate_json(column.model_dump_json()).categories == (" north", "south ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"key": ["depots"]},
            r"not_before or known_at name \['depots'\], expected columns of \['closed', 'depot'",
        ),
        ({"not_before": [["closed", "open"]]}, r"not_before or known_at name \['open'\]"),
        ({"references": {"town": "towns.town"}}, r"ordered_by, freshness, not_before or known_at name \['town'\]"),
        ({"minimum_rows": 5, "maximum_rows": 4}, "maximum_rows 4, expected at least minimum_rows 5"),
        ({"columns": {}}, "columns\n  Dictionary should have at least 1 item"),
    ],
)
def test_a_wrong_table_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TableContract.model_validate({**DEPOTS, **change})


def test_a_table_without_a_contract_is_named() -> None:
    contracts = TableContracts.model_validate({"depots": DEPOTS})
    assert contracts.table("depots") == TableContract.model_validate(DEPOTS)
    with pytest.raises(ConfigurationError, match=r"none for table 'towns', found \['depots'\].*infer raw_towns`"):
        contracts.table("towns")


@pytest.mark.parametrize("target", ["towns", "towns.depot", "depots.town", "depots."])
def test_a_reference_leads_to_a_declared_column(target: str) -> None:
    streets = {"columns": {"depot": {"type": "category"}}, "references": {"depot": target}}
    with pytest.raises(ValidationError, match=rf"table 'streets': references \['{target}'\], expected 'table.column'"):
        TableContracts.model_validate({"depots": DEPOTS, "streets": streets})
    streets["references"] = {"depot": "depots.depot"}
    contracts = TableContracts.model_validate({"depots": DEPOTS, "streets": streets})
    assert contracts.table("streets").references["depot"].to == "depots.depot"
