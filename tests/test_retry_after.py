from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from model_lifecycle.retry_after import asked_pause


def test_a_date_is_so_many_seconds_away() -> None:
    pause = asked_pause(format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True))
    assert pause == pytest.approx(120, abs=5)


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_what_is_past_is_no_pause_and_what_cannot_be_read_is_none_asked_for(
    header: str | None, pause: float | None
) -> None:
    assert asked_pause(header) == pause
