"""One feature path: a table, each of its rows, and the same rows as parsed records, give the same features."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_lifecycle.contracts.columns import take
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.table import LARGEST_INTEGER, TableContract
from model_lifecycle.errors import FeatureError
from model_lifecycle.features.history import History
from model_lifecycle.features.plain_records import PlainReader
from model_lifecycle.features.plain_row import PlainFeatures
from model_lifecycle.features.records import parse_records
from model_lifecycle.features.tables import to_columns
from model_lifecycle.features.transform import FeatureState, compute_features, fit_feature_state

START = datetime(2013, 3, 10, tzinfo=UTC)  # the day on which the clocks of New York went forward
SPEC = FeatureSpec.model_validate(
    {
        "numeric": ["weight", "pieces", "fragile"],
        "categorical": ["depot", "lane", "fragile_kind"],
        "calendar": [{"column": "slot", "time_zone": "America/New_York", "parts": ["minute_of_day", "day_of_week"]}],
        "events": {"delivery": {"entities": ["depot", "lane"], "values": ["late"]}},
        "history": [
            {
                "name": "late_rate",
                "event": "delivery",
                "by": ["depot"],
                "value": "late",
                "statistic": "rate",
                "window": "2h",
            },
            {"name": "lane_count", "event": "delivery", "by": ["depot", "lane"], "statistic": "count", "window": "1d"},
        ],
    }
)
STATE = FeatureState(priors={"late_rate": 0.25}, categories={})
CONTRACT = TableContract.model_validate(
    {
        "columns": {
            "asked_at": {"type": "time"},
            "weight": {"type": "number", "maximum_missing": 0.5},
            "pieces": {"type": "integer"},
            "fragile": {"type": "boolean"},
            "fragile_kind": {"type": "boolean"},
            "depot": {"type": "category", "maximum_missing": 0.5},
            "lane": {"type": "integer"},
            "slot": {"type": "time", "maximum_missing": 0.5},
        }
    }
)

_depot = (
    st.none()
    | st.sampled_from(["north", "süd", "", "(missing)", "東"])
    | st.text(st.characters(exclude_categories=["Cs"]))
)
_lane = st.sampled_from([1, 2, 3, -7]) | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER)
_moment = st.integers(-86_400, 10 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds))
_record = st.fixed_dictionaries(
    {
        "asked_at": _moment,
        "weight": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "pieces": st.integers(-LARGEST_INTEGER, LARGEST_INTEGER),
        "fragile": st.booleans(),
        "fragile_kind": st.booleans(),
        "depot": _depot,
        "lane": _lane,
        "slot": st.none() | _moment,
    }
)
_event = st.tuples(_moment, _depot, _lane, st.sampled_from([0.0, 1.0, np.nan]))


def history(events: list[tuple[datetime, str | None, int, float]]) -> History:
    columns = {
        "known_at": np.array([event[0].replace(tzinfo=None) for event in events], dtype="datetime64[us]"),
        "depot": np.array([event[1] for event in events], dtype=object),
        "lane": np.array([event[2] for event in events], dtype=np.int64),
        "late": np.array([event[3] for event in events], dtype=np.float64),
    }
    return History.build(SPEC, {"delivery": columns})


def table_columns(records: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Take the records the way of the catalog: through a pandas table."""
    table = pd.DataFrame(
        {
            name: pd.Series([record[name] for record in records], dtype=dtype)
            for name, dtype in {
                "weight": "float64", "pieces": "int64", "fragile": "bool", "fragile_kind": "bool", "depot": "str",
                "lane": "int64",
            }.items()
        }
    )  # fmt: skip
    for name in ("asked_at", "slot"):
        table[name] = pd.to_datetime(pd.Series([record[name] for record in records], dtype=object), utc=True)
    return to_columns(table)


def same(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    for name, values in expected.items():
        equal = (
            found[name].tolist() == values.tolist()
            if values.dtype == object
            else found[name].tobytes() == values.tobytes()
        )
        assert equal, (name, found[name], values)
        assert found[name].dtype == values.dtype


@settings(deadline=None)
@given(st.lists(_record, min_size=1, max_size=5), st.lists(_event, max_size=10), st.sampled_from([1, 20]))
def test_a_table_its_rows_and_parsed_records_give_the_same_features(
    records: list[dict[str, Any]], events: list[tuple[datetime, str | None, int, float]], copies: int
) -> None:
    past, records = history(events), records * copies
    table = table_columns(records)
    kept = {name: values.copy() for name, values in table.items()}
    features = compute_features(SPEC, STATE, table, table["asked_at"], past)
    for name, values in kept.items():
        np.testing.assert_array_equal(table[name], values)
    as_text = [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in record.items()}
        for record in records
    ]
    parsed = parse_records(CONTRACT, as_text)
    same(compute_features(SPEC, STATE, parsed, parsed["asked_at"], past), features)
    for place in range(len(records) // copies):
        row = parse_records(CONTRACT, [as_text[place]])
        same(compute_features(SPEC, STATE, row, row["asked_at"], past), take(features, np.array([place])))
    assert PlainFeatures.serves(SPEC, CONTRACT)
    rows = PlainReader(CONTRACT).read(as_text)
    assert rows is not None
    plain = PlainFeatures(SPEC, STATE.priors)
    found = [plain.compute(row, row["asked_at"], past) for row in rows]
    columns = zip(features.items(), zip(*found, strict=True), strict=True)
    same({name: np.array(column, dtype=values.dtype) for (name, values), column in columns}, features)


def valid(**changes: np.ndarray) -> dict[str, np.ndarray]:
    record = {"asked_at": START, "weight": 1.0, "pieces": 2, "fragile": True, "fragile_kind": False, "depot": "north"}
    return {**table_columns([{**record, "lane": 1, "slot": START}]), **changes}


def test_the_features_come_in_the_order_of_the_specification() -> None:
    columns = valid()
    features = compute_features(SPEC, STATE, columns, columns["asked_at"], history([]))
    assert set(features) == set(SPEC.names())
    assert {name for name, values in features.items() if values.dtype == object} == set(SPEC.categorical)
    assert tuple(features) == SPEC.names()


@pytest.mark.parametrize("name", SPEC.inputs())
def test_an_absent_input_is_named(name: str) -> None:
    columns = valid()
    del columns[name]
    with pytest.raises(FeatureError, match=rf"input columns \['{name}'\] are absent; found \['asked_at', "):
        compute_features(SPEC, STATE, columns, columns["asked_at"], history([]))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("weight", np.array(["heavy"], dtype=object), "input column 'weight' has type object, expected numbers"),
        ("weight", np.array(["2024"], dtype="datetime64[us]"), r"'weight' has type datetime64\[us\], expected numbers"),
        ("slot", np.array([1.0]), "input column 'slot' has type float64, expected times"),
    ],
)
def test_an_input_of_another_type_is_named(name: str, values: np.ndarray, message: str) -> None:
    columns = valid(**{name: values})
    with pytest.raises(FeatureError, match=message):
        compute_features(SPEC, STATE, columns, columns["asked_at"], history([]))


def test_a_missing_decision_time_is_refused() -> None:
    with pytest.raises(FeatureError, match="1 of 1 decision times are missing, expected none"):
        compute_features(SPEC, STATE, valid(), np.array(["NaT"], dtype="datetime64[us]"), history([]))


def test_the_state_holds_priors_and_categories_as_they_were_seen() -> None:
    columns = {
        **valid(),
        "depot": np.array([" north ", None, "süd"], dtype=object),
        "lane": np.array([3, 1, 3]),
        "fragile_kind": np.array([True, True, True]),
    }
    events = {
        "delivery": {
            "known_at": np.array(["2013-01-01", "2013-01-02", "2013-02-01"], dtype="datetime64[us]"),
            "late": np.array([1.0, 0.0, 1.0]),
        }
    }
    state = fit_feature_state(SPEC, columns, events, np.datetime64("2013-02-01"))
    assert state.priors == {"late_rate": 0.5}
    assert state.categories == {"depot": (" north ", "(missing)", "süd"), "lane": ("1", "3"), "fragile_kind": ("True",)}
    assert FeatureState.model_validate_json(state.model_dump_json()) == state


@pytest.mark.parametrize(
    ("changes", "column"),
    [({"numeric": ["depot"]}, "depot"), ({"categorical": ["slot"]}, "slot")],
)
def test_a_type_that_rows_and_columns_read_differently_is_left_to_columns(changes: dict[str, Any], column: str) -> None:
    spec = SPEC.model_copy(update=changes)
    assert column in CONTRACT.columns
    assert not PlainFeatures.serves(spec, CONTRACT)
