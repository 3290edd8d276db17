import json
from datetime import UTC, datetime, timedelta

import pandas as pd

from model_lifecycle.rehearsal.counts import Counts
from model_lifecycle.rehearsal.incidents.plan import SERVICE_KILLED, Incident
from model_lifecycle.rehearsal.journal import Action, Alarm
from model_lifecycle.rehearsal.scorecard.answers import Answers
from model_lifecycle.rehearsal.scorecard.card import Card, card_lines, scorecard
from model_lifecycle.rehearsal.scorecard.matching import Sighting
from model_lifecycle.rehearsal.scorecard.page import scorecard_page
from model_lifecycle.rehearsal.scorecard.worth import Worth

START = datetime(2013, 7, 1, tzinfo=UTC)
KILLED = Incident(SERVICE_KILLED, "the service is killed", START + timedelta(days=9), START + timedelta(days=9))
CELSIUS = Incident("celsius", "degrees Celsius", START + timedelta(days=19), START + timedelta(days=29), ("temp",))


def card(lost: int = 0, missed: bool = False) -> Card:
    seen = Sighting(CELSIUS, None if missed else CELSIUS.start + timedelta(hours=50), "" if missed else "alert unit")
    return scorecard(
        span=(START, START + timedelta(days=60)),
        seed=3,
        seconds=61.0,
        counts=Counts(requests=10, retries=2),
        sightings=[Sighting(KILLED, KILLED.start, "the supervisor", 21.04), seen],
        false=[Alarm(START, "critical", "data_quality.missing", "it said so", "r1", (START, START))],
        unplanted=[],
        actions=[Action(START, "retrain", "", "rehearsal", "because")],
        answers=Answers(pd.DataFrame(), 1000, lost, 0, 0),
        worth=Worth("minutes", 900, 5200.0, 5000.0, None, {"2013-07": (5200.0, 5000.0)}),
    )


def test_the_console_tells_all_that_counts() -> None:
    told = "\n".join(card_lines(card()))

    assert "2 planted, 2 detected" in told
    assert "service_killed, 2013-07-10T00:00: after 0.0 h by the supervisor, up again in 21.0 s" in told
    assert "celsius, 2013-07-20T00:00: after 50.0 h by alert unit" in told
    assert "1 critical ones on data where nothing was planted" in told
    assert "1 retrain" in told
    assert "5,200 minutes per 1,000 decisions, the first champion left alone 5,000: +200" in told
    assert "0 of 1,000 decisions lost" in told


def test_what_was_missed_or_lost_cannot_be_overlooked() -> None:
    found = card(lost=2, missed=True)

    assert (found["incidents_detected"], found["requests_lost"]) == (1, 2)
    assert "celsius, 2013-07-20T00:00: NOT DETECTED" in "\n".join(card_lines(found))
    assert "1 incidents were not detected, 2 decisions were lost." in scorecard_page(found)


def test_it_is_json_and_its_page_needs_no_script() -> None:
    found = json.loads(json.dumps(card(), allow_nan=False))
    page = scorecard_page(found)

    assert found["hours_to_detect_median"] == 50.0
    assert "Every incident was detected and nothing was lost." in page
    assert "<script" not in page
    assert len(page) < 60_000
