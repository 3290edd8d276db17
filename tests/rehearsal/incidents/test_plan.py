from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from model_lifecycle.rehearsal.incidents.plan import (
    BAD_RELEASE,
    GENERAL,
    LATE_LABELS,
    QUIET_END,
    QUIET_START,
    SERVICE_KILLED,
    plan_incidents,
)

START = datetime(2013, 7, 1, 4, tzinfo=UTC)
KINDS = [*((kind, said, ()) for kind, said in GENERAL.items()), *((f"fault {n}", "", ("a",)) for n in range(4))]


@given(st.integers(0, 10_000), st.integers(1, 400))
def test_incidents_never_overlap_and_leave_the_first_and_the_last_week_alone(seed: int, days: int) -> None:
    end = START + timedelta(days=days)
    found = plan_incidents(KINDS, START, end, seed)
    moments = [START + QUIET_START, *(moment for one in found for moment in (one.start, one.end))]

    assert moments == sorted(moments)
    assert not found or found[-1].end <= end - QUIET_END
    assert len({one.kind for one in found}) == len(found)


@given(st.integers(0, 10_000))
def test_half_a_year_holds_every_kind_and_those_that_last_fill_a_window(seed: int) -> None:
    found = plan_incidents(KINDS, START, START + timedelta(days=184), seed)
    lasting = [one for one in found if one.kind not in (BAD_RELEASE, SERVICE_KILLED)]

    assert {one.kind for one in found} == {kind for kind, _, _ in KINDS}
    assert all(timedelta(days=7) <= one.end - one.start <= timedelta(days=14) for one in lasting)


def test_the_seed_is_all_that_counts_and_another_one_is_another_plan() -> None:
    end = START + timedelta(days=184)
    plans = [plan_incidents(kinds, START, end, seed) for kinds, seed in ((KINDS, 1), (KINDS[::-1], 1), (KINDS, 2))]

    assert plans[0] == plans[1]
    assert [one.kind for one in plans[0]] != [one.kind for one in plans[2]]


def test_a_stretch_that_is_too_short_has_none() -> None:
    assert plan_incidents(KINDS, START, START + timedelta(days=20), 1) == ()


def test_what_spoils_inputs_names_them() -> None:
    found = plan_incidents(KINDS, START, START + timedelta(days=184), 1)
    assert {one.columns for one in found if one.kind.startswith("fault")} == {("a",)}
    assert next(one for one in found if one.kind == LATE_LABELS).columns == ()
