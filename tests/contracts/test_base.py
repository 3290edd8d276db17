from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from model_lifecycle.contracts.base import (
    Contract,
    Duration,
    PositiveDuration,
    TimeZone,
    format_duration,
    parse_duration,
)

CENTURY = 36_525 * 86_400


class Waiting(Contract):
    how_long: Duration
    how_much: float = 1.0


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("30min", 1800), ("2h", 7200), ("28 d", 28 * 86_400), ("1w", 604_800), ("0s", 0)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@given(st.integers(0, CENTURY))
def test_every_duration_is_written_as_it_is_read(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration
    waiting = Waiting(how_long=duration)
    assert Waiting.model_validate_json(waiting.model_dump_json()) == waiting


@pytest.mark.parametrize("value", ["2 hours", "h2", "-2h", "1.5h", "", 7200, None, "9" * 5000 + "s"])
def test_anything_else_is_no_duration(value: Any) -> None:
    with pytest.raises(ValueError, match=r"found .*, expected a duration such as '30min'"):
        parse_duration(value)


@pytest.mark.parametrize(
    "value", ["36526d", "9" * 18 + "w", timedelta(seconds=-1), timedelta(seconds=1.5), timedelta.max]
)
def test_a_duration_is_whole_seconds_and_at_most_a_century(value: Any) -> None:
    with pytest.raises(ValueError, match=r"found .*, expected whole seconds from 0 to 36525d"):
        parse_duration(value)


def test_a_positive_duration_is_above_zero() -> None:
    adapter = TypeAdapter(PositiveDuration)
    assert adapter.validate_python("1s") == timedelta(seconds=1)
    with pytest.raises(ValidationError, match="found 0:00:00, expected a duration above zero"):
        adapter.validate_python("0d")


@pytest.mark.parametrize("name", ["", "Mars/Base", "America", "../etc/passwd", "\0", "x" * 300])
def test_an_unknown_time_zone_is_refused_by_name(name: str) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(TimeZone)
    assert adapter.validate_python("America/New_York") == "America/New_York"
    with pytest.raises(ValidationError, match=r"found '.*', expected an IANA time zone such as 'America/New_York'"):
        adapter.validate_python(name)


def test_a_contract_refuses_unknown_fields_changes_and_what_json_cannot_hold() -> None:
    with pytest.raises(ValidationError, match=r"how_lang\n  Extra inputs are not permitted.*input_value='1d'"):
        Waiting.model_validate({"how_long": "1d", "how_lang": "1d"})
    with pytest.raises(ValidationError, match="Instance is frozen"):
        Waiting(how_long=timedelta(days=1)).how_much = 2.0  # type: ignore[misc]
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValidationError, match=r"how_much\n  Input should be a finite number"):
            Waiting(how_long=timedelta(days=1), how_much=number)
