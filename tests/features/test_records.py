import json
import math
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.contracts.table import ColumnContract, TableContract
from model_lifecycle.features import records as records_module
from model_lifecycle.features.plain_records import PlainReader
from model_lifecycle.features.records import RecordProblem, RecordsRefused, expectation, parse_records

CONTRACT = TableContract.model_validate(
    {
        "columns": {
            "id": {"type": "category"},
            "grade": {"type": "category", "categories": ["a", "b"], "maximum_missing": 0.5},
            "weight": {"type": "number", "minimum": 0, "maximum": 50, "unit": "kg", "maximum_missing": 0.1},
            "free": {"type": "number", "maximum_missing": 1.0},
            "pieces": {"type": "integer", "minimum": 1},
            "fragile": {"type": "boolean"},
            "at": {"type": "time"},
        }
    }
)
VALID = {"id": "P-1", "grade": "a", "weight": 1.5, "pieces": 2, "fragile": False, "at": "2024-03-01T08:00:00+02:00"}


def problems(*records: dict[str, Any]) -> tuple[RecordProblem, ...]:
    with pytest.raises(RecordsRefused) as refused:
        parse_records(CONTRACT, records)
    return refused.value.problems


def test_a_record_becomes_columns_of_the_contracts_types() -> None:
    columns = parse_records(CONTRACT, [VALID, {**VALID, "grade": None, "weight": 3}])
    assert list(columns) == list(CONTRACT.columns)
    assert {name: values.dtype.str for name, values in columns.items()} == {
        "id": "|O", "grade": "|O", "weight": "<f8", "free": "<f8", "pieces": "<f8", "fragile": "|b1", "at": "<M8[us]",
    }  # fmt: skip
    assert columns["grade"].tolist() == ["a", None]
    assert columns["weight"].tolist() == [1.5, 3.0]
    assert np.isnan(columns["free"]).all()
    assert columns["at"][0] == np.datetime64("2024-03-01T06:00:00", "us")


def test_no_records_are_empty_columns() -> None:
    assert {len(values) for values in parse_records(CONTRACT, []).values()} == {0}


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("id", None, "null"),
        ("id", 5, "5"),
        ("id", "\ud800", "'\\ud800'"),
        ("id", ["P-1"], "['P-1']"),
        ("grade", "c", "'c'"),
        ("grade", True, "True"),
        ("weight", -0.1, "-0.1"),
        ("weight", 50.1, "50.1"),
        ("weight", True, "True"),
        ("weight", "1.5", "'1.5'"),
        ("weight", math.nan, "nan"),
        ("weight", -math.inf, "-inf"),
        ("weight", json.loads("1e400"), "inf"),
        ("weight", {"kg": {"of": 1}}, "{'kg': {'of': 1}}"),
        ("free", 10**400, "1" + "0" * 79 + "…"),
        pytest.param("free", 10**5000, "an unwritable int", id="free-unwritable"),
        ("free", [10**5000], "an unwritable list"),
        ("pieces", 1.5, "1.5"),
        ("pieces", 0, "0"),
        ("pieces", 2**53, "9007199254740992"),
        ("pieces", 2**53 + 1, "9007199254740993"),
        ("pieces", 1e20, "1e+20"),
        ("pieces", None, "null"),
        ("fragile", 1, "1"),
        ("fragile", "true", "'true'"),
        ("fragile", None, "null"),
        ("at", "2024-03-01T08:00:00", "'2024-03-01T08:00:00'"),
        ("at", "2024-03-01", "'2024-03-01'"),
        ("at", "2024-13-01T08:00:00Z", "'2024-13-01T08:00:00Z'"),
        ("at", datetime(2024, 3, 1), "datetime.datetime(2024, 3, 1, 0, 0)"),  # noqa: DTZ001
        ("at", 1_700_000_000, "1700000000"),
        ("at", "9999-12-31T23:59:59-23:59", "'9999-12-31T23:59:59-23:59'"),
        ("at", "0001-01-01T00:00:00+23:59", "'0001-01-01T00:00:00+23:59'"),
        ("at", "x" * 500, "'" + "x" * 79 + "…"),
        ("at", "2024\ud83d", "'2024\\ud83d'"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_found_and_expected(field: str, value: object, found: str) -> None:
    expected = expectation(CONTRACT.columns[field])
    assert problems(VALID, {**VALID, field: value}) == (RecordProblem(1, field, found, expected),)


@pytest.mark.parametrize("field", ["id", "pieces", "fragile", "at"])
def test_an_absent_required_field_is_named(field: str) -> None:
    record = {name: value for name, value in VALID.items() if name != field}
    assert problems(record) == (RecordProblem(0, field, "nothing", expectation(CONTRACT.columns[field])),)


def test_an_unknown_field_is_named_briefly() -> None:
    known = "one of ['at', 'fragile', 'free', 'grade', 'id', 'pieces', 'weight']"
    assert problems({**VALID, "wieght": 1}) == (RecordProblem(0, "wieght", "an unknown field", known),)
    assert problems({**VALID, "\ud800" * 500: 1})[0].field == ("\\ud800" * 500)[:80]


def test_a_misnamed_field_is_an_unknown_one_and_an_absent_one() -> None:
    misnamed = {("wieght" if name == "id" else name): value for name, value in VALID.items()}
    assert [(one.field, one.found) for one in problems(VALID, misnamed)] == [
        ("wieght", "an unknown field"),
        ("id", "nothing"),
    ]


def test_of_a_hundred_thousand_unknown_names_a_hundred_are_told() -> None:
    assert len(problems({**VALID, **{f"field {number}": 1 for number in range(100_000)}})) == 100


def test_all_wrong_fields_of_all_records_are_named_in_the_order_of_the_records() -> None:
    found = problems({**VALID, "pieces": 0, "odd": 1}, VALID, {**VALID, "id": 1, "at": None})
    assert [(problem.row, problem.field) for problem in found] == [(0, "odd"), (0, "pieces"), (2, "id"), (2, "at")]
    with pytest.raises(
        RecordsRefused,
        match=r"record 1, field 'id': found 1, expected text \(and 1 more problems\)",
    ):
        parse_records(CONTRACT, [VALID, {**VALID, "pieces": 0, "id": 1}])


def test_a_value_nested_without_end_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert problems({**VALID, "id": nested})[0].found == "an unwritable list"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from([*CONTRACT.columns, "odd"]), _json), max_size=4))
def test_whatever_is_sent_is_either_columns_or_named_briefly(records: list[dict[str, Any]]) -> None:
    try:
        columns = parse_records(CONTRACT, records)
    except RecordsRefused as refused:
        for problem in refused.problems:
            assert len(problem.found) <= 81
            assert problem.field in {*CONTRACT.columns, "odd"}
            problem.found.encode("utf-8")
    else:
        assert {len(values) for values in columns.values()} == {len(records)}


@given(st.datetimes(timezones=st.timezones()))
def test_every_aware_time_is_the_same_instant_as_text_and_as_object(moment: datetime) -> None:
    columns = parse_records(CONTRACT, [{**VALID, "at": moment}, {**VALID, "at": moment.isoformat()}])
    assert columns["at"][0] == columns["at"][1]
    if 1 < moment.year < 9999:
        assert columns["at"][0] == np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (ColumnContract(type="category"), "text"),
        (ColumnContract(type="number", minimum=0, maximum=50, unit="kg"), "a finite number >= 0 and <= 50 (kg)"),
        (
            ColumnContract(type="integer", minimum=0, maximum=9, maximum_missing=0.1),
            "a whole number >= 0 and <= 9 or null",
        ),
        (ColumnContract(type="integer", minimum=1), "a whole number within ±9007199254740991 >= 1"),
        (ColumnContract(type="boolean", maximum_missing=0.1), "true or false"),
        (ColumnContract(type="category", categories=("a", "b")), "one of ['a', 'b']"),
    ],
)
def test_what_is_expected_is_said_in_words(column: ColumnContract, words: str) -> None:
    assert expectation(column) == words


FIELD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 60),
    st.integers(2**53 - 2, 2**53 + 2),
    st.integers(10**300, 10**310),
    st.floats(),
    st.sampled_from(["a", "b", "c", "\ud800", "1.5", "2024-03-01T08:00:00Z", "2024-03-01T08:00:00", "0001-01-01"]),
    st.text(max_size=3),
    st.just([1]),
)


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(CONTRACT.columns, FIELD)), max_size=5), st.data())
def test_a_column_at_a_time_and_a_value_at_a_time_give_the_same(records: list[dict[str, Any]], data: Any) -> None:
    records = [{**VALID, **(one if data.draw(st.booleans()) else {})} for one in records]

    def found() -> object:
        try:
            columns = parse_records(CONTRACT, records)
        except RecordsRefused as refused:
            return refused.problems
        return {
            name: (values.dtype.str, [repr(value) for value in values.tolist()]) for name, values in columns.items()
        }

    with mock.patch.dict(records_module._QUICK, clear=True):
        one_by_one = found()
    assert found() == one_by_one


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(CONTRACT.columns, FIELD)), max_size=5), st.data())
def test_a_record_at_a_time_is_what_columns_hold_and_none_where_something_is_wrong(
    records: list[dict[str, Any]], data: Any
) -> None:
    records = [{**VALID, **(one if data.draw(st.booleans()) else {})} for one in records]
    rows = PlainReader(CONTRACT).read(records)
    try:
        columns = parse_records(CONTRACT, records)
    except RecordsRefused:
        assert rows is None
        return
    assert rows is not None
    for name, values in columns.items():
        plain = values.astype(np.int64) if values.dtype.kind == "M" else values
        expected = [None if value != value else value for value in plain.tolist()]  # noqa: PLR0124 - NaN
        assert [repr(row[name]) for row in rows] == [repr(value) for value in expected]


def test_an_unknown_field_is_left_to_those_who_can_name_it() -> None:
    assert PlainReader(CONTRACT).read([VALID, {**VALID, "odd": 1}]) is None
    assert PlainReader(CONTRACT).read([VALID]) is not None
