"""What a rehearsal is to play."""

from datetime import UTC, datetime, timedelta

from model_lifecycle.cases import Fault
from model_lifecycle.rehearsal.script import Script

START = datetime(2013, 7, 1, tzinfo=UTC)
SPAN = (START, START + timedelta(days=30))
FAULTS = {
    "early": Fault("began before", -timedelta(days=30), lambda tables, _start, _end: tables),
    "later": Fault("begins later", timedelta(days=9), lambda tables, _start, _end: tables, ("temp",)),
}


def test_a_fault_that_stays_is_an_incident_from_when_it_can_be_seen_to_the_end() -> None:
    (early,) = Script("early", fault="early").incidents(FAULTS, "binary", SPAN)
    (later,) = Script("later", fault="later").incidents(FAULTS, "binary", SPAN)
    assert (early.kind, early.start, early.end, early.columns) == ("early", *SPAN, ())
    assert (later.start, later.end, later.columns) == (START + timedelta(days=9), SPAN[1], ("temp",))


def test_without_a_fault_and_a_seed_nothing_goes_wrong() -> None:
    assert Script("clean").incidents(FAULTS, "binary", SPAN) == ()
