import numpy as np
import pandas as pd
import pytest

from model_lifecycle.errors import FeatureError
from model_lifecycle.features.tables import events_by_kind, to_columns, to_table
from tiny_release import SPEC


def test_every_type_of_a_table_has_its_column() -> None:
    table = pd.DataFrame(
        {
            "number": [1.5, None],
            "whole": [1, 2],
            "whole_or_missing": pd.array([1, None], dtype="Int64"),
            "flag": [True, False],
            "text": ["ü", None],
            "time": pd.to_datetime(["2024-03-01T08:00:00+02:00", "NaT"], utc=True),
            "local": pd.to_datetime(["2024-03-31T01:00", "2024-03-31T03:00"]).tz_localize("Europe/Berlin"),
            "nanoseconds": pd.to_datetime(["2024-03-01", "2024-03-02"]).astype("datetime64[ns]"),
        }
    )
    columns = to_columns(table)
    assert {name: values.dtype.str for name, values in columns.items()} == {
        "number": "<f8", "whole": "<i8", "whole_or_missing": "<f8", "flag": "|b1", "text": "|O",
        "time": "<M8[us]", "local": "<M8[us]", "nanoseconds": "<M8[us]",
    }  # fmt: skip
    assert columns["text"].tolist() == ["ü", None]
    assert np.isnan(columns["whole_or_missing"]).tolist() == [False, True]
    assert columns["time"][0] == np.datetime64("2024-03-01T06:00")
    assert np.isnat(columns["time"][1])
    assert columns["local"].tolist() == [pd.Timestamp("2024-03-31T00:00"), pd.Timestamp("2024-03-31T01:00")]


@pytest.mark.parametrize(
    "values",
    [
        pd.array([True, None], dtype="boolean"),
        pd.Categorical(["a", "b"]),
        np.array([1j, 2j]),
        pd.to_timedelta(["1h", "2h"]),
        np.array(["a", 5], dtype=object),
        np.array([["a"], "b"], dtype=object),
    ],
)
def test_a_column_of_another_type_is_refused(values: object) -> None:
    with pytest.raises(FeatureError, match=r"column 'odd' has type .*, expected number, bool without missing, time"):
        to_columns(pd.DataFrame({"odd": values}))


def test_text_in_an_object_column_is_text_however_missing_is_written() -> None:
    table = pd.DataFrame({"text": np.array(["a", None, np.nan, pd.NA], dtype=object), "none": np.array([None] * 4)})
    assert to_columns(table)["text"].tolist() == ["a", None, None, None]
    assert to_columns(table)["none"].tolist() == [None] * 4
    assert pd.isna(table["text"][2])  # the table is left as it is


def test_columns_become_a_table_and_columns_again() -> None:
    columns = {
        "n": np.array([1.0, np.nan]),
        "t": np.array(["2024-03-01", "NaT"], dtype="datetime64[us]"),
        "c": np.array(["a", None], dtype=object),
    }
    table = to_table(columns)
    assert str(table["t"].dtype) == "datetime64[us, UTC]"
    for name, values in to_columns(table).items():
        np.testing.assert_array_equal(values, columns[name])


def test_events_are_split_by_kind_and_other_kinds_left_out() -> None:
    events = pd.DataFrame(
        {
            "kind": ["delivery", "loss", "delivery"],
            "known_at": pd.to_datetime(["2024-03-01", "2024-03-02", "2024-03-03"], utc=True),
            "depot": ["north", "south", None],
            "late": [1.0, None, 0.0],
            "more": [1, 2, 3],
        }
    )
    found = events_by_kind(events, SPEC)
    assert list(found) == ["delivery"]
    assert list(found["delivery"]) == ["known_at", "depot", "late"]
    assert found["delivery"]["depot"].tolist() == ["north", None]
