from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from model_lifecycle.contracts.run import RunSpec
from model_lifecycle.contracts.split import Fold, SplitPlan


def test_a_moment_with_an_offset_is_kept_in_utc() -> None:
    run = RunSpec.model_validate({"as_of": "2013-07-01T00:00:00-04:00"})
    assert run.as_of == datetime(2013, 7, 1, 4, tzinfo=UTC)
    assert run.as_of.tzinfo is UTC


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.timezones()))  # noqa: DTZ001
def test_every_moment_goes_through_json(moment: datetime) -> None:
    run = RunSpec(as_of=moment)
    assert RunSpec.model_validate_json(run.model_dump_json()) == run
    assert run.as_of == moment.astimezone(UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2013-07-01", "2013-07-01T00:00:00", "yesterday", "", 20130701, None, date(2013, 7, 1), datetime(2013, 7, 1),  # noqa: DTZ001
        "0001-01-01T00:00:00+14:00",
    ],
)  # fmt: skip
def test_anything_but_a_moment_with_an_offset_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match=r"as_of\n  Value error, found .*, expected an ISO 8601 time with its"):
        RunSpec(as_of=value)


def test_folds_lie_in_the_order_of_time() -> None:
    start = datetime(2013, 3, 1, tzinfo=UTC)
    month = timedelta(days=30)
    early, late = (Fold(train_start=start, start=start + month * k, end=start + month * (k + 1)) for k in (1, 2))
    plan = SplitPlan(time_zone="UTC", folds=(early,), test=late)
    assert plan.as_of == late.end
    assert SplitPlan.model_validate_json(plan.model_dump_json()) == plan
    with pytest.raises(ValidationError, match=r"folds and test are not in time order: \['2013-04-30 .*'2013-03-31"):
        SplitPlan(time_zone="UTC", folds=(late,), test=early)
    with pytest.raises(ValidationError, match="found 'Mars/Base', expected an IANA time zone"):
        SplitPlan(time_zone="Mars/Base", folds=(early,), test=late)
