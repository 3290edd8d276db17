from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from model_lifecycle.contracts.features import FeatureSpec
from tiny_release import SPEC

RATE = {
    "name": "late_rate",
    "event": "delivery",
    "by": ["depot"],
    "value": "late",
    "statistic": "rate",
    "window": "7d",
}
EVENTS = {"delivery": {"entities": ["depot", "street"], "values": ["late"]}}


def spec(**changes: Any) -> FeatureSpec:
    return FeatureSpec.model_validate({"numeric": ["weight"], "events": EVENTS, "history": [RATE], **changes})


def test_features_have_one_order_and_inputs_are_named_once() -> None:
    assert SPEC.names() == ("weight", "slot_hour", "slot_day_of_week", "late_rate_7d", "deliveries_7d", "depot")
    assert SPEC.inputs() == ("weight", "depot", "slot")
    assert spec(history=[{**RATE, "by": ["depot", "street"]}]).inputs() == ("weight", "depot", "street")


def test_the_longest_window_is_that_of_the_history() -> None:
    assert spec(history=[RATE, {**RATE, "name": "b", "window": "28d"}]).longest_window() == timedelta(days=28)
    assert spec(history=[]).longest_window() == timedelta(0)


def test_a_history_reaches_back_no_further_than_there_are_dates() -> None:
    first = datetime(1, 1, 1, tzinfo=UTC)
    assert spec().reach(first + timedelta(days=40), timedelta(days=2)) == first + timedelta(days=31)
    assert spec().reach(first + timedelta(days=8), timedelta(days=2)) == first


def test_dropped_features_are_as_if_they_had_never_been_declared() -> None:
    calendar = [{"column": "slot", "time_zone": "UTC", "parts": ["hour", "month"]}]
    whole = spec(calendar=calendar, categorical=["depot"])
    left = spec(calendar=calendar, categorical=["depot"], drop=["late_rate", "slot_hour", "depot"])
    assert left == whole.without(("late_rate", "slot_hour", "depot"))
    assert left.names() == ("weight", "slot_month")
    assert left.inputs() == ("weight", "slot")
    assert FeatureSpec.model_validate(left.model_dump()) == left
    assert spec(drop=[]) == spec(drop=None) == spec()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drop": ["wieght"]}, r"drop: found \['wieght'\], expected some of \['weight', 'late_rate'\]"),
        ({"drop": ["weight", "late_rate"]}, "no feature is declared"),
        ({"drop": "weight"}, "drop: found 'weight', expected a list of feature names"),
        ({"drop": [1]}, r"drop: found \[1\], expected a list"),
        ({"numeric": [], "history": []}, "no feature is declared, expected at least one"),
        ({"numeric": ["weight", "late_rate"]}, r"features named twice: \['late_rate'\]"),
        ({"history": [{**RATE, "event": "loss"}]}, r"late_rate: event 'loss', expected one of \['delivery'\]"),
        (
            {"history": [{**RATE, "by": ["town"]}]},
            r"late_rate: by \['town'\], expected entities of 'delivery': \('depot', 'street'\)",
        ),
        ({"history": [{**RATE, "value": "cost"}]}, r"late_rate: value 'cost', expected one of \('late',\)"),
        (
            {"history": [{**RATE, "value": None}]},
            "statistic 'rate' with value None: count and time_since_last take none",
        ),
        (
            {"history": [{**RATE, "statistic": "count"}]},
            "statistic 'count' with value 'late': count and time_since_last take none",
        ),
        (
            {"history": [{**RATE, "statistic": "mode"}]},
            "Input should be 'count', 'sum', 'mean', 'rate', 'std', 'last' or 'time_since_last'",
        ),
        ({"history": [{**RATE, "window": "0d"}]}, "found 0:00:00, expected a duration above zero"),
        ({"history": [{**RATE, "prior_strength": -1}]}, "prior_strength\n  Input should be greater than or equal to 0"),
        ({"history": [{**RATE, "by": []}]}, "by\n  Tuple should have at least 1 item"),
        (
            {"calendar": [{"column": "slot", "time_zone": "Mars/Base", "parts": ["hour"]}]},
            "found 'Mars/Base', expected an IANA time zone",
        ),
        ({"calendar": [{"column": "slot", "time_zone": "UTC", "parts": ["century"]}]}, "input_value='century'"),
    ],
)
def test_a_wrong_specification_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(**change)
