"""Rows that are taken column by column are those that `parse_records` takes, and with the same values."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.batch.columns import checked_parts, sure_columns
from model_lifecycle.contracts.table import TableContract
from model_lifecycle.features.records import RecordsRefused, parse_records

CONTRACT = TableContract.model_validate(
    {
        "columns": {
            "word": {"type": "category", "maximum_missing": 1},
            "one_of": {"type": "category", "categories": ["a", "b"], "maximum_missing": 1},
            "whole": {"type": "integer", "minimum": -5, "maximum": 1e17, "maximum_missing": 1},
            "number": {"type": "number", "minimum": -1e3, "maximum_missing": 1},
            "yes": {"type": "boolean"},
            "time": {"type": "time", "maximum_missing": 1},
        }
    }
)
_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=9))])
_MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28), timezones=_ZONES)  # noqa: DTZ001
_TYPED: dict[str, st.SearchStrategy[Any]] = {
    "word": st.text(st.characters(codec="utf-8"), max_size=3),
    "one_of": st.sampled_from(["a", "b", "c", ""]),
    "whole": st.one_of(st.integers(-7, 2**60), st.floats(allow_subnormal=False).map(np.floor)),
    "number": st.floats(),
    "yes": st.booleans(),
    "time": _MOMENTS,
}
_FIELDS = {
    **_TYPED,
    "whole": st.sampled_from(
        ["1", "-0", "+7", "1.0", "1.5", "1e3", " 1", "1_0", "nan", "x", "9" * 30, "9007199254740993"]
    ),
    "number": st.one_of(
        st.floats().map(repr), st.sampled_from([".5", "5.", "1e400", "0x1p3", "NaN", "Infinity", "1d"])
    ),
    "yes": st.sampled_from(["true", "True", "FALSE", "1", "yes"]),
    "time": st.one_of(
        _MOMENTS.map(lambda moment: moment.isoformat()),
        _MOMENTS.map(lambda moment: moment.isoformat(" ", "minutes")),
        st.sampled_from(
            ["2024-01-01", "2024-01-01T00:00:00", "2024-01-01T00:00:00.123456789Z", "20240101T0000Z", "now"]
        ),
    ),
}
_AS_TEXT = {"true": True, "false": False}


def batch_of(rows: list[dict[str, Any]], types: dict[str, pa.DataType]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, pa.schema([(name, types[name]) for name in CONTRACT.columns]))


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].dtype == values.dtype, name
        assert [repr(one) for one in found[name].tolist()] == [repr(one) for one in values.tolist()], name


def check(rows: list[dict[str, Any]], batch: pa.RecordBatch, records: list[dict[str, Any]], typed: bool) -> None:
    ((_, found),) = checked_parts(CONTRACT, batch, typed)
    try:
        expected = parse_records(CONTRACT, records)
    except RecordsRefused as error:
        refused = {(one.row, one.field) for one in error.problems}
        expected = {}
    else:
        refused = set()
    if isinstance(found, dict):
        assert not refused
        same(found, expected)
    else:
        assert {(one.row, one.field) for one in found} == refused
        assert sure_columns(CONTRACT, batch, typed) is None
    assert len(rows) == batch.num_rows


def optional(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries({name: st.one_of(st.none(), one) for name, one in values.items()})
    return st.lists(row, min_size=1, max_size=4)


@given(optional(_TYPED))
def test_typed_values_are_judged_as_records_are(rows: list[dict[str, Any]]) -> None:
    types = {"word": pa.string(), "one_of": pa.large_string(), "number": pa.float64(), "yes": pa.bool_()}
    types |= {"whole": pa.float64(), "time": pa.timestamp("us", "UTC")}
    rows = [{**row, "whole": None if row["whole"] is None else float(row["whole"])} for row in rows]
    rows = [{**row, "time": None if row["time"] is None else row["time"].astimezone(UTC)} for row in rows]
    check(rows, batch_of(rows, types), rows, typed=True)


@given(optional(_FIELDS))
def test_fields_of_a_file_without_types_mean_what_their_contract_says(rows: list[dict[str, Any]]) -> None:
    records = [{**row, "yes": _AS_TEXT.get(str(row["yes"]).lower(), row["yes"])} for row in rows]
    for record in records:
        for name in ("whole", "number"):
            text = record[name]
            if (
                text is not None
                and text.strip() == text
                and "_" not in text
                and text.lower()[-3:] not in ("nan", "inf")
            ):
                try:
                    record[name] = float(text) if "infinity" not in text.lower() else text
                except ValueError:
                    continue
    check(rows, batch_of(rows, dict.fromkeys(CONTRACT.columns, pa.string())), records, typed=False)


def test_right_rows_are_taken_without_looking_at_each() -> None:
    rows = [
        {"word": "x", "one_of": "a", "whole": 3, "number": 0.5, "yes": True, "time": datetime(2024, 1, 1, tzinfo=UTC)}
    ]
    assert sure_columns(CONTRACT, pa.RecordBatch.from_pylist(rows), typed=True) is not None


def test_text_is_no_number_in_a_file_that_knows_types() -> None:
    contract = TableContract.model_validate({"columns": {"number": {"type": "number"}}})
    batch = pa.RecordBatch.from_pydict({"number": ["1.5", "2"]})
    ((_, problems),) = checked_parts(contract, batch, typed=True)
    assert isinstance(problems, tuple)
    assert [(one.row, one.found) for one in problems] == [(0, "'1.5'"), (1, "'2'")]
    ((_, columns),) = checked_parts(contract, batch, typed=False)
    assert isinstance(columns, dict)
    assert columns["number"].tolist() == [1.5, 2.0]


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("word", pa.array([b"a\xff"]), "b'a\\xff'"),
        ("word", pa.array([b"a\xff"]).view(pa.string()), "an unreadable value ('utf-8' codec can't decode"),
        ("word", pa.array([5]), "5"),
        ("number", pa.array([float("nan")]), "nan"),
        ("number", pa.array(["5"]), "'5'"),
        ("time", pa.array([0]).cast(pa.timestamp("us")), "datetime.datetime(1970, 1, 1, 0, 0)"),
        ("time", pa.array([2**62]).cast(pa.timestamp("us", "UTC")), "an unreadable value ("),
        ("yes", pa.array([None], pa.bool_()), "null"),
    ],
)
def test_a_wrong_value_is_quoted(column: str, value: pa.Array, found: str) -> None:
    others = {**{name: pa.nulls(1) for name in CONTRACT.columns}, "yes": pa.array([True])}
    batch = pa.RecordBatch.from_pydict({**others, column: value})
    ((_, problems),) = checked_parts(CONTRACT, batch, typed=True)
    assert isinstance(problems, tuple)
    assert [(one.row, one.field) for one in problems] == [(0, column)]
    assert problems[0].found.startswith(found)
