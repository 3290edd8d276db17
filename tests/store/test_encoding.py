import json
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.store import Store
from model_lifecycle.store.encoding import from_json, from_micros, rows_in_json, to_json, to_micros

from .records import at


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001
def test_times_come_back_exactly_and_keep_their_order(moment: datetime) -> None:
    assert from_micros(to_micros("moment", moment)) == moment.astimezone(UTC)
    assert to_micros("moment", moment.astimezone(UTC) + timedelta(microseconds=1)) == to_micros("moment", moment) + 1


def test_times_of_other_zones_are_the_same_instant(store: Store) -> None:
    elsewhere = at(1).astimezone(timezone(timedelta(hours=-4)))
    store.append_events([EventRecord("e1", "k", elsewhere, pd.Timestamp(elsewhere), {})])
    ((_, read),) = store.events_after(0, 1)
    assert (read.event_time, read.event_time.tzinfo, read.known_at) == (at(1), UTC, at(1))


@given(names=st.lists(st.text(), unique=True), data=st.data())
@example(names=['of "two" parts', "a\\b"], data=None)
def test_rows_become_the_json_of_their_names_and_values(names: list[str], data: st.DataObject | None) -> None:
    value = st.floats(allow_nan=False, allow_infinity=False) | st.text()
    row = data.draw(st.tuples(*(value for _ in names))) if data else tuple(range(len(names)))
    (found,) = rows_in_json(names, [row])
    assert found.isascii()
    assert json.loads(found) == dict(zip(names, row, strict=True))


_JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=9), _JSON | st.lists(_JSON, max_size=3), max_size=4))
@example({"a": float("nan"), "b": float("-inf")})
@example({"half a pair": "\ud800", "beyond 64 bits": 2**70})
@example({"deep": {"of": [{"many": [1, "kinds", None]}]}})
def test_whatever_is_written_as_json_comes_back(value: dict[str, object]) -> None:
    found = from_json(to_json("value", value))
    assert repr(found) == repr(value)  # not its equal alone: NaN, -0.0, True and 1
