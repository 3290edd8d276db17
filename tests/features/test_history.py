"""History features against a reference in plain loops and fractions."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model_lifecycle.contracts.columns import Columns, take
from model_lifecycle.contracts.features import FeatureSpec, HistoryFeature
from model_lifecycle.contracts.records import EventRecord
from model_lifecycle.errors import FeatureError
from model_lifecycle.features.fixed_point import SCALE
from model_lifecycle.features.history import History, event_columns, history_priors

PRIORS = {"late_rate": 0.3, "late_rate_plain": 0.3}
SPEC = FeatureSpec.model_validate(
    {
        "events": {
            "delivery": {"entities": ["depot", "street"], "values": ["late", "cost"]},
            "pickup": {"entities": ["depot"], "values": ["late"]},
        },
        "history": [
            {"name": name, "event": event, "by": by, "value": value, "statistic": statistic, "window": window}
            | ({"prior_strength": strength} if strength is not None else {})
            for name, event, by, value, statistic, window, strength in (
                ("late_rate", "delivery", ["depot"], "late", "rate", "30s", 5.0),
                ("late_rate_plain", "delivery", ["depot"], "late", "rate", "10s", 0.0),
                ("cost_mean", "delivery", ["depot", "street"], "cost", "mean", "20s", None),
                ("cost_mean_short", "delivery", ["depot"], "cost", "mean", "1s", None),
                ("count", "delivery", ["street"], None, "count", "30s", None),
                ("picked", "pickup", ["depot"], None, "count", "60s", None),
                ("cost_sum", "delivery", ["depot"], "cost", "sum", "20s", None),
                ("cost_std", "delivery", ["depot"], "cost", "std", "30s", None),
                ("late_std", "delivery", ["street"], "late", "std", "30s", None),
                ("last_cost", "delivery", ["depot", "street"], "cost", "last", "20s", None),
                ("last_late", "delivery", ["depot"], "late", "last", "30s", None),
                ("since_delivery", "delivery", ["depot"], None, "time_since_last", "30s", None),
                ("since_pickup", "pickup", ["depot"], None, "time_since_last", "10s", None),
            )
        ],
    }
)


@dataclass(frozen=True)
class Event:
    kind: str
    at: int  # whole seconds, so that instants coincide
    depot: str | None
    street: str | None
    late: float
    cost: float


_depots = st.sampled_from(["north", "süd", "", None])
_streets = st.sampled_from(["a", "b", None])
_costs = st.one_of(st.just(math.nan), st.floats(-1e9, 1e9), st.sampled_from([0.1, 0.2, 2 / 3, 1.001]))
_events = st.builds(
    Event,
    st.sampled_from(["delivery", "delivery", "pickup"]),
    st.integers(0, 60),
    _depots,
    _streets,
    st.sampled_from([0.0, 1.0, math.nan]),
    _costs,
)
_rows = st.tuples(
    st.integers(-5, 90), st.sampled_from(["north", "süd", "", "unknown", None]), st.sampled_from(["a", "b", "z", None])
)
Row = tuple[int, str | None, str | None]


def times(seconds: Sequence[int]) -> np.ndarray:
    return np.array([second * 1_000_000 for second in seconds], dtype=np.int64).astype("datetime64[us]")


def text(values: Sequence[str | None]) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def by_kind(events: Sequence[Event]) -> dict[str, Columns]:
    return {
        kind: {
            "known_at": times([event.at for event in events if event.kind == kind]),
            "depot": text([event.depot for event in events if event.kind == kind]),
            "street": text([event.street for event in events if event.kind == kind]),
            "late": np.array([event.late for event in events if event.kind == kind], dtype=np.float64),
            "cost": np.array([event.cost for event in events if event.kind == kind], dtype=np.float64),
        }
        for kind in SPEC.events
    }


def columns(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    return {"depot": text([row[1] for row in rows]), "street": text([row[2] for row in rows])}


def compute(history: History, rows: Sequence[Row]) -> dict[str, np.ndarray]:
    return history.compute(columns(rows), times([row[0] for row in rows]), PRIORS)


def reference(feature: HistoryFeature, events: Sequence[Event], row: Row) -> float:
    """One feature of one row: look at every event, add in fractions of whole millionths."""
    time, keys = row[0], {"depot": row[1], "street": row[2]}
    seen = [
        event
        for event in events
        if event.kind == feature.event
        and time - feature.window.total_seconds() < event.at <= time
        and all(getattr(event, column) == keys[column] for column in feature.by)
    ]
    if feature.value is None:
        since = min((float(time - event.at) for event in seen), default=math.nan)
        return float(len(seen)) if feature.statistic == "count" else since
    told = [(event.at, getattr(event, feature.value)) for event in seen]
    if feature.statistic == "last":
        return max(((at, value) for at, value in told if math.isfinite(value)), default=(0, math.nan))[1]
    known = [Fraction(round(value * SCALE)) for _, value in told if math.isfinite(value)]
    total, weight = float(sum(known, Fraction(0)) / SCALE), float(len(known))
    if feature.statistic == "sum":
        return total
    if feature.statistic == "std":
        return spread(known)
    if feature.statistic == "rate":
        total, weight = total + feature.prior_strength * PRIORS[feature.name], weight + feature.prior_strength
    return total / weight if weight else math.nan


def spread(known: Sequence[Fraction]) -> float:
    """The sample standard deviation of whole millionths; the variance is rounded once, as a fraction is."""
    if len(known) < 2:
        return math.nan
    mean = sum(known, Fraction(0)) / len(known)
    return math.sqrt(float(sum((value - mean) ** 2 for value in known) / (len(known) - 1) / SCALE**2))


def same(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> None:
    """Equal to the last bit, NaN included."""
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == np.float64
        assert found[name].tobytes() == values.tobytes(), (name, found[name], values)


@settings(max_examples=200, deadline=None)
@given(st.lists(_events, max_size=40), st.lists(_rows, min_size=1, max_size=12))
def test_every_feature_is_that_of_the_loops(events: list[Event], rows: list[Row]) -> None:
    found = compute(History.build(SPEC, by_kind(events)), rows)
    for feature in SPEC.history:
        expected = [reference(feature, events, row) for row in rows]
        np.testing.assert_array_equal(found[feature.name], expected, err_msg=feature.name)


@settings(deadline=None)
@given(st.lists(_events, max_size=40), st.lists(_rows, min_size=1, max_size=12), st.randoms())
def test_the_order_and_the_segments_of_the_events_do_not_matter(
    events: list[Event], rows: list[Row], draw: Any
) -> None:
    expected = compute(History.build(SPEC, by_kind(events)), rows)
    shuffled = list(events)
    draw.shuffle(shuffled)
    same(compute(History.build(SPEC, by_kind(shuffled)), rows), expected)
    history = History.build(SPEC, {})
    while shuffled:
        size = draw.randint(1, len(shuffled))
        history, shuffled = history.extended(by_kind(shuffled[:size])), shuffled[size:]
    same(compute(history, rows), expected)


@settings(deadline=None)
@given(st.lists(_events, max_size=40), st.lists(_rows, min_size=64, max_size=70))
def test_one_row_is_the_row_of_the_table(events: list[Event], rows: list[Row]) -> None:
    history = History.build(SPEC, by_kind(events))
    table = compute(history, rows)
    for place, row in enumerate(rows):
        same(compute(history, [row]), take(table, np.array([place])))


@settings(deadline=None)
@given(st.lists(_events, max_size=30), st.lists(_events, max_size=30), st.lists(_rows, min_size=1, max_size=10))
def test_what_becomes_known_later_never_changes_an_earlier_row(
    events: list[Event], later: list[Event], rows: list[Row]
) -> None:
    newest = max(row[0] for row in rows)
    future = [event for event in later if event.at > newest]
    history = History.build(SPEC, by_kind(events))
    before = compute(history, rows)
    same(compute(history.extended(by_kind(future)), rows), before)
    same(compute(History.build(SPEC, by_kind([*future, *events])), rows), before)
    same(compute(history, rows), before)


def delivery(at: int, **changes: Any) -> Event:
    return replace(Event("delivery", at, "north", "a", late=1.0, cost=2.0), **changes)


def count(at: str, known_at: str = "2013-06-01T12:00:00") -> float:
    events = {**by_kind([delivery(0)])["delivery"], "known_at": np.array([known_at], dtype="datetime64[us]")}
    rows = {"depot": text(["north"]), "street": text(["a"])}
    found = History.build(SPEC, {"delivery": events}).compute(rows, np.array([at], dtype="datetime64[us]"), PRIORS)
    return float(found["count"][0])


@pytest.mark.parametrize(
    ("decision", "seen"),
    [
        ("2013-06-01T11:59:59.999999", 0),
        ("2013-06-01T12:00:00", 1),  # known in the very microsecond of the decision
        ("2013-06-01T12:00:29.999999", 1),
        ("2013-06-01T12:00:30", 0),  # just the window old
    ],
)
def test_the_window_is_open_at_its_old_end_and_closed_at_the_decision(decision: str, seen: int) -> None:
    assert count(decision) == seen


@pytest.mark.parametrize("decision", ["0001-01-01", "9999-12-31"])
def test_decisions_at_the_ends_of_time_see_nothing(decision: str) -> None:
    assert count(decision) == 0


def test_an_event_that_is_never_known_is_never_seen() -> None:
    assert count("2013-06-01T12:00:00", known_at="NaT") == 0


def test_a_missing_entity_is_an_entity_of_its_own() -> None:
    history = History.build(SPEC, by_kind([delivery(0, street=None), delivery(0), delivery(0)]))
    found = compute(history, [(0, "north", None), (0, "north", "a"), (0, "north", "unknown")])
    assert found["count"].tolist() == [1, 2, 0]


def test_numbers_and_nan_as_keys_mean_what_they_mean_on_both_paths() -> None:
    spec = FeatureSpec.model_validate(
        {
            "events": {"visit": {"entities": ["room"]}},
            "history": [{"name": "n", "event": "visit", "by": ["room"], "statistic": "count", "window": "1d"}],
        }
    )
    events = {"known_at": times([0, 0, 0]), "room": np.array([7, 7, 8], dtype=np.int64)}
    history = History.build(spec, {"visit": events})
    for copies in (1, 40):
        rows = {"room": np.array([7.0, 8.0, np.nan] * copies)}
        assert history.compute(rows, times([0, 0, 0] * copies), {})["n"].tolist() == [2, 1, 0] * copies


@example([1.001, 2 / 3, -2 / 3, 1e9])  # the first is 1000999.9999999999 millionths in floating point
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50))
def test_sums_are_exact(values: list[float]) -> None:
    history = History.build(SPEC, by_kind([delivery(0, cost=value) for value in values]))
    exact = sum((Fraction(round(value * SCALE)) for value in values), Fraction(0)) / SCALE
    assert compute(history, [(0, "north", "a")])["cost_mean_short"][0] == float(exact) / len(values)


def test_no_event_is_no_mean_and_the_prior_rate() -> None:
    found = compute(History.build(SPEC, {}), [(0, "north", "a")])
    assert np.isnan(found["cost_mean"][0])
    assert np.isnan(found["late_rate_plain"][0])
    assert found["late_rate"][0] == PRIORS["late_rate"]
    assert found["count"][0] == 0


def test_no_rows_are_no_features() -> None:
    found = compute(History.build(SPEC, by_kind([delivery(0)])), [])
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(found, 0)


def test_the_inputs_are_left_as_they_are() -> None:
    events, rows = by_kind([delivery(5), delivery(3), delivery(4, depot=None)]), columns([(9, "north", None)])
    kept = {name: values.copy() for name, values in events["delivery"].items()}
    at = times([9])
    History.build(SPEC, events).compute(rows, at, PRIORS)
    for name, values in kept.items():
        np.testing.assert_array_equal(events["delivery"][name], values)
    assert rows["street"].tolist() == [None]
    assert at.tolist() == times([9]).tolist()


def test_the_newest_event_is_told() -> None:
    history = History.build(SPEC, by_kind([delivery(5), delivery(3)]))
    assert history.newest_known_at() == np.datetime64(5, "s")
    assert history.extended(by_kind([delivery(9, kind="pickup")])).newest_known_at() == np.datetime64(9, "s")
    assert history.newest_known_at() == np.datetime64(5, "s")
    assert History.build(SPEC, {}).newest_known_at() is None


def test_an_undeclared_kind_and_an_absent_column_are_refused() -> None:
    with pytest.raises(FeatureError, match=r"events of kinds \['loss'\], expected \['delivery', 'pickup'\]"):
        History.build(SPEC, {"loss": {"known_at": times([0])}})
    events = {name: values for name, values in by_kind([delivery(0)])["delivery"].items() if name != "cost"}
    with pytest.raises(FeatureError, match=r"events of kind 'delivery' lack \['cost'\]; found \['depot', 'known_at'"):
        History.build(SPEC, {"delivery": events})


def test_a_value_too_large_to_add_up_exactly_is_refused() -> None:
    with pytest.raises(FeatureError, match=r"kind 'delivery', value 'cost': 1 of 2 beyond ±1e\+09, such as 1e\+300"):
        History.build(SPEC, by_kind([delivery(0), delivery(0, cost=1e300)]))


def test_values_that_are_not_finite_are_unknown() -> None:
    history = History.build(
        SPEC, by_kind([delivery(0, cost=math.inf), delivery(0, cost=4.0), delivery(0, cost=math.nan)])
    )
    found = compute(history, [(0, "north", "a")])
    assert found["cost_mean"].tolist() == [4.0]
    assert found["count"].tolist() == [3]


def test_stored_events_become_the_same_history() -> None:
    events = [delivery(3), delivery(4, depot=None, late=math.nan), delivery(5, kind="pickup")]
    start = datetime(1970, 1, 1, tzinfo=UTC)
    records = [
        EventRecord(
            event_id=str(place),
            kind=event.kind,
            event_time=start,
            known_at=start + timedelta(seconds=event.at),
            payload={
                "depot": event.depot,
                "street": event.street,
                "late": None if math.isnan(event.late) else event.late,
                "cost": event.cost,
            },
        )
        for place, event in enumerate(events)
    ]
    other = EventRecord("x", "of another release", start, start, {})
    rows: list[Row] = [(6, "north", "a"), (6, None, "a"), (4, "north", "a")]
    stored = History.build(SPEC, event_columns(SPEC, [*records, other]))
    same(compute(stored, rows), compute(History.build(SPEC, by_kind(events)), rows))


def test_a_prior_is_the_mean_over_what_was_known_before() -> None:
    events = by_kind([delivery(1), delivery(2, late=0.0), delivery(3, late=math.nan), delivery(4)])
    assert history_priors(SPEC, events, np.datetime64(4, "s")) == {"late_rate": 0.5, "late_rate_plain": 0.5}
    with pytest.raises(FeatureError, match="late_rate: no 'delivery' event with a value before 1970-01-01T00:00:01"):
        history_priors(SPEC, events, np.datetime64(1, "s"))
    with pytest.raises(FeatureError, match="late_rate: no 'delivery' event with a value before"):
        history_priors(SPEC, {}, np.datetime64(1, "s"))


def test_a_correction_is_a_new_event_that_earlier_decisions_do_not_see() -> None:
    first, corrected = delivery(10, cost=5.0), delivery(20, cost=7.0)
    history = History.build(SPEC, by_kind([first, corrected]))
    found = compute(history, [(9, "north", "a"), (19, "north", "a"), (20, "north", "a")])
    np.testing.assert_array_equal(found["last_cost"], [np.nan, 5.0, 7.0])


def test_of_two_events_in_the_same_microsecond_the_larger_value_is_the_last() -> None:
    earlier, later = by_kind([delivery(10, cost=7.0)]), by_kind([delivery(10, cost=5.0), delivery(10, cost=math.nan)])
    for parts in ((earlier, later), (later, earlier)):
        history = History.build(SPEC, parts[0]).extended(parts[1])
        assert compute(history, [(10, "north", "a")])["last_cost"].tolist() == [7.0]


@pytest.mark.parametrize("costs", list(itertools.permutations([7.0, 5.0, math.nan])))
def test_nor_does_their_order_within_a_table_matter(costs: tuple[float, ...]) -> None:
    others = [delivery(9, cost=9.0), delivery(11, cost=1.0)]
    history = History.build(SPEC, by_kind([*others, *(delivery(10, cost=cost) for cost in costs)]))
    assert compute(history, [(10, "north", "a"), (11, "north", "a")])["last_cost"].tolist() == [7.0, 1.0]


def test_sums_beyond_64_bits_stay_exact() -> None:
    values = [1e9] * 20_000 + [-1e9] * 3 + [0.25]
    history = History.build(SPEC, by_kind([delivery(0, cost=value) for value in values]))
    found = compute(history, [(0, "north", "a")])
    assert found["cost_sum"].tolist() == [19_997e9 + 0.25]
    assert found["cost_std"].tolist() == [spread([Fraction(round(value * SCALE)) for value in values])]


def test_a_long_table_is_that_of_its_parts() -> None:
    rng = np.random.default_rng(4)
    rows = [(int(at), "north", "a") for at in rng.integers(0, 100, 140_000)]
    history = History.build(SPEC, by_kind([delivery(int(at), cost=float(at)) for at in rng.integers(0, 90, 500)]))
    whole, tail = compute(history, rows), compute(history, rows[-1000:])
    same({name: values[-1000:] for name, values in whole.items()}, tail)
