from datetime import UTC, datetime, timedelta

import pandas as pd

from model_lifecycle.rehearsal.incidents.labels import DELAY, told_at
from model_lifecycle.rehearsal.incidents.plan import LATE_LABELS, Incident

START = datetime(2013, 7, 1, tzinfo=UTC)
TIMES = pd.Series(pd.date_range(START, periods=5, freq="1D"))


def test_only_labels_of_the_incident_come_late_and_by_a_week() -> None:
    late = Incident(LATE_LABELS, "", START + timedelta(days=1), START + timedelta(days=3))
    found = told_at(TIMES, [late])
    assert ((found - TIMES) / DELAY).tolist() == [0, 1, 1, 0, 0]


def test_other_incidents_leave_labels_alone() -> None:
    other = Incident("celsius", "", START, START + timedelta(days=9), ("temp",))
    pd.testing.assert_series_equal(told_at(TIMES, [other]), TIMES)
